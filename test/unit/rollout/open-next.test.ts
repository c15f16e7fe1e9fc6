import { describe, expect, it } from 'vitest'
import type { Request } from '../../../src/deployment/head.ts'
import { commitAt, digestAt, orderAt } from '../../support/examples.ts'
import { createWorld, type World } from '../../support/rollout-world.ts'
import { pushGreen, runReconcile } from '../../support/runs.ts'

const ask = async (world: World, request: Partial<Request>) => {
  world.ask(request)
  await runReconcile(world)
  expect(world.breaches).toEqual([])
  return world.core()
}

const pushed = (indexes: readonly number[]): World => {
  const world = createWorld({ instances: 1 })
  for (const index of indexes) {
    pushGreen(world, index)
  }
  return world
}

const liveWorld = async (index: number): Promise<World> => {
  const world = pushed([index])
  await runReconcile(world)
  expect(world.core().live?.revision).toBe(commitAt(index))
  return world
}

const freeze = { kind: 'freeze', reason: 'exams' } as const

describe('a request', () => {
  it('redeploys the live digest as a new deployment', async () => {
    const world = await liveWorld(1)
    const core = await ask(world, {})
    expect(core.request).toBeNull()
    expect(core.releases).toMatchObject([
      { generation: 2, digest: digestAt(1) },
      { generation: 1, digest: digestAt(1) },
    ])
    expect(world.deployments.get(2)).toMatchObject({ kind: 'redeploy', by: 'ada' })
  })

  it('refuses a request where nothing is live, and keeps the refusal', async () => {
    const core = await ask(createWorld({ instances: 1 }), {})
    expect(core.request?.refusal).toBe('nothing_live')
  })

  it('refuses a request whose image the registry does not have', async () => {
    const core = await ask(await liveWorld(1), { revision: commitAt(7), force: true })
    expect(core.request?.refusal).toBe('revision_unknown')
  })

  it('refuses a request where the app was frozen since, unless it is forced', async () => {
    const world = await liveWorld(1)
    world.say(freeze)
    const plain = await ask(world, {})
    expect(plain).toMatchObject({ generation: 1, request: { refusal: 'app_frozen' } })
    const forced = await ask(world, { force: true })
    expect(forced.live?.generation).toBe(2)
  })

  it('refuses a request whose image is quarantined, unless it is forced', async () => {
    const world = pushed([1])
    await runReconcile(world)
    pushGreen(world, 2)
    await runReconcile(world)
    world.say({ kind: 'rollback', to: null })
    await runReconcile(world)
    expect(world.core().quarantine).toEqual([commitAt(2), digestAt(2)])
    // Commit 3 is not quarantined; its image is that of commit 2.
    world.moveTag(2, commitAt(3))
    const plain = await ask(world, { revision: commitAt(3) })
    expect(plain.request?.refusal).toBe('quarantined')
    const forced = await ask(world, { revision: commitAt(3), force: true })
    expect(forced.live).toMatchObject({ revision: commitAt(3), digest: digestAt(2) })
  })

  it('opens a request before the waiting commits', async () => {
    const world = await liveWorld(1)
    pushGreen(world, 2)
    await ask(world, {})
    expect([...world.deployments.values()].map(({ kind }) => kind)).toEqual([
      'deploy',
      'redeploy',
      'deploy',
    ])
  })

  it('supersedes a commit that is older than one forced before its CI began', async () => {
    const world = await liveWorld(1)
    world.receive(commitAt(3), { kind: 'push', pushedAt: world.instant(), origin: null })
    world.pushImage(3)
    await ask(world, { revision: commitAt(3), force: true })
    pushGreen(world, 2)
    await runReconcile(world)
    expect(world.core().live?.revision).toBe(commitAt(3))
    expect(world.revisions.get(commitAt(2))?.status).toBe('superseded')
  })
})

describe('the next deployment', () => {
  it('deploys the newest commit and supersedes the older ones', async () => {
    const world = pushed([1, 3, 2])
    await runReconcile(world)
    expect(world.core()).toMatchObject({ generation: 1, mark: orderAt(3) })
    expect(world.core().live?.revision).toBe(commitAt(3))
    const statuses = [1, 2, 3].map((index) => world.revisions.get(commitAt(index))?.status)
    expect(statuses).toEqual(['superseded', 'superseded', 'deployed'])
  })

  it('deploys the next older commit where the newest has no image yet, and the newest later', async () => {
    const world = pushed([1])
    world.receive(commitAt(2), world.runOf(2, 1, 'success'))
    await runReconcile(world)
    expect(world.core().live?.revision).toBe(commitAt(1))
    world.pushImage(2)
    await runReconcile(world)
    expect(world.core().generation).toBe(1)
    world.advance(15_000)
    await runReconcile(world)
    expect(world.core().live?.revision).toBe(commitAt(2))
  })

  it('deploys a commit as soon as the registry reports its image', async () => {
    const world = createWorld({ instances: 1 })
    world.receive(commitAt(2), world.runOf(2, 1, 'success'))
    await runReconcile(world)
    world.pushImage(2)
    world.advance(1000)
    world.receive(commitAt(2), {
      kind: 'image',
      tag: commitAt(2),
      seenAt: world.instant(),
      origin: null,
    })
    await runReconcile(world)
    expect(world.core().live?.revision).toBe(commitAt(2))
  })

  it('deploys nothing while the app is frozen', async () => {
    const world = pushed([1])
    world.say(freeze)
    await runReconcile(world)
    expect(world.core().generation).toBe(0)
    expect(world.revisions.get(commitAt(1))?.status).toBe('waiting')
    world.say({ kind: 'unfreeze' })
    await runReconcile(world)
    expect(world.core().live?.revision).toBe(commitAt(1))
  })

  it('does not deploy a failed commit again when CI runs again', async () => {
    const world = pushed([1])
    world.breakImage(1)
    await runReconcile(world)
    expect(world.deployments.get(1)).toMatchObject({ status: 'failed', reason: 'unhealthy' })
    expect(world.revisions.get(commitAt(1))).toMatchObject({
      status: 'refused',
      reason: 'unhealthy',
    })
    world.receive(commitAt(1), world.runOf(1, 2, 'success'))
    await runReconcile(world)
    expect(world.core().generation).toBe(1)
    expect(world.revisions.get(commitAt(1))?.status).toBe('superseded')
  })

  it('deploys a red commit that turns green on a re-run', async () => {
    const world = createWorld({ instances: 1 })
    world.pushImage(1)
    world.receive(commitAt(1), world.runOf(1, 1, 'failure'))
    await runReconcile(world)
    expect(world.revisions.get(commitAt(1))).toMatchObject({
      status: 'refused',
      reason: 'ci_failed',
    })
    world.receive(commitAt(1), world.runOf(1, 2, 'success'))
    await runReconcile(world)
    expect(world.revisions.get(commitAt(1))?.status).toBe('deployed')
  })

  it('expires a commit that lacked evidence for too long, until new evidence arrives', async () => {
    const world = createWorld({ instances: 1, app: { waitForSeconds: 3600 } })
    world.receive(commitAt(1), { kind: 'push', pushedAt: world.instant(), origin: null })
    world.advance(3599_000)
    await runReconcile(world)
    expect(world.revisions.get(commitAt(1))?.status).toBe('waiting')
    world.advance(1000)
    await runReconcile(world)
    expect(world.revisions.get(commitAt(1))).toMatchObject({
      status: 'expired',
      reason: 'wait_expired',
    })
    pushGreen(world, 1)
    await runReconcile(world)
    expect(world.revisions.get(commitAt(1))?.status).toBe('deployed')
  })
})

describe('settings that the head has no room for', () => {
  const huge = { env: { TEXT: 'x'.repeat(300_000) } }

  it('refuses a revision whose settings the head has no room for, once', async () => {
    const world = createWorld({ instances: 1, app: huge })
    pushGreen(world, 1)
    await runReconcile(world)
    expect(world.revisions.get(commitAt(1))).toMatchObject({
      status: 'refused',
      reason: 'too_many_instances',
    })
    expect(world.core()).toMatchObject({ generation: 0, isIdle: true })
  })

  it('refuses a request whose settings the head has no room for, so that another can follow', async () => {
    const world = createWorld({ instances: 1, app: huge })
    world.pushImage(1)
    const core = await ask(world, { revision: commitAt(1), force: true })
    expect(core.request?.refusal).toBe('too_many_instances')
    expect(core.isRequestPending).toBe(false)
  })
})
