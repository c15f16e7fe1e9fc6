import { createHead, type Deployment, type Head } from './frozen/deployment/head.ts'
import { Retryable } from './frozen/kernel/retryable.ts'
import type { StepRecord } from './frozen/deployment/step.ts'
import { createOperate } from './frozen/rollout/operate.ts'
import type { ReconcilePorts } from './frozen/rollout/ports.ts'
import type { Chronicle } from './frozen/rollout/journal.ts'
import { createReconcile } from './frozen/rollout/reconcile.ts'
import { createRedeploy } from './frozen/rollout/redeploy.ts'
import { createStatus } from './frozen/rollout/status.ts'
import { createTakeAlarm } from './frozen/rollout/take-alarm.ts'
import type { Order, Target } from './frozen/targets/target.ts'
import type { Command, DeploymentRecord, Ports, Side, StepEntry, WorldTarget } from './side.ts'

// The frozen copy of the core as it was before it was rewritten, met by the same ports as today's.

const runsPredeploy = ({ settings, target }: Order): boolean => {
  const own = settings.targets[target]
  return own?.kind === 'ec2' && own.predeploy !== null
}

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
  target: order.target,
  instances: order.instances,
  // Of old also where nothing is run before a deployment: the host then ran nothing.
  predeployOn: runsPredeploy(order) ? order.predeployOn : null,
  notAfter: order.notAfter,
  hostSeconds: order.hostSeconds,
})

const toRecord = (deployment: Deployment): DeploymentRecord => ({
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
    target,
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

const toTarget = (target: WorldTarget): Target => ({
  candidates: async (position) =>
    (await target.candidates()).map((one) => ({ ...one, target: position })),
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
  toTarget: (settings) => toTarget(ports.toTarget(settings)),
})

/** The core as it was. */
export const oldSide: Side<Head> = {
  retryable: (message) => new Retryable(message),
  isRetryable: (error) => error instanceof Retryable,
  reconcile: (ports, nudge) => createReconcile(toPorts(ports))(nudge),
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
    })(order)
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
    return createStatus({ heads, history, revisions, seen, clock })(app.name, app)
  },
}
