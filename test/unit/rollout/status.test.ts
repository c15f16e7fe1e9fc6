import { describe, expect, it, vi } from 'vitest'
import { createStatus } from '../../../src/rollout/status.ts'
import type { KnownRepository } from '../../../src/deployment/repository.ts'
import { plainly } from '../../support/calls.ts'
import { appOf } from '../../support/apps.ts'
import { begin, bringLive } from '../../support/core.ts'
import { openingOf } from '../../support/deployments.ts'
import { proxyImage } from '../../support/ec2-ports.ts'
import { commitAt, digestAt, originAt } from '../../support/examples.ts'
import { createWorld, type World } from '../../support/rollout-world.ts'
import { operate, pushGreen, runReconcile } from '../../support/runs.ts'

/** Releases 1 and 2 were live; then a person calls `rollback`, and a third commit is pushed. */
const goingBack = async (): Promise<World> => {
  const world = createWorld({ instances: 1 })
  for (const index of [1, 2]) {
    pushGreen(world, index, world.instant())
    await runReconcile(world)
    world.advance(1000)
  }
  expect(await operate(world, { kind: 'rollback', to: null })).toMatchObject({ ok: true })
  world.advance(1000)
  pushGreen(world, 3, world.instant())
  return world
}

const proxyImages = { load: () => Promise.resolve(proxyImage) }
const repositories = { load: async (): Promise<KnownRepository | null> => null }
const renewals = { load: () => Promise.resolve(null) }

const statusOf = async (world: World, known: KnownRepository | null = null) => {
  const status = createStatus({
    stage: 'prod',
    apps: [world.app],
    proxyImages,
    renewals,
    repositories: { load: async () => known },
    ...world.toPorts(plainly),
  })
  return (await status([world.app]))[0]
}

describe('a waiting commit in the status', () => {
  it('shows that a commit waits for a rollback that is not open yet', async () => {
    const world = await goingBack()
    expect(await statusOf(world)).toMatchObject({
      takeBack: { kind: 'rollback', generation: 2, refusal: null },
      waiting: [{ revision: commitAt(3), lacks: [], reason: 'going_back' }],
    })
  })

  it('shows no waiting commit once the rollback has ended', async () => {
    const world = await goingBack()
    await runReconcile(world)
    expect(world.core().live?.revision).toBe(commitAt(3))
    expect(await statusOf(world)).toMatchObject({ open: null, waiting: [] })
  })

  it('shows that a commit does not wait for a cancelled rollback', async () => {
    const world = await goingBack()
    world.say({ kind: 'cancel' })
    expect(world.core().rollback).toMatchObject({ generation: 2, refusal: 'cancelled' })
    expect(await statusOf(world)).toMatchObject({
      waiting: [{ revision: commitAt(3), reason: 'image_missing' }],
    })
  })
})

describe('what a commit is, in the status', () => {
  const push = (world: World, title: string) => ({
    kind: 'push' as const,
    pushedAt: world.instant(),
    origin: { title, author: 'Grace', login: 'grace', runUrl: null, compareUrl: null },
  })

  it('shows it for the live release, in the history, and for what waits', async () => {
    const world = await goingBack()
    expect(await statusOf(world)).toMatchObject({
      live: { generation: 2, origin: originAt(2) },
      before: { generation: 1, origin: originAt(1) },
      deployments: [{ origin: originAt(2) }, { origin: originAt(1) }],
      waiting: [{ origin: originAt(3) }],
    })
  })

  it('shows for a rollback the commit that came back', async () => {
    const world = createWorld({ instances: 1 })
    for (const index of [1, 2]) {
      pushGreen(world, index, world.instant())
      await runReconcile(world)
      world.advance(1000)
    }
    await operate(world, { kind: 'rollback', to: null })
    await runReconcile(world)
    expect(await statusOf(world)).toMatchObject({
      live: { origin: originAt(1) },
      deployments: [{ kind: 'rollback', origin: originAt(1) }, {}, {}],
    })
  })

  it('takes from a push first, and adds what comes late to what waits, not to what is open', async () => {
    const world = await goingBack()
    world.receive(commitAt(3), push(world, 'By the push'))
    world.receive(commitAt(2), push(world, 'Too late'))
    const { runUrl } = originAt(3)
    expect(await statusOf(world)).toMatchObject({
      live: { origin: originAt(2) },
      waiting: [{ origin: { title: 'By the push', login: 'grace', runUrl } }],
    })
  })
})

describe('a commit that waits for a person in the status', () => {
  const manualWorld = async (): Promise<World> => {
    const world = createWorld({ instances: 1, app: { deploy: 'manual' } })
    pushGreen(world, 1)
    await runReconcile(world)
    return world
  }

  it('shows that it waits, and the call that brings it out', async () => {
    const world = await manualWorld()
    expect(await statusOf(world)).toMatchObject({
      waiting: [
        {
          revision: commitAt(1),
          lacks: [],
          reason: 'manual',
          liveOn: [],
          bringOut: `npx sls invoke -f redeploy --stage prod -d '{"app":"oc-lettings","revision":"${commitAt(1)}"}'`,
        },
      ],
    })
    // What waits for a person does so whatever else is in the way.
    world.say({ kind: 'freeze', reason: 'exams' })
    expect(await statusOf(world)).toMatchObject({ waiting: [{ reason: 'manual' }] })
  })

  it('shows where its image is live already, and the call that promotes it', async () => {
    const world = await manualWorld()
    const staging = appOf('staging', {
      image: `docker.io/${world.app.image}`,
      targets: world.app.targets,
    })
    const { stored: there } = bringLive(begin(), openingOf(1, 1, {}, staging))
    const ports = world.toPorts(plainly)
    const status = createStatus({
      ...ports,
      proxyImages,
      renewals,
      repositories,
      stage: 'prod',
      apps: [world.app, staging],
      heads: {
        ...ports.heads,
        load: async (name) =>
          name === staging.name ? { ...there, app: name } : ports.heads.load(name),
      },
    })
    expect(await status([world.app])).toMatchObject([
      {
        waiting: [
          {
            liveOn: [{ app: 'staging', generation: 1 }],
            bringOut: `npx sls invoke -f redeploy --stage prod -d '{"app":"oc-lettings","from":"staging"}'`,
          },
        ],
      },
    ])
  })

  it('shows what such a commit lacks before that, as for any other', async () => {
    const world = createWorld({ instances: 1, app: { deploy: 'manual' } })
    world.receive(commitAt(1), world.runOf(1, 1, 'success'))
    await runReconcile(world)
    const status = await statusOf(world)
    expect(status).toMatchObject({ waiting: [{ lacks: ['image'], reason: 'image_missing' }] })
    expect(JSON.stringify(status)).not.toContain('bringOut')
  })
})

it("shows with every app the one image of the stage's proxies, which it reads once", async () => {
  const world = createWorld({ instances: 1 })
  const load = vi.fn(proxyImages.load)
  const ports = {
    ...world.toPorts(plainly),
    stage: 'prod',
    renewals,
    repositories,
    proxyImages: { load },
  }
  const status = createStatus({ ...ports, apps: [world.app] })
  expect(await status([world.app, appOf('staging')])).toMatchObject([
    { app: world.app.name, proxy: proxyImage },
    { app: 'staging', proxy: proxyImage },
  ])
  expect(load).toHaveBeenCalledTimes(1)
})

it('shows that GitHub has another name for the repository, and that another one was refused', async () => {
  const world = createWorld({ instances: 1 })
  const at = world.instant()
  const facts = { renamed: { name: 'acme/store', at }, refused: { id: 8, at } }
  const known = { id: 7, name: 'acme/oc-lettings', keptAt: at, ...facts }
  expect(await statusOf(world, known)).toMatchObject({ repository: { id: 7, ...facts } })
  expect(await statusOf(world, { ...known, name: 'acme/x' })).toMatchObject({ repository: null })
})

describe('a tag that names another image by now, in the status', () => {
  it('is shown with the call that brings the new image out, until that is live', async () => {
    const world = createWorld({ instances: 1 })
    pushGreen(world, 1)
    await runReconcile(world)
    expect(await statusOf(world)).toMatchObject({ moved: [] })
    world.advance(1000)
    world.moveTag(2, commitAt(1))
    world.receive(commitAt(1), world.runOf(1, 2, 'success'))
    await runReconcile(world)
    const bringOut = `npx sls invoke -f redeploy --stage prod -d '{"app":"oc-lettings","revision":"${commitAt(1)}"}'`
    const revision = commitAt(1)
    expect(await statusOf(world)).toMatchObject({
      moved: [{ revision, digest: digestAt(2), bringOut }],
    })
    world.ask({ revision })
    await runReconcile(world)
    expect(await statusOf(world)).toMatchObject({ moved: [] })
  })
})
