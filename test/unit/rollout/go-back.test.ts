import { describe, expect, it } from 'vitest'
import { Denied } from '../../../src/kernel/denied.ts'
import { commitAt, digestAt } from '../../support/examples.ts'
import { createWorld, type World } from '../../support/rollout-world.ts'
import { letItSettle, operate, pushGreen, runReconcile, runSelecting } from '../../support/runs.ts'

const alarm = 'oc-lettings-5xx'

const pushed = async (world: World, index: number): Promise<void> => {
  pushGreen(world, index)
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

const rollback = { kind: 'rollback', to: null } as const

describe('a rollback', () => {
  it('rolls back to the image, the settings and the recorded version of the secret', async () => {
    const world = await two()
    await operate(world, rollback)
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

  it('rolls back to a kept container where the recorded secret is gone, and says so', async () => {
    const world = await two()
    world.goneSecrets.add('version-1')
    await operate(world, rollback)
    await runReconcile(world)
    expect(world.deployments.get(3)).toMatchObject({
      status: 'succeeded',
      message:
        'the recorded version of the secret landfall/shop is gone; only a container that was kept can come back',
      release: { generation: 1, secretVersion: 'version-1' },
    })
  })

  it.each(['recorded', 'current'] as const)(
    'rolls back without waiting for an unreadable secret, with rollback.secrets %s',
    async (secrets) => {
      const world = await two(secrets)
      world.setSecrets(false)
      await operate(world, rollback)
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

  it('restores an open deployment without waiting for a secret', async () => {
    const world = await two()
    pushGreen(world, 3)
    world.upcoming.push('killed_dark')
    await runReconcile(world)
    expect(world.core().deployment).toMatchObject({ generation: 3, status: 'in_progress' })
    expect(world.core().deployment?.sentAt).not.toBeNull()
    world.setSecrets(false)
    await operate(world, rollback)
    await letItSettle(world, 10)
    expect(world.deployments.get(3)).toMatchObject({ status: 'rolled_back', reason: 'rolled_back' })
    expect(world.hosts[0]?.serving).toEqual({ generation: 2, digest: digestAt(2) })
  })

  it('rolls back with the current secret where rollback.secrets is current, and says so', async () => {
    const world = await two('current')
    world.goneSecrets.add('version-1')
    await operate(world, rollback)
    await runReconcile(world)
    expect(world.deployments.get(3)).toMatchObject({
      status: 'succeeded',
      message:
        "the recorded version of the secret landfall/shop is gone; it comes back with today's",
      release: { generation: 3, digest: digestAt(1), secretVersion: 'version-2' },
    })
  })

  it('rolls back without an offline instance, and names it', async () => {
    const world = createWorld({ instances: 2 })
    await pushed(world, 1)
    await pushed(world, 2)
    const [, second] = world.hosts
    if (second !== undefined) second.online = false
    await operate(world, rollback)
    await runReconcile(world)
    expect(world.deployments.get(3)).toMatchObject({
      status: 'succeeded',
      message: 'not on i-00000002',
    })
    expect(world.core().live?.generation).toBe(1)
  })

  it('rolls back on the instances that it knows where AWS refuses to list them, and says so', async () => {
    const world = await two()
    await operate(world, rollback)
    await runSelecting(world, () => Promise.reject(new Denied('AWS refuses ec2:DescribeInstances')))
    expect(world.deployments.get(3)).toMatchObject({
      status: 'succeeded',
      message: 'on the instances known from before: AWS refuses ec2:DescribeInstances',
    })
    expect(world.hosts[0]?.serving).toEqual({ generation: 1, digest: digestAt(1) })
  })

  it('says which instances are left out, and why, where that leaves none to roll back on', async () => {
    const world = await two()
    await operate(world, rollback)
    const leftOut = 'left out, because the tag landfall:stage is not test: i-00000001'
    await runSelecting(world, () => Promise.resolve({ architectures: [], candidates: [], leftOut }))
    expect(world.deployments.get(3)).toMatchObject({
      status: 'failed',
      reason: 'no_instances',
      message: leftOut,
    })
  })

  it('freezes the app where a rollback fails', async () => {
    const world = await two()
    world.breakImage(1)
    await operate(world, rollback)
    await runReconcile(world)
    expect(world.deployments.get(3)).toMatchObject({ status: 'failed', reason: 'unhealthy' })
    expect(world.core().freeze).toMatchObject({ reason: 'rollback_failed', by: 'ada' })
    expect(world.deployments.get(2)).toMatchObject({ status: 'succeeded' })
  })

  it('supersedes commits from before a rollback, and deploys later ones', async () => {
    const world = await two()
    await operate(world, rollback)
    await runReconcile(world)
    pushGreen(world, 3)
    await runReconcile(world)
    expect(world.revisions.get(commitAt(3))).toMatchObject({ status: 'superseded' })
    world.advance(1000)
    pushGreen(world, 4, world.instant())
    await runReconcile(world)
    expect(world.core().live?.revision).toBe(commitAt(4))
  })
})

describe('an alarm whose event was lost', () => {
  it('rolls back for an alarm whose event was lost, on a tick while the window is open', async () => {
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

  it('does not ask for alarms once the window is closed', async () => {
    const world = await two()
    world.advance(1_921_000)
    await runReconcile(world)
    world.firing.set(alarm, world.instant())
    await letItSettle(world, 2)
    expect(world.judged).toEqual([])
    expect(world.core()).toMatchObject({ generation: 2, alarmsUntil: null })
  })

  it('does not roll back a release that was opened while the alarm fired', async () => {
    const rollback = { alarms: [alarm], windowSeconds: 1800, secrets: 'recorded' as const }
    const world = createWorld({ instances: 1, app: { rollback } })
    world.firing.set(alarm, world.instant())
    await pushed(world, 1)
    await pushed(world, 2)
    expect(world.core().suspects[0]?.firing).toEqual([alarm])
    await letItSettle(world, 3)
    expect(world.core().generation).toBe(2)
  })

  it('deploys although CloudWatch does not answer', async () => {
    const world = await two()
    world.setCloudWatch(false)
    await pushed(world, 3)
    expect(world.core().suspects[0]?.firing).toEqual([alarm])
    await letItSettle(world, 2)
    expect(world.core().generation).toBe(3)
  })
})
