import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { newNonce } from '../../src/kernel/id.ts'
import { createRedeploy } from '../../src/rollout/redeploy.ts'
import { plainly } from '../support/calls.ts'
import { commitAt, indexOf } from '../support/examples.ts'
import { createWorld, type World } from '../support/rollout-world.ts'
import {
  calmDown,
  command,
  disturbed,
  faulty,
  resumed,
  undisturbed,
  waits,
  type Real,
} from '../support/reconcile-commands.ts'
import { letItConverge, letItSettle } from '../support/runs.ts'
import { inFull } from '../support/size.ts'

const commits = 10
const auditLog = { recordOperation: () => Promise.resolve() }

const index = fc.nat({ max: commits - 1 })
const hostIndex = fc.nat({ max: 3 })
const conclusion = fc.constantFrom('success' as const, 'success' as const, 'failure' as const)

const evidence = [
  fc
    .tuple(index, fc.integer({ min: 1, max: 3 }), conclusion)
    .map(([i, attempt, conclusion]) =>
      command(`ci(${i}, attempt ${attempt}, ${conclusion})`, ({ world }: Real) =>
        world.receive(commitAt(i), world.runOf(i, attempt, conclusion)),
      ),
    ),
  index.map((i) => command(`image(${i})`, ({ world }: Real) => world.pushImage(i))),
  index.map((i) =>
    command(`hook(${i})`, ({ world }: Real) =>
      world.receive(commitAt(i), {
        kind: 'image',
        tag: commitAt(i),
        seenAt: world.instant(),
        origin: null,
      }),
    ),
  ),
  index.map((i) =>
    command(`push(${i})`, ({ world }: Real) =>
      world.receive(commitAt(i), { kind: 'push', pushedAt: world.instant(), origin: null }),
    ),
  ),
  // Green and in the registry at once: most sequences shall have something to deploy.
  index.map((i) =>
    command(`green(${i})`, ({ world }: Real) => {
      world.pushImage(i)
      world.receive(commitAt(i), world.runOf(i, 1, 'success'))
    }),
  ),
]

const polls = [undisturbed, disturbed('dies_before', 'dies_after'), waits(100)]

const troubles = [
  disturbed('throws_before', 'throws_after', 'pauses_before', 'pauses_after'),
  resumed,
  faulty(3),
  fc.tuple(hostIndex, fc.boolean()).map(([i, online]) =>
    command(`host(${i}, ${online ? 'online' : 'offline'})`, ({ world }: Real) => {
      const host = world.hosts[i]
      if (host !== undefined) host.online = online
    }),
  ),
  fc
    .tuple(index, hostIndex)
    .map(([i, on]) =>
      command(`breakImage(${i}, host ${on})`, ({ world }: Real) =>
        world.breakImage(i, world.hosts.slice(on, on + 1)),
      ),
    ),
  fc
    .boolean()
    .map((isUp) =>
      command(`ssm(${isUp ? 'up' : 'down'})`, ({ world }: Real) => world.setSsm(isUp)),
    ),
]

const operators = [
  fc.tuple(fc.option(index, { nil: null }), fc.boolean()).map(([i, force]) =>
    command(`redeploy(${i}, ${force})`, async ({ world }: Real) => {
      // Without CI nothing tells where the commit stands among the pushes.
      if (i !== null && world.ciOf(i) === null) return
      const { heads, revisions, clock } = world.toPorts(plainly)
      const redeploy = createRedeploy({ heads, revisions, clock, auditLog })
      const revision = i === null ? null : commitAt(i)
      await redeploy({ app: world.app, revision, from: null, force, by: 'ada', id: newNonce() })
    }),
  ),
  fc
    .boolean()
    .map((frozen) =>
      command(`freeze(${frozen})`, ({ world }: Real) =>
        world.say(frozen ? { kind: 'freeze', reason: 'exams' } : { kind: 'unfreeze' }),
      ),
    ),
]

const isEligible = (world: World, i: number): boolean =>
  world.hasImage(i) && world.ciOf(i)?.conclusion === 'success'

const repairWorld = async (real: Real): Promise<void> => {
  const { world } = real
  for (const host of world.hosts) host.online = true
  world.setSsm(true)
  await calmDown(real)
  world.say({ kind: 'unfreeze' })
}

const newestEligible = (world: World): number =>
  Array.from({ length: commits }, (_, i) => i).findLast((i) => isEligible(world, i)) ?? -1

const checkSettled = (world: World, openedBefore: number, brokenImages: boolean): void => {
  const { isIdle, isRequestPending, live: release, generation } = world.core()
  expect(world.breaches).toEqual([])
  expect(isIdle).toBe(true)
  expect(isRequestPending).toBe(false)

  const history = [...world.deployments.values()]
  const numbers = Array.from({ length: generation }, (_, i) => i + 1)
  expect(history.map((one) => one.generation)).toEqual(numbers)
  const live = history.findLast(({ status }) => status === 'succeeded')?.generation
  expect(release?.generation).toBe(live)
  // An instance whose answer was lost serves the live release by a repair.
  for (const { id, serving } of world.hosts)
    if (release === null ? !world.isUnknown(id) : !world.isBroken(indexOf(release.revision), id))
      expect(serving?.generation, id).toBe(live)

  const newest = newestEligible(world)
  expect(world.newestOpened()).toBeGreaterThanOrEqual(newest)
  if (newest > openedBefore && !brokenImages) {
    expect(release?.revision).toBe(commitAt(newest))
    expect(world.revisions.get(commitAt(newest))?.status).toBe('deployed')
    for (const { serving } of world.hosts) expect(serving?.generation).toBe(live)
  }
  for (const { id, status } of world.revisions.values())
    if (status === 'waiting') expect(isEligible(world, Number(id))).toBe(false)
}

const worlds = fc.record({
  instances: fc.integer({ min: 1, max: 4 }),
  batch: fc.integer({ min: 1, max: 2 }),
})

describe('any order of deliveries, nudges, losses and deaths', () => {
  it('ends in a legal state, with the newest eligible revision live where nothing fails', async () => {
    const commands = fc.commands([...evidence, ...polls, ...polls, ...troubles, ...operators], {
      maxCommands: 40,
      size: 'max',
    })
    await fc.assert(
      fc.asyncProperty(worlds, commands, async (settings, sequence) => {
        const world = createWorld({ ...settings, app: { deadlineSeconds: 300 } })
        const real = { world, paused: [] }
        await fc.asyncModelRun(() => ({ model: {}, real }), sequence)
        await repairWorld(real)
        const opened = world.newestOpened()
        const isOpen = !world.core().isIdle || world.core().isRequestPending
        await letItSettle(world, 16)
        await letItConverge(world)
        const newest = newestEligible(world)
        const broken = newest >= 0 && world.hosts.some(({ id }) => world.isBroken(newest, id))
        checkSettled(world, isOpen ? commits : opened, broken)
      }),
      { numRuns: inFull(4000, 600) },
    )
  })

  it('deploys green revisions in the end, whichever nudges are lost', async () => {
    const commands = fc.commands([...evidence, ...polls], { maxCommands: 40, size: 'max' })
    await fc.assert(
      fc.asyncProperty(worlds, commands, async (settings, sequence) => {
        // Time enough for every wait of the sequence: here nothing may fail.
        const world = createWorld({ ...settings, app: { deadlineSeconds: 21_600 } })
        const real = { world, paused: [] }
        await fc.asyncModelRun(() => ({ model: {}, real }), sequence)
        await repairWorld(real)
        await letItSettle(world, 16)
        await letItConverge(world)
        const opened = world.newestOpened()
        checkSettled(world, opened, false)
        if (opened >= 0) expect(world.core().live?.revision).toBe(commitAt(opened))
        for (const { status } of world.deployments.values()) expect(status).toBe('succeeded')
      }),
      { numRuns: inFull(400, 200) },
    )
  })

  it('opens nothing by itself under manual, and keeps the newest eligible revision for a person', async () => {
    const commands = fc.commands([...evidence, ...polls, ...polls, ...operators], {
      maxCommands: 40,
      size: 'max',
    })
    await fc.assert(
      fc.asyncProperty(worlds, commands, async (settings, sequence) => {
        const app = { deploy: 'manual', deadlineSeconds: 21_600 } as const
        const world = createWorld({ ...settings, app })
        const real = { world, paused: [] }
        await fc.asyncModelRun(() => ({ model: {}, real }), sequence)
        await repairWorld(real)
        await letItSettle(world, 16)
        const newest = newestEligible(world)
        const isDue = newest > world.newestOpened()
        const resting = [...world.revisions.values()].filter(
          ({ status, reason }) => status === 'waiting' && reason === 'manual',
        )
        const ids = resting.map(({ id }) => id)
        expect(ids.length).toBeLessThanOrEqual(1)
        for (const id of ids) expect(isEligible(world, Number(id))).toBe(true)
        // A newer one waited in its place, and then its CI turned red.
        const isPassed = [...world.revisions.values()].some(
          ({ id, reason }) => Number(id) > newest && reason === 'ci_failed',
        )
        if (isDue && isPassed && world.revisions.get(commitAt(newest))?.status === 'superseded')
          expect(ids).not.toContain(commitAt(newest))
        else expect(ids).toEqual(isDue ? [commitAt(newest)] : [])
        if (isDue) world.ask({ revision: commitAt(newest) })
        await letItSettle(world, 16)
        checkSettled(world, world.newestOpened(), false)
        if (isDue) expect(world.core().live?.revision).toBe(commitAt(newest))
      }),
      { numRuns: inFull(400, 100) },
    )
  })
})
