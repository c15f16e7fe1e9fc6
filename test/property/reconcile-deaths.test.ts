import { describe, expect, it } from 'vitest'
import { createTakeAlarm } from '../../src/rollout/alarm-event.ts'
import { plainly } from '../support/calls.ts'
import { commitAt, digestAt } from '../support/examples.ts'
import { createWorld, type World } from '../support/rollout-world.ts'
import { countCalls, letItSettle, runReconcile, type Mishap } from '../support/runs.ts'
import { inFull } from '../support/size.ts'

interface Scenario {
  readonly name: string
  readonly instances: number
  readonly prepare?: (world: World) => void
  readonly status: 'succeeded' | 'failed'
}

const scenarios: readonly Scenario[] = [
  { name: 'one instance', instances: 1, status: 'succeeded' },
  { name: 'three instances', instances: 3, status: 'succeeded' },
  {
    name: 'a release that does not come up on the second of three',
    instances: 3,
    prepare: (world) => world.breakImage(2, world.hosts.slice(1, 2)),
    status: 'failed',
  },
  {
    name: 'an instance whose key is another one now',
    instances: 2,
    prepare: ({ hosts }) => {
      for (const host of hosts) host.key += 1
    },
    status: 'succeeded',
  },
]

const push = (world: World, index: number): void => {
  world.pushImage(index)
  world.receive(commitAt(index), world.runOf(index, 1, 'success'))
}

/** A world where one release is live and the next is ready to go out. */
const prepareWorld = async ({ instances, prepare }: Scenario): Promise<World> => {
  const world = createWorld({ instances })
  push(world, 1)
  await runReconcile(world)
  push(world, 2)
  prepare?.(world)
  return world
}

/** A kind of mishap at this call and at each `step`-th after it. */
interface Mishaps {
  readonly kind: Mishap['kind']
  readonly first: number
  readonly step: number
}
const atEach = (kind: Mishap['kind']): Mishaps => ({ kind, first: 1, step: 1 })

// Before a call the outside is as it was after the one before: the usual size has one death between
// two calls, and one throw at each second one.
const mishaps = inFull<readonly Mishaps[]>(
  (['dies_before', 'dies_after', 'throws_before', 'throws_after'] as const).map(atEach),
  [
    atEach('dies_after'),
    { kind: 'throws_before', first: 1, step: 4 },
    { kind: 'throws_after', first: 3, step: 4 },
  ],
)
const title = 'ends right when its run $kind any one call to the outside'

describe.each(scenarios)('a deployment to $name', (scenario) => {
  it.each(mishaps)(title, async ({ kind, first, step }) => {
    const undisturbed = await prepareWorld(scenario)
    const calls = await countCalls(undisturbed)
    expect(undisturbed.core().isIdle).toBe(true)
    for (let at = first; at <= calls; at += step) {
      const world = await prepareWorld(scenario)
      await runReconcile(world, { kind, at })
      await letItSettle(world, 18)
      const { isIdle, live: release } = world.core()
      const history = [...world.deployments.values()]
      const live = scenario.status === 'succeeded' ? 2 : 1
      const what = `${kind} ${at} of ${calls}`
      expect(world.breaches, what).toEqual([])
      expect(isIdle, what).toBe(true)
      expect(history, what).toMatchObject([{ status: 'succeeded' }, { status: scenario.status }])
      expect(release?.revision, what).toBe(commitAt(live))
      expect(world.revisions.get(commitAt(2))?.status, what).toBe(
        live === 2 ? 'deployed' : 'refused',
      )
      for (const { serving } of world.hosts) expect(serving?.generation, what).toBe(live)
      const fences = new Set(world.sends.map(({ fence }) => fence))
      expect(world.sends.length - fences.size, what).toBeLessThanOrEqual(1)
    }
  })
})

/** Releases 1 and 2 were live, and 2 is to be taken back: while it is under way, or afterwards. */
const worldTakenBack = async (isOpen: boolean): Promise<World> => {
  const rollback = { alarms: ['errors'], windowSeconds: 1800, secrets: 'recorded' as const }
  const world = createWorld({ instances: 2, app: { rollback } })
  push(world, 1)
  await runReconcile(world)
  push(world, 2)
  if (isOpen) world.upcoming.push('none', 'slow')
  await runReconcile(world)
  expect(world.core().isIdle).toBe(!isOpen)
  const take = createTakeAlarm(world.toPorts(plainly))
  const transition = { alarm: 'errors', at: world.instant(), from: 'OK' as const }
  expect(await take(world.app.name, transition, 1800)).toMatchObject({ kind: 'take_back' })
  return world
}

describe.each([
  {
    name: 'a rollback that an alarm asks for',
    isOpen: false,
    history: ['rolled_back', 'succeeded'],
  },
  { name: 'a deployment that an alarm takes back', isOpen: true, history: ['rolled_back'] },
])('$name', ({ isOpen, history }) => {
  it.each(mishaps)(title, async ({ kind, first, step }) => {
    const undisturbed = await worldTakenBack(isOpen)
    const calls = await countCalls(undisturbed)
    expect(calls).toBeGreaterThan(10)
    for (let at = first; at <= calls; at += step) {
      const world = await worldTakenBack(isOpen)
      await runReconcile(world, { kind, at })
      await letItSettle(world, 18)
      const { isIdle, live, rollback, quarantine, notices } = world.core()
      const what = `${kind} ${at} of ${calls}`
      expect(world.breaches, what).toEqual([])
      expect({ isIdle, rollback, notices }, what).toEqual({
        isIdle: true,
        rollback: null,
        notices: [],
      })
      const statuses = [...world.deployments.values()].map(({ status }) => status)
      expect(statuses, what).toEqual(['succeeded', ...history])
      expect(live?.revision, what).toBe(commitAt(1))
      expect(quarantine, what).toEqual([commitAt(2), digestAt(2)])
      for (const { serving } of world.hosts) expect(serving?.generation, what).toBe(1)
      // Each channel has the notice, at most one of them twice, from a run that died in between.
      const told = world.heard.filter(({ fact }) => fact.kind === 'rolled_back')
      expect(told.length, what).toBeGreaterThanOrEqual(1)
      expect(told.length, what).toBeLessThanOrEqual(2)
    }
  })
})
