import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createReconcile } from '../../src/rollout/reconcile.ts'
import type { Call } from '../support/calls.ts'
import { commitAt } from '../support/examples.ts'
import { createWorld, type World } from '../support/rollout-world.ts'
import { letItSettle } from '../support/runs.ts'
import { inFull } from '../support/size.ts'

/** The call and its answer both wait for the scheduler. */
const scheduledCall =
  (scheduler: fc.Scheduler, name: string, isAlive: () => boolean): Call =>
  async (what, effect) => {
    await scheduler.schedule(Promise.resolve(), `${name} asks ${what}`)
    if (!isAlive()) return new Promise(() => {})
    const value = effect()
    await scheduler.schedule(Promise.resolve(), `${name} hears ${what}`)
    return value
  }

const createRacers = (scheduler: fc.Scheduler, world: World, count: number, dyingAt: number) => {
  const racers = Array.from({ length: count }, (_, index) => {
    let calls = 0
    const name = `r${index + 1}`
    // The first run dies at its `dyingAt`-th call; at 0 every run lives.
    const isAlive = () => index > 0 || dyingAt === 0 || (calls += 1) < dyingAt
    const reconcile = createReconcile(world.toPorts(scheduledCall(scheduler, name, isAlive)))
    return reconcile({
      app: world.app.name,
      settings: world.app,
      revisions: [],
      isTick: true,
      scan: null,
      by: name,
    })
  })
  return Promise.all(racers)
}

const prepareWorld = (instances: number, isBroken: boolean): World => {
  const world = createWorld({ instances })
  for (const index of [1, 2]) {
    world.pushImage(index)
    world.receive(commitAt(index), world.runOf(index, 1, 'success'))
  }
  if (isBroken) world.breakImage(2, world.hosts.slice(-1))
  return world
}

/** A run resends a fence only after its writer's 20 s. */
const checkSends = (world: World): void => {
  world.sends.forEach(({ fence, at }, index) => {
    if (!world.sends.slice(0, index).some((one) => one.fence === fence)) return
    const command = world.writes.find(({ version }) => version === fence)?.command
    expect(at - Date.parse(command?.at ?? '')).toBeGreaterThanOrEqual(20_000)
  })
  expect(world.breaches).toEqual([])
}

/** Each intent was written once: by the run that got the version that is its fence. */
const checkIntents = (world: World): void => {
  const fences = world.writes.flatMap(({ command, version }) =>
    command?.fence === version ? [version] : [],
  )
  expect(new Set(fences).size).toBe(fences.length)
  const sent = new Set(world.sends.map(({ fence }) => fence))
  expect(fences.filter((fence) => !sent.has(fence))).toEqual([])
}

const racing = fc.record({
  instances: fc.integer({ min: 1, max: 2 }),
  isBroken: fc.boolean(),
})

describe.each([2, 3])('%i runs on one head', (count) => {
  it('decides each intent once and sends it once, at every interleaving of the runs', async () => {
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), racing, async (scheduler, { instances, isBroken }) => {
        const world = prepareWorld(instances, isBroken)
        await scheduler.waitFor(createRacers(scheduler, world, count, 0))
        checkIntents(world)
        checkSends(world)
        expect(world.sends.length).toBe(new Set(world.sends.map(({ fence }) => fence)).size)
        expect(world.core().isIdle).toBe(true)
        const status = isBroken ? 'failed' : 'succeeded'
        expect([...world.deployments.values()]).toMatchObject([{ generation: 1, status }])
      }),
      { numRuns: inFull(250, 80) },
    )
  })

  it('resends what a dead run may have sent, under the same fence and not within 20 s', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.scheduler(),
        racing,
        fc.integer({ min: 1, max: 60 }),
        async (scheduler, { instances, isBroken }, dyingAt) => {
          const world = prepareWorld(instances, isBroken)
          createRacers(scheduler, world, count, dyingAt).catch(() => {})
          await scheduler.waitIdle()
          await letItSettle(world, 16)
          checkSends(world)
          const repeated = world.sends.length - new Set(world.sends.map(({ fence }) => fence)).size
          expect(repeated).toBeLessThanOrEqual(1)
          expect(world.core().isIdle).toBe(true)
          expect(world.deployments.get(1)?.status).toBe(isBroken ? 'failed' : 'succeeded')
        },
      ),
      { numRuns: inFull(250, 80) },
    )
  })
})
