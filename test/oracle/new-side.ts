import type { App, TargetSettings, TargetTraits } from '../../src/deployment/app.ts'
import type { Ended } from '../../src/deployment/deployment.ts'
import { createHead, type Head } from '../../src/deployment/head.ts'
import { TargetKey } from '../../src/kernel/id.ts'
import { Retryable } from '../../src/kernel/retryable.ts'
import type { StepRecord } from '../../src/deployment/step.ts'
import { createOperate } from '../../src/rollout/operate.ts'
import type { ReconcilePorts } from '../../src/rollout/ports.ts'
import type { Chronicle } from '../../src/rollout/journal.ts'
import { createReconcile } from '../../src/rollout/reconcile.ts'
import { createRedeploy } from '../../src/rollout/redeploy.ts'
import { createStatus } from '../../src/rollout/status.ts'
import { createTakeAlarm } from '../../src/rollout/take-alarm.ts'
import type { Order, Target } from '../../src/targets/target.ts'
import type { App as FrozenApp, TargetSettings as FrozenTarget } from './frozen/deployment/app.ts'
import type { Command, DeploymentRecord, Ports, Side, StepEntry, WorldTarget } from './side.ts'

// The one file that knows the core of today: everything else here knows the world and the frozen copy.
// Where a port of src changes, it is adapted here; positions, not names of targets, are compared.

const noTraits = {
  instances: null,
  hosts: [],
  predeploy: null,
  rollout: { batch: { kind: 'count', value: 1 }, pauseSeconds: 0 },
  drift: 'repair',
  canBeAsked: false,
} as const satisfies Partial<TargetTraits>

/** As src/config normalises it. */
const toSettings = (target: FrozenTarget): TargetSettings => {
  switch (target.kind) {
    case 'ec2': {
      const { instances } = target
      const name = instances.kind === 'tag' ? `${instances.key}=${instances.value}` : 'ids'
      return { ...target, key: TargetKey.parse(`ec2:${name}`), canBeAsked: true, isSupported: true }
    }
    case 'render':
      return {
        ...noTraits,
        ...target,
        key: TargetKey.parse(`render:${target.service}`),
        isSupported: true,
      }
    case 'heroku':
      return {
        ...noTraits,
        ...target,
        key: TargetKey.parse(`heroku:${target.app}`),
        isSupported: false,
      }
  }
}

const toApp = (app: FrozenApp): App => ({ ...app, targets: app.targets.map(toSettings) })

const positionOf = ({ targets }: App, target: TargetKey): number =>
  targets.findIndex(({ key }) => key === target)

const toCommand = (order: Order): Command => ({
  purpose: order.purpose,
  kind: order.kind,
  generation: order.generation,
  fence: order.fence,
  release:
    order.release === null
      ? null
      : {
          generation: order.release.generation,
          digest: order.release.digest,
          secretVersion: order.release.secretVersion,
          settings: order.release.settings.environment,
        },
  settings: order.settings.environment,
  numberedAt: order.numberedAt,
  since: order.since,
  target: positionOf(order.settings, order.target),
  instances: order.instances,
  predeployOn: order.predeployOn,
  notAfter: order.notAfter,
  hostSeconds: order.hostSeconds,
})

const toRecord = (deployment: Ended): DeploymentRecord => ({
  generation: deployment.generation,
  kind: deployment.kind,
  by: deployment.by,
  status: deployment.status,
  reason: deployment.reason,
  message: deployment.message,
  takesBack: deployment.takesBack,
  rolledBackBy: deployment.rolledBackBy,
  firing: deployment.firing,
  release: {
    generation: deployment.release.generation,
    revision: deployment.release.revision,
    commit: deployment.release.commit,
    digest: deployment.release.digest,
    secretVersion: deployment.release.secretVersion,
    settings: deployment.release.settings.environment,
  },
  instances: deployment.instances.map(({ id, target, status, reason, message, serving }) => ({
    id,
    target: positionOf(deployment.release.settings, target),
    status,
    reason,
    message,
    serving: serving === null ? 'nothing' : `${serving.generation} ${serving.digest}`,
  })),
})

const toEntry = (record: StepRecord): StepEntry => ({
  generation: record.generation,
  instance: record.instance,
  fence: record.fence,
  purpose: record.purpose,
  outcome: record.outcome,
  reason: record.reason,
  message: record.message,
})

const toTarget = (key: TargetKey, target: WorldTarget): Target => ({
  candidates: async () => (await target.candidates()).map((one) => ({ ...one, target: key })),
  capacity: () => target.capacity(),
  prepared: (ids) => target.prepared(ids),
  start: (order) => target.start(toCommand(order)),
  observe: (order, operation) => target.observe(order, operation),
  cancel: (operation) => target.cancel(operation),
})

const toChronicle = ({ chronicle }: Ports<Head>): Chronicle => ({
  recordOperation: (_app, { kind, id, by }, detail) =>
    chronicle.recordOperation(kind, id, by, detail),
  recordAlarm: (_app, transition, verdict) => chronicle.recordAlarm(transition, verdict),
})

const toHeads = ({ heads }: Ports<Head>): ReconcilePorts['heads'] => ({
  load: async (app) => (await heads.load()) ?? createHead(app),
  record: (head, expected) => heads.record(head, head.version, expected),
  listOpen: () => heads.listOpen(),
})

const toPorts = (ports: Ports<Head>): ReconcilePorts => ({
  ...ports,
  heads: toHeads(ports),
  history: {
    recordDeployment: (_app, deployment) => ports.history.recordDeployment(toRecord(deployment)),
    recordSteps: (_app, records) => ports.history.recordSteps(records.map(toEntry)),
    recordRolledBack: (_app, generation, by) => ports.history.recordRolledBack(generation, by),
    loadDeployments: () => Promise.resolve([]),
    loadSteps: () => Promise.resolve([]),
  },
  chronicle: toChronicle(ports),
  toTarget: (settings) => toTarget(settings.key, ports.toTarget(settings)),
})

/** The core of src. */
export const newSide: Side<Head> = {
  retryable: (message) => new Retryable(message),
  isRetryable: (error) => error instanceof Retryable,
  reconcile: (ports, nudge) =>
    createReconcile(toPorts(ports))({
      ...nudge,
      settings: nudge.settings === null ? null : toApp(nudge.settings),
    }),
  operate: async (ports, order) => {
    const { clock } = ports
    const answer = await createOperate({
      heads: toHeads(ports),
      chronicle: toChronicle(ports),
      clock,
    })(order)
    return answer.ok ? { ok: true, isRepeated: answer.value.isRepeated, more: {} } : answer
  },
  redeploy: async (ports, order) => {
    const { revisions, clock } = ports
    const answer = await createRedeploy({
      heads: toHeads(ports),
      revisions,
      chronicle: toChronicle(ports),
      clock,
    })({ ...order, app: toApp(order.app) })
    if (!answer.ok) return answer
    const { revision, open, isRepeated } = answer.value
    return { ok: true, isRepeated, more: { revision, open } }
  },
  takeAlarm: (ports, app, transition, windowSeconds) =>
    createTakeAlarm({
      heads: toHeads(ports),
      chronicle: toChronicle(ports),
      clock: ports.clock,
      log: ports.log,
    })(app, transition, windowSeconds),
  status: (ports, app) => {
    const { heads, history, revisions, seen, clock } = toPorts(ports)
    return createStatus({ heads, history, revisions, seen, clock })(app.name, toApp(app))
  },
}
