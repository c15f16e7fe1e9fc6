import { describe, expect, it } from 'vitest'
import { createOperate } from '../../../src/rollout/operate.ts'
import { createStatus } from '../../../src/rollout/status.ts'
import { plainly } from '../../support/calls.ts'
import { commitAt } from '../../support/examples.ts'
import { createWorld, type World } from '../../support/rollout-world.ts'
import { runReconcile } from '../../support/runs.ts'

const push = (world: World, index: number): void => {
  world.pushImage(index)
  world.receive(commitAt(index), {
    ...world.runOf(index, 1, 'success'),
    createdAt: world.instant(),
  })
}

/** Releases 1 and 2 were live; then somebody says `rollback`, and a third commit is pushed. */
const goingBack = async (): Promise<World> => {
  const world = createWorld({ instances: 1 })
  for (const index of [1, 2]) {
    push(world, index)
    await runReconcile(world)
    world.advance(1000)
  }
  const { heads, clock } = world.toPorts(plainly)
  const auditLog = { recordOperation: () => Promise.resolve() }
  const word = { kind: 'rollback', to: null } as const
  const order = { app: world.app.name, word, by: 'ada', id: 'ticket-1' }
  expect(await createOperate({ heads, auditLog, clock })(order)).toMatchObject({ ok: true })
  world.advance(1000)
  push(world, 3)
  return world
}

const statusOf = (world: World) => createStatus(world.toPorts(plainly))(world.app.name, world.app)

describe('a waiting commit in the status', () => {
  it('waits for a rollback that is asked for and not opened yet', async () => {
    const world = await goingBack()
    expect(await statusOf(world)).toMatchObject({
      takeBack: { kind: 'rollback', generation: 2, refusal: null },
      waiting: [{ revision: commitAt(3), lacks: [], reason: 'going_back' }],
    })
  })

  it('waits no more once the rollback has ended', async () => {
    const world = await goingBack()
    await runReconcile(world)
    expect(world.core().live?.revision).toBe(commitAt(3))
    expect(await statusOf(world)).toMatchObject({ open: null, waiting: [] })
  })

  it('does not wait for a rollback that came to nothing', async () => {
    const world = await goingBack()
    world.say({ kind: 'cancel' })
    expect(world.core().rollback).toMatchObject({ generation: 2, refusal: 'cancelled' })
    expect(await statusOf(world)).toMatchObject({
      waiting: [{ revision: commitAt(3), reason: 'image_missing' }],
    })
  })
})
