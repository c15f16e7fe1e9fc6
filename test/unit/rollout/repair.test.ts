import { describe, expect, it } from 'vitest'
import type { Ec2Settings } from '../../../src/deployment/app.ts'
import { Digest, Generation } from '../../../src/kernel/id.ts'
import { createReconcile } from '../../../src/rollout/reconcile.ts'
import { createHost } from '../../support/hosts.ts'
import { plainly } from '../../support/calls.ts'
import { ec2 } from '../../support/examples.ts'
import { createWorld, type World } from '../../support/rollout-world.ts'
import { letItSettle, pushGreen, tickOf } from '../../support/runs.ts'
import { instanceAt } from '../../support/deployments.ts'

/** Two instances serve commit 1. */
const settled = async (changes: Partial<Ec2Settings> = {}): Promise<World> => {
  const world = createWorld({ instances: 2, targets: [ec2(changes)] })
  pushGreen(world, 1)
  await letItSettle(world, 3)
  return world
}

/** A tick; these instances have just come online. */
const tick = (world: World, returned?: readonly number[]): Promise<void> => {
  const scan =
    returned === undefined ? null : { at: world.instant(), returned: returned.map(instanceAt) }
  return createReconcile(world.toPorts(plainly))(tickOf(world, { scan }))
}

const sentTo = (world: World, since: number) =>
  world.sends
    .slice(since)
    .map(({ order }) => [order.purpose, ...order.instances, order.predeployOn])

const live = { generation: 1, digest: `sha256:${'1'.padStart(64, '0')}` }

describe('an instance that is added later', () => {
  it('deploys the live release once to an added instance, and touches no other', async () => {
    const world = await settled()
    const before = world.sends.length
    world.hosts.push(createHost(instanceAt(3)))
    await tick(world, [3])
    expect(sentTo(world, before)).toEqual([
      ['prepare', instanceAt(3), null],
      // What migrates a database has been run.
      ['deploy', instanceAt(3), null],
    ])
    expect(world.hostOf(instanceAt(3)).serving).toEqual(live)
    await tick(world, [])
    await tick(world)
    expect(world.sends).toHaveLength(before + 2)
    expect(world.breaches).toEqual([])
  })

  it('adds no deployment to the history for an added instance, only steps of the live one', async () => {
    const world = await settled()
    world.hosts.push(createHost(instanceAt(3)))
    await tick(world, [3])
    expect(world.core()).toMatchObject({ generation: 1, isIdle: true })
    expect(world.core().suspects).toHaveLength(1)
    expect([...world.deployments.keys()]).toEqual([1])
    expect(world.heard.map(({ fact }) => fact.id)).toEqual(['1:started', '1:succeeded'])
    const steps = [...world.steps.values()].filter(({ instance }) => instance === instanceAt(3))
    expect(steps.map(({ generation, purpose }) => [generation, purpose])).toEqual([
      [1, 'prepare'],
      [1, 'deploy'],
    ])
  })

  it('retries an added instance that fails with growing gaps', async () => {
    const world = await settled()
    world.hosts.push(createHost(instanceAt(3)))
    world.breakImage(1, world.hosts.slice(2))
    await tick(world, [3])
    const before = world.sends.length
    const tries: number[] = []
    for (let minute = 1; minute <= 16; minute += 1) {
      world.advance(60_000)
      const count = world.sends.length
      await tick(world)
      if (world.sends.length > count) tries.push(minute)
    }
    expect(tries).toEqual([1, 3, 7, 15])
    expect(world.sends.length).toBe(before + 8)
    expect(world.core().observed.at(-1)).toMatchObject({ reason: 'unhealthy', generation: null })
    expect(world.hostOf(instanceAt(1)).acts).toHaveLength(1)
  })
})

describe('an instance that was offline', () => {
  it('deploys the release of a rollback to an instance that was offline', async () => {
    const world = await settled()
    pushGreen(world, 2)
    await letItSettle(world, 3)
    world.hostOf(instanceAt(2)).online = false
    world.say({ kind: 'rollback', to: null })
    await letItSettle(world, 3)
    expect(world.core().live?.generation).toBe(1)
    expect(world.hostOf(instanceAt(2)).serving).toMatchObject({ generation: 2 })
    world.hostOf(instanceAt(2)).online = true
    await tick(world, [2])
    expect(world.hostOf(instanceAt(2)).serving).toEqual(live)
    expect(world.breaches).toEqual([])
  })
})

describe('an instance that was changed by hand', () => {
  const stranger = {
    generation: Generation.parse(1),
    digest: Digest.parse(`sha256:${'e'.repeat(64)}`),
  }

  it('finds a changed instance within the hour, repairs and reports it', async () => {
    const world = await settled()
    world.hostOf(instanceAt(2)).serving = null
    world.advance(3300_000)
    await tick(world, [])
    expect(world.hostOf(instanceAt(2)).serving).toBeNull()
    world.advance(300_000)
    await tick(world, [])
    expect(world.hostOf(instanceAt(2)).serving).toEqual(live)
    expect(world.heard.slice(2).map(({ fact }) => fact)).toMatchObject([
      { kind: 'drifted', by: 'convergence', message: `${instanceAt(2)} was put right` },
    ])
  })

  it('only reports a changed instance, and only once, where drift is `report`', async () => {
    const world = await settled({ drift: 'report' })
    world.hostOf(instanceAt(2)).serving = stranger
    for (let hour = 0; hour < 3; hour += 1) {
      world.advance(3601_000)
      await tick(world, [])
    }
    expect(world.hostOf(instanceAt(2)).serving).toEqual(stranger)
    expect(world.heard.slice(2).map(({ fact }) => fact)).toMatchObject([
      { kind: 'drifted', message: `${instanceAt(2)} is left as it is (drift: report)` },
    ])
    expect(world.core().observed.find(({ id }) => id === instanceAt(2))).toMatchObject({
      generation: null,
      reason: 'drifted',
    })
  })

  it('leaves no record of an instance that serves the live release', async () => {
    const world = await settled()
    const before = world.steps.size
    world.advance(3601_000)
    await tick(world, [])
    expect(world.sends.at(-1)?.order.purpose).toBe('prepare')
    expect(world.steps.size).toBe(before)
    expect(world.heard).toHaveLength(2)
  })
})

describe('a repair of instances', () => {
  it('ends a repair for a deployment, which opens at once', async () => {
    const world = await settled()
    world.hosts.push(createHost(instanceAt(3)))
    world.upcoming.push('slow')
    await tick(world, [3])
    expect(world.core().repair).toMatchObject({ generation: 1, status: 'in_progress' })
    pushGreen(world, 2)
    await tick(world)
    expect(world.core()).toMatchObject({ generation: 2 })
    await letItSettle(world, 5)
    expect(world.hosts.map(({ serving }) => serving?.generation)).toEqual([2, 2, 2])
    expect(world.breaches).toEqual([])
  })

  it('repairs no instance to a release whose rollback failed', async () => {
    const world = await settled()
    pushGreen(world, 2)
    await letItSettle(world, 3)
    world.breakImage(1)
    world.say({ kind: 'rollback', to: null })
    await letItSettle(world, 3)
    expect(world.core()).toMatchObject({ live: { generation: 2 }, needsRepair: false })
    expect(world.deployments.get(3)).toMatchObject({ kind: 'rollback', status: 'failed' })
    world.hosts.push(createHost(instanceAt(3)))
    const before = world.sends.length
    await tick(world, [3])
    expect(world.sends).toHaveLength(before)
  })
})
