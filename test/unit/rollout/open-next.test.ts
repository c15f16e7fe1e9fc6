import { describe, expect, it } from 'vitest'
import type { Request } from '../../../src/deployment/head.ts'
import { AppName, Generation } from '../../../src/kernel/id.ts'
import { createReconcile } from '../../../src/rollout/reconcile.ts'
import { plainly, type Call } from '../../support/calls.ts'
import { revisionAt } from '../../support/deployments.ts'
import { commitAt, digestAt, orderAt, originAt } from '../../support/examples.ts'
import { createWorld, type World } from '../../support/rollout-world.ts'
import { letItConverge, letItSettle, pushGreen, runReconcile, tickOf } from '../../support/runs.ts'

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

  it('brings out the image that the tag of the live commit names by now', async () => {
    const world = await liveWorld(1)
    world.moveTag(2, commitAt(1))
    await letItSettle(world, 3)
    expect(world.core().releases).toMatchObject([{ generation: 1, digest: digestAt(1) }])
    const core = await ask(world, { revision: commitAt(1) })
    expect(core.releases).toMatchObject([
      { generation: 2, digest: digestAt(2), commit: commitAt(1) },
      { generation: 1, digest: digestAt(1) },
    ])
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
    // CI never runs for many commits, so a push that expires is not reported.
    expect(world.heard).toEqual([])
    pushGreen(world, 1)
    await runReconcile(world)
    expect(world.revisions.get(commitAt(1))?.status).toBe('deployed')
  })
})

describe('an app that a person deploys', () => {
  const manual = (): World => createWorld({ instances: 1, app: { deploy: 'manual' } })
  const standing = (world: World, index: number) => world.revisions.get(commitAt(index))

  const bringOut = async (world: World, index: number) => {
    await ask(world, { revision: commitAt(index) })
    expect(world.core().live?.revision).toBe(commitAt(index))
  }

  const waitingFor = async (world: World, index: number) => {
    pushGreen(world, index)
    await letItSettle(world, 3)
    expect(standing(world, index)).toMatchObject({ status: 'waiting', reason: 'manual' })
  }

  it('lets a complete revision wait until a person brings it out, past waitFor', async () => {
    const world = createWorld({ instances: 1, app: { deploy: 'manual', waitForSeconds: 60 } })
    await waitingFor(world, 1)
    await letItSettle(world, 10)
    expect(world.core()).toMatchObject({ generation: 0, isIdle: true })
    expect(await world.toPorts(plainly).heads.listOpen()).toEqual([])
    await bringOut(world, 1)
    expect([...world.deployments.values()]).toMatchObject([{ kind: 'redeploy', by: 'ada' }])
    expect(standing(world, 1)).toMatchObject({ status: 'deployed', reason: null })
  })

  it('keeps the newest complete revision, and brings out no older one', async () => {
    const world = manual()
    await waitingFor(world, 1)
    await waitingFor(world, 2)
    expect(standing(world, 1)).toMatchObject({ status: 'superseded', reason: 'superseded' })
    await bringOut(world, 2)
    pushGreen(world, 0)
    await runReconcile(world)
    expect(standing(world, 0)?.status).toBe('superseded')
    expect(world.core().generation).toBe(1)
  })

  it('refuses a waiting revision whose CI turned red', async () => {
    const world = manual()
    await waitingFor(world, 1)
    world.receive(commitAt(1), world.runOf(1, 2, 'failure'))
    expect(standing(world, 1)?.reason).toBeNull()
    await runReconcile(world)
    expect(standing(world, 1)).toMatchObject({ status: 'refused', reason: 'ci_failed' })
  })

  it('keeps its revision waiting through late evidence, also once it is automatic again', async () => {
    const world = manual()
    await waitingFor(world, 1)
    world.receive(commitAt(1), { kind: 'push', pushedAt: world.instant(), origin: originAt(1) })
    const settings = { ...world.app, deploy: 'automatic' } as const
    await createReconcile(world.toPorts(plainly))(tickOf(world, { settings }))
    expect(world.core().generation).toBe(0)
    expect(standing(world, 1)).toMatchObject({ status: 'waiting', reason: 'manual' })
  })

  it('writes and asks nothing more while its revision waits', async () => {
    const world = manual()
    await waitingFor(world, 1)
    const calls: string[] = []
    const counted: Call = (name, act) => {
      calls.push(name)
      return plainly(name, act)
    }
    await createReconcile(world.toPorts(counted))(tickOf(world))
    expect(calls.filter((name) => /record|find/.test(name))).toEqual([])
    expect(calls.length).toBeLessThan(10)
  })

  it('brings out nothing when it is unfrozen', async () => {
    const world = manual()
    world.say(freeze)
    pushGreen(world, 1)
    await runReconcile(world)
    expect(standing(world, 1)?.reason).toBeNull()
    world.say({ kind: 'unfreeze' })
    await runReconcile(world)
    expect(standing(world, 1)).toMatchObject({ status: 'waiting', reason: 'manual' })
    expect(world.core().generation).toBe(0)
  })

  it('is rolled back and repaired like any other', async () => {
    const world = manual()
    await waitingFor(world, 1)
    await bringOut(world, 1)
    await waitingFor(world, 2)
    await bringOut(world, 2)
    const [host] = world.hosts
    if (host === undefined) throw new Error('no host')
    host.serving = null
    world.advance(3_600_000)
    await letItConverge(world)
    await letItSettle(world, 3)
    expect(host.serving).toMatchObject({ digest: digestAt(2) })
    world.say({ kind: 'rollback', to: null })
    await letItSettle(world, 3)
    expect(world.core().live?.revision).toBe(commitAt(1))
    expect(host.serving).toMatchObject({ digest: digestAt(1) })
  })

  it('deploys a failed revision of a request no second time', async () => {
    const world = manual()
    await waitingFor(world, 1)
    world.breakImage(1)
    await ask(world, { revision: commitAt(1) })
    expect(standing(world, 1)).toMatchObject({ status: 'refused', reason: 'unhealthy' })
  })
})

describe('a promoted release', () => {
  const staging = AppName.parse('oc-lettings-staging')
  const promoted = (index: number): Partial<Request> => ({
    revision: commitAt(index),
    promoted: {
      app: staging,
      generation: Generation.parse(41),
      commit: commitAt(index),
      digest: digestAt(index),
    },
  })

  it('deploys the digest of the request, wherever the tag points now, and keeps its origin', async () => {
    const world = await liveWorld(1)
    pushGreen(world, 3)
    world.moveTag(4, commitAt(3))
    const { live } = await ask(world, promoted(3))
    expect(live).toMatchObject({
      generation: 2,
      revision: commitAt(3),
      commit: commitAt(3),
      digest: digestAt(3),
      origin: originAt(3),
      promotedFrom: { app: staging, generation: 41 },
      settings: { name: 'oc-lettings' },
    })
    const told = world.heard.map(({ fact }) => fact.deployment?.promotedFrom)
    expect(told.at(-1)).toEqual({ app: staging, generation: 41 })
    expect(world.deployments.get(2)).toMatchObject({ kind: 'redeploy', by: 'ada' })
    expect(world.revisions.get(commitAt(3))?.status).toBe('deployed')
    const again = await ask(world, {})
    expect(again.live).toMatchObject({
      digest: digestAt(3),
      origin: originAt(3),
      promotedFrom: null,
    })
  })

  it('is followed by no older commit, where only the other app knows it', async () => {
    const world = createWorld({ instances: 1 })
    world.elsewhere.set(commitAt(5), revisionAt(5))
    world.receive(commitAt(3), world.runOf(3, 1, 'success'))
    const { live } = await ask(world, promoted(5))
    expect(live).toMatchObject({ digest: digestAt(5), origin: originAt(5) })
    pushGreen(world, 3)
    world.receive(commitAt(5), world.runOf(5, 1, 'success'))
    await letItSettle(world, 3)
    expect(world.core()).toMatchObject({ generation: 1 })
    expect(world.revisions.get(commitAt(3))?.status).toBe('superseded')
  })

  it('supersedes the older revisions that wait', async () => {
    const world = createWorld({ instances: 1, app: { deploy: 'manual' } })
    pushGreen(world, 2)
    world.receive(commitAt(3), world.runOf(3, 1, 'success'))
    await runReconcile(world)
    expect(world.revisions.get(commitAt(2))?.reason).toBe('manual')
    await ask(world, promoted(3))
    expect(world.revisions.get(commitAt(2))?.status).toBe('superseded')
  })

  it('needs no evidence of its own', async () => {
    const { live } = await ask(createWorld({ instances: 1 }), promoted(5))
    expect(live).toMatchObject({ digest: digestAt(5), promotedFrom: { app: staging } })
  })

  it('comes back with its origin on a rollback', async () => {
    const world = createWorld({ instances: 1 })
    await ask(world, promoted(1))
    await ask(world, promoted(2))
    world.say({ kind: 'rollback', to: null })
    await runReconcile(world)
    expect(world.core().live).toMatchObject({
      digest: digestAt(1),
      promotedFrom: { app: staging, generation: 41 },
    })
  })

  it('is refused where its digest was quarantined since, unless it is forced', async () => {
    const world = createWorld({ instances: 1 })
    await ask(world, promoted(1))
    await ask(world, promoted(2))
    world.say({ kind: 'rollback', to: null })
    await runReconcile(world)
    const { request, live } = await ask(world, promoted(2))
    expect([request?.refusal, live?.digest]).toEqual(['quarantined', digestAt(1)])
    const forced = await ask(world, { ...promoted(2), force: true })
    expect(forced.live?.digest).toBe(digestAt(2))
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
