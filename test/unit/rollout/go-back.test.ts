import type { OperatorCommand } from '../../../src/deployment/observation.ts'
import { describe, expect, it } from 'vitest'
import { createOperate } from '../../../src/rollout/operate.ts'
import { plainly } from '../../support/calls.ts'
import { commitAt, digestAt } from '../../support/examples.ts'
import { createWorld, type World } from '../../support/rollout-world.ts'
import { letItSettle, runReconcile } from '../../support/runs.ts'

const alarm = 'oc-lettings-5xx'

const pushed = async (world: World, index: number): Promise<void> => {
  world.pushImage(index)
  world.receive(commitAt(index), world.runOf(index, 1, 'success'))
  await runReconcile(world)
  expect(world.core().live?.revision).toBe(commitAt(index))
}

/** Releases 1 and 2 were live, each with a version of the secret of its own. */
const two = async (secrets: 'recorded' | 'current' = 'recorded'): Promise<World> => {
  const rollback = { alarms: [alarm], windowSeconds: 1800, secrets }
  const world = createWorld({ instances: 1, app: { rollback, secrets: 'landfall/shop' } })
  await pushed(world, 1)
  world.setSecret('version-2')
  await pushed(world, 2)
  return world
}

const say = async (world: World, word: OperatorCommand) => {
  const { heads, clock } = world.toPorts(plainly)
  const auditLog = { recordOperation: () => Promise.resolve() }
  const operate = createOperate({ heads, auditLog, clock })
  return operate({ app: world.app.name, word, by: 'ada', id: 'ticket-1' })
}

const rollback = { kind: 'rollback', to: null } as const

describe('a rollback', () => {
  it('brings back the image, the settings and the recorded version of the secret', async () => {
    const world = await two()
    await say(world, rollback)
    await runReconcile(world)
    expect(world.deployments.get(3)).toMatchObject({
      kind: 'rollback',
      by: 'ada',
      status: 'succeeded',
      takesBack: 2,
      release: { generation: 1, digest: digestAt(1), secretVersion: 'version-1' },
    })
    expect(world.deployments.get(2)).toMatchObject({ status: 'rolled_back', rolledBackBy: 3 })
    expect(world.core().releases.map(({ generation }) => generation)).toEqual([1, 2])
    expect(world.hosts[0]?.serving).toEqual({ generation: 1, digest: digestAt(1) })
    expect(world.breaches).toEqual([])
  })

  it('says that the recorded secret is gone and relies on the kept container', async () => {
    const world = await two()
    world.goneSecrets.add('version-1')
    await say(world, rollback)
    await runReconcile(world)
    expect(world.deployments.get(3)).toMatchObject({
      status: 'succeeded',
      message:
        'the recorded version of the secret landfall/shop is gone; only a container that was kept can come back',
      release: { generation: 1, secretVersion: 'version-1' },
    })
  })

  it.each(['recorded', 'current'] as const)(
    'waits for no secret that cannot be read now, where landfall.yml says %s',
    async (secrets) => {
      const world = await two(secrets)
      world.setSecrets(false)
      await say(world, rollback)
      await runReconcile(world)
      expect(world.deployments.get(3)).toMatchObject({
        status: 'succeeded',
        message:
          'the recorded version of the secret landfall/shop could not be read; only a container that was kept can come back',
        release: { generation: 1, secretVersion: 'version-1' },
      })
      expect(world.core().freeze).toBeNull()
    },
  )

  it('does not wait for a secret where an open deployment is taken back', async () => {
    const world = await two()
    world.pushImage(3)
    world.receive(commitAt(3), world.runOf(3, 1, 'success'))
    world.upcoming.push('killed_dark')
    await runReconcile(world)
    expect(world.core().deployment).toMatchObject({ generation: 3, status: 'in_progress' })
    expect(world.core().deployment?.sentAt).not.toBeNull()
    world.setSecrets(false)
    await say(world, rollback)
    await letItSettle(world, 10)
    expect(world.deployments.get(3)).toMatchObject({ status: 'rolled_back', reason: 'rolled_back' })
    expect(world.hosts[0]?.serving).toEqual({ generation: 2, digest: digestAt(2) })
  })

  it('takes the current secret instead where landfall.yml says `current`, and says so', async () => {
    const world = await two('current')
    world.goneSecrets.add('version-1')
    await say(world, rollback)
    await runReconcile(world)
    expect(world.deployments.get(3)).toMatchObject({
      status: 'succeeded',
      message:
        "the recorded version of the secret landfall/shop is gone; it comes back with today's",
      release: { generation: 3, digest: digestAt(1), secretVersion: 'version-2' },
    })
  })

  it('goes on without an offline instance, and names it', async () => {
    const world = createWorld({ instances: 2 })
    await pushed(world, 1)
    await pushed(world, 2)
    const [, second] = world.hosts
    if (second !== undefined) second.online = false
    await say(world, rollback)
    await runReconcile(world)
    expect(world.deployments.get(3)).toMatchObject({
      status: 'succeeded',
      message: 'not on i-00000002',
    })
    expect(world.core().live?.generation).toBe(1)
  })

  it('freezes the app where it fails', async () => {
    const world = await two()
    world.breakImage(1)
    await say(world, rollback)
    await runReconcile(world)
    expect(world.deployments.get(3)).toMatchObject({ status: 'failed', reason: 'unhealthy' })
    expect(world.core().freeze).toMatchObject({ reason: 'rollback_failed', by: 'ada' })
    expect(world.deployments.get(2)).toMatchObject({ status: 'succeeded' })
  })

  it('keeps commits pushed before it from going out by themselves, not those pushed after', async () => {
    const world = await two()
    await say(world, rollback)
    await runReconcile(world)
    world.pushImage(3)
    world.receive(commitAt(3), world.runOf(3, 1, 'success'))
    await runReconcile(world)
    expect(world.revisions.get(commitAt(3))).toMatchObject({ status: 'superseded' })
    world.advance(1000)
    world.pushImage(4)
    world.receive(commitAt(4), { ...world.runOf(4, 1, 'success'), createdAt: world.instant() })
    await runReconcile(world)
    expect(world.core().live?.revision).toBe(commitAt(4))
  })
})

describe('an alarm whose event was lost', () => {
  it('is found by the clock while the window is open, and judged as the event would be', async () => {
    const world = await two()
    world.advance(60_000)
    world.firing.set(alarm, world.instant())
    await letItSettle(world, 2)
    expect(world.judged).toMatchObject([{ verdict: { kind: 'take_back', generation: 2 } }])
    expect(world.core().live?.generation).toBe(1)
    await letItSettle(world, 3)
    expect(world.core().generation).toBe(3)
    expect(world.core().freeze).toBeNull()
  })

  it('is not asked for once the window is closed', async () => {
    const world = await two()
    world.advance(1_921_000)
    await runReconcile(world)
    world.firing.set(alarm, world.instant())
    await letItSettle(world, 2)
    expect(world.judged).toEqual([])
    expect(world.core()).toMatchObject({ generation: 2, alarmsUntil: null })
  })

  it('does not take back a release that was opened while it fired', async () => {
    const rollback = { alarms: [alarm], windowSeconds: 1800, secrets: 'recorded' as const }
    const world = createWorld({ instances: 1, app: { rollback } })
    world.firing.set(alarm, world.instant())
    await pushed(world, 1)
    await pushed(world, 2)
    expect(world.core().suspects[0]?.firing).toEqual([alarm])
    await letItSettle(world, 3)
    expect(world.core().generation).toBe(2)
  })

  it('does not stop a deployment where CloudWatch cannot be asked', async () => {
    const world = await two()
    world.setCloudWatch(false)
    await pushed(world, 3)
    expect(world.core().suspects[0]?.firing).toEqual([alarm])
    await letItSettle(world, 2)
    expect(world.core().generation).toBe(3)
  })
})
