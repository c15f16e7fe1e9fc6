import { describe, expect, it } from 'vitest'
import { createStatus } from '../../../src/rollout/status.ts'
import { plainly } from '../../support/calls.ts'
import { commitAt, originAt } from '../../support/examples.ts'
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

const statusOf = (world: World) => createStatus(world.toPorts(plainly))(world.app.name, world.app)

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
