import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import type { App, TargetSettings } from '../../src/deployment/app.ts'
import type { InstanceState } from '../../src/deployment/deployment.ts'
import type { Head } from '../../src/deployment/head.ts'
import { InstanceId, newNonce } from '../../src/kernel/id.ts'
import { fail, succeed } from '../../src/kernel/result.ts'
import { createPlan, type Plan } from '../../src/rollout/plan.ts'
import { createReconcile } from '../../src/rollout/reconcile.ts'
import { createEc2Target } from '../../src/targets/ec2/ec2.ts'
import { createEc2View } from '../../src/targets/ec2/plan.ts'
import type { FleetInstance } from '../../src/targets/ec2/ports.ts'
import { createHerokuSelection } from '../../src/targets/heroku/app.ts'
import { createRenderSelection } from '../../src/targets/render/service.ts'
import { type PlannedTarget, type Target } from '../../src/targets/target.ts'
import { begin, openedBy, openingOf, start } from '../support/deployments.ts'
import { createEc2Ports, invocationOf, machine } from '../support/ec2-ports.ts'
import { hostPlanOf, toOutput } from '../support/host-plans.ts'
import { plainly } from '../support/calls.ts'
import type { DeploymentView } from '../support/core-views.ts'
import { commitAt, ec2 } from '../support/examples.ts'
import { createWorld, type World } from '../support/rollout-world.ts'
import { inFull } from '../support/size.ts'
import { herokuTarget, keyAt, renderTarget } from '../support/targets.ts'
import { failedSecret } from '../support/failed-secret.ts'

type Kind = 'ec2' | 'render' | 'heroku'
type Machine = 'ready' | 'offline' | 'untagged' | 'old agent' | 'absent'

interface TargetCase {
  readonly kind: Kind
  readonly machines: readonly Machine[]
  readonly batch: { readonly kind: 'count' | 'percent'; readonly value: number }
  readonly pauseSeconds: number
}

interface Case {
  readonly targets: readonly TargetCase[]
  /** Whether every fleet begins with one and the same instance. */
  readonly meets: boolean
  readonly deadlineSeconds: number
  readonly secret: 'none' | 'there' | 'missing'
  /** Of the envelope; null where it cannot be told. */
  readonly bytes: number | null
  readonly hold: 'none' | 'freeze' | 'rollback' | 'deployment' | 'request' | 'quarantine'
}

const rarely = <Value>(value: Value, arbitrary: fc.Arbitrary<Value>): fc.Arbitrary<Value> =>
  fc.oneof({ weight: 1, arbitrary: fc.constant(value) }, { weight: 12, arbitrary })

const machines = fc.array(
  fc.oneof(
    { weight: 30, arbitrary: fc.constant<Machine>('ready') },
    {
      weight: 1,
      arbitrary: fc.constantFrom<Machine>('offline', 'untagged', 'old agent', 'absent'),
    },
  ),
  { maxLength: 7 },
)

const batches = fc.oneof(
  fc.record({ kind: fc.constant('count' as const), value: fc.integer({ min: 1, max: 60 }) }),
  fc.record({ kind: fc.constant('percent' as const), value: fc.integer({ min: 1, max: 100 }) }),
)

const cases: fc.Arbitrary<Case> = fc.record({
  targets: fc.array(
    fc.record({
      kind: fc.constantFrom<Kind>('ec2', 'ec2', 'ec2', 'render', 'heroku'),
      machines,
      batch: batches,
      pauseSeconds: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 3600 })),
    }),
    { minLength: 1, maxLength: 3 },
  ),
  meets: rarely(true, fc.constant(false)),
  deadlineSeconds: fc.integer({ min: 60, max: 14_400 }),
  secret: rarely<Case['secret']>('missing', fc.constantFrom('none', 'there')),
  // A command holds about 28,000 for one instance, and 300 fewer for each further one.
  bytes: rarely<number | null>(
    40_000,
    fc.oneof(fc.constant(null), fc.constant(200), fc.integer({ min: 25_000, max: 28_000 })),
  ),
  hold: fc.constantFrom('none', 'freeze', 'rollback', 'deployment', 'request', 'quarantine'),
})

const idAt = (target: number, index: number): InstanceId =>
  InstanceId.parse(`i-${target}${String(index).padStart(7, '0')}`)

const toFleet = (
  target: number,
  { machines: those }: TargetCase,
  meets: boolean,
): readonly FleetInstance[] =>
  those.flatMap((one, index) =>
    one === 'absent'
      ? []
      : [
          machine(1, {
            id: meets && index === 0 ? idAt(0, 0) : idAt(target, index),
            ...(one === 'offline' && { ping: 'offline' }),
            ...(one === 'untagged' && { tags: {} }),
            ...(one === 'old agent' && { agentVersion: '3.2.0.0' }),
          }),
        ],
  )

const toSettings = (one: TargetCase, target: number): TargetSettings => {
  if (one.kind === 'heroku') return herokuTarget({ app: `shop-${target}` })
  if (one.kind === 'render') return renderTarget({ service: `srv-${target}`, env: 'leave' })
  const { batch, pauseSeconds } = one
  const ids = one.machines.map((_, index) => idAt(target, index))
  // Of those selected by a tag an untagged one is left out; one that is named is refused.
  const isUntaggedNamed = one.machines.includes('untagged') && batch.kind === 'count'
  const isNamed = one.machines.includes('absent') || isUntaggedNamed
  return ec2({
    key: keyAt(target),
    ...(isNamed && { instances: { kind: 'ids', ids } }),
    rollout: { batch, pauseSeconds },
  })
}

/** The app of a case with a green commit and its image, and what its targets are made of. */
const prepare = ({ targets, meets, deadlineSeconds, secret, bytes }: Case) => {
  const settings = targets.map(toSettings)
  const secrets = secret === 'none' ? null : 'landfall/shop'
  const world = createWorld({ instances: 1, app: { targets: settings, deadlineSeconds, secrets } })
  world.pushImage(1)
  world.receive(commitAt(1), world.runOf(1, 1, 'success'))
  const fleets = new Map(
    targets.map((one, index) => [settings[index], toFleet(index, one, meets)] as const),
  )
  const fleetOf = (one: TargetSettings) => fleets.get(one) ?? []
  return { world, fleetOf, bytes, isMissing: secret === 'missing' }
}
type Prepared = ReturnType<typeof prepare>

const portsOf = ({ world, isMissing }: Prepared) => {
  const ports = world.toPorts(plainly)
  return isMissing
    ? { ...ports, readSecretVersion: async () => failedSecret('secret_missing') }
    : ports
}

/** Nothing that it is sent is ever answered. */
const silentTarget: Omit<Target, 'select' | 'capacity'> = {
  prepared: async (instances) => instances,
  start: async () => ({ operation: 'operation-1', missing: [] }),
  observe: async () => [],
  cancel: async () => {},
}

/** The deployment that reconcile opens. */
const reconcile = async (prepared: Prepared): Promise<DeploymentView> => {
  const { world, fleetOf, bytes } = prepared
  const toTarget = (settings: TargetSettings): Target => {
    if (settings.kind === 'heroku') return { ...createHerokuSelection(settings), ...silentTarget }
    if (settings.kind === 'render') return { ...createRenderSelection(settings), ...silentTarget }
    const { ports } = createEc2Ports({ fleet: fleetOf(settings), measured: bytes })
    return createEc2Target(ports, settings)
  }
  const { app } = world
  const look = { app: app.name, settings: app, revisions: [], scan: null, isTick: true }
  await createReconcile({ ...portsOf(prepared), toTarget })({ ...look, by: newNonce() })
  const opened = world.deployments.get(1) ?? world.core().deployment
  if (opened === null) throw new Error('nothing was opened')
  return opened
}

const blank: Pick<PlannedTarget, 'look'> = {
  look: async ({ target }) => ({
    plan: ({ opened }) => ({
      instances: opened.map(({ id, wave }) => ({ ...unlooked, id, target, wave })),
      findings: [],
    }),
  }),
}
const unlooked = {
  name: null,
  online: true,
  agent: null,
  docker: null,
  serving: null,
  owner: null,
  proxy: null,
  freeMegabytes: null,
  freeMemoryMegabytes: null,
  would: [],
}

const toPlanned = (
  { fleetOf, bytes, world }: Prepared,
  settings: TargetSettings,
): PlannedTarget => {
  if (settings.kind === 'heroku') return { ...createHerokuSelection(settings), ...blank }
  if (settings.kind === 'render') return { ...createRenderSelection(settings), ...blank }
  const { ports } = createEc2Ports({ fleet: fleetOf(settings), measured: bytes })
  const output = toOutput(hostPlanOf())
  const { clock } = world.toPorts(plainly)
  return createEc2View(
    {
      ...ports,
      clock,
      stage: { ...ports.stage, planDocument: 'landfall-test-plan-00000000' },
      commands: {
        send: async () => succeed('command-1'),
        invocations: async () =>
          fleetOf(settings).map(({ id: instance }) => invocationOf(1, { instance, output })),
      },
      findSize: async () => ({ kind: 'unknown' }),
      sleep: async () => {},
    },
    settings,
  )
}

const toHeld = (world: World, hold: Case['hold']): Head => {
  const head = world.core().stored
  const by = { by: 'ada', at: start, refusal: null } as const
  switch (hold) {
    case 'none':
      return head
    case 'freeze':
      return { ...head, freeze: { reason: 'exams', by: 'ada', at: start } }
    case 'rollback': {
      const generation = openedBy(begin(), openingOf(3, 1)).head.generation
      return {
        ...head,
        rollback: { ...by, kind: 'rollback', generation, to: null, reason: 'cancelled' },
      }
    }
    case 'deployment':
      return { ...head, deployment: openedBy(begin(), openingOf(3, 1)).head.deployment }
    case 'request':
      return { ...head, request: { ...by, revision: null, promoted: null, force: false } }
    case 'quarantine':
      return { ...head, quarantine: [commitAt(1)] }
  }
}

const plan = (prepared: Prepared, hold: Case['hold']): Promise<Plan> => {
  const { world, isMissing } = prepared
  const ports = portsOf(prepared)
  const lack = { reason: 'secret_missing', message: 'create it' } as const
  return createPlan({
    ...ports,
    stage: 'prod',
    apps: [world.app],
    repositories: { load: async () => null },
    seen: { ...ports.seen, loadNames: async () => ({ workflows: [], branches: [] }) },
    heads: { load: async () => toHeld(world, hold) },
    readSecretKeys: async () => (isMissing ? fail(lack) : succeed([])),
    checkLogin: async () => succeed(null),
    describeAlarms: async () => [],
    readConcurrency: async () => 1000,
    hooksOf: () => [],
    toTarget: (settings) => toPlanned(prepared, settings),
  })(world.app, null)
}

const wavesOf = (
  { targets }: App,
  instances: readonly Pick<InstanceState, 'id' | 'target' | 'wave'>[],
) =>
  instances.map(({ id, target, wave }) => ({
    id,
    target: targets.findIndex(({ key }) => key === target),
    wave,
  }))

/** The endings whose message is the plan's too. */
const explained = ['pauses_too_long', 'envelope_too_large', 'instance_in_two_targets']

it('plan reports what an opening would end at once, and otherwise the waves that it opens', async () => {
  const endings = new Map<string, number>()
  await fc.assert(
    fc.asyncProperty(cases, async (one) => {
      const prepared = prepare(one)
      const planned = await plan(prepared, one.hold)
      const opened = await reconcile(prepared)
      const ending = opened.endedAt === opened.openedAt ? opened.reason : null
      const problems = planned.findings.filter(({ level }) => level === 'problem')
      const { app } = prepared.world
      expect(planned.instances.map(({ id, target, wave }) => ({ id, target, wave }))).toEqual(
        wavesOf(app, opened.instances),
      )
      endings.set(ending ?? 'none', (endings.get(ending ?? 'none') ?? 0) + 1)
      if (ending === null) {
        expect(problems).toEqual([])
        return
      }
      expect(planned).toMatchObject({ ok: false, would: `fail: ${ending}` })
      expect(problems.map(({ reason }) => reason)).toContain(ending)
      if (explained.includes(ending))
        expect(problems.map(({ message }) => message)).toContain(opened.message)
    }),
    { numRuns: inFull(5000, 600) },
  )
  expect([...endings.keys()].sort()).toEqual([
    'agent_too_old',
    'envelope_too_large',
    'instance_in_two_targets',
    'instance_offline',
    'instance_untagged',
    'no_instances',
    'none',
    'pauses_too_long',
    'secret_missing',
  ])
})
