import { describe, expect, it } from 'vitest'
import type { TakeBack } from '../../../src/deployment/head.ts'
import { createOperate } from '../../../src/rollout/operate.ts'
import { createStatus } from '../../../src/rollout/status.ts'
import { commitAt, createWorld, plainly, type World } from '../../support/rollout-world.ts'
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
  const chronicle = { recordOperation: () => Promise.resolve() }
  const word = { kind: 'rollback', to: null } as const
  const order = { app: world.app.name, word, by: 'ada', id: 'ticket-1' }
  expect(await createOperate({ heads, chronicle, clock })(order)).toMatchObject({ ok: true })
  world.advance(1000)
  push(world, 3)
  return world
}

const statusOf = (world: World) => createStatus(world.toPorts(plainly))(world.app.name, world.app)

describe('what waits', () => {
  it('waits for a rollback that is asked for and not opened yet', async () => {
    const world = await goingBack()
    expect(await statusOf(world)).toMatchObject({
      takeBack: { kind: 'rollback', generation: 2, refusal: null },
      waiting: [{ revision: commitAt(3), lacks: [], reason: 'going_back' }],
    })
  })

  it('waits no more once it has ended', async () => {
    const world = await goingBack()
    await runReconcile(world)
    expect(world.head().releases[0]?.revision).toBe(commitAt(3))
    expect(await statusOf(world)).toMatchObject({ open: null, waiting: [] })
  })

  it('does not wait for one that was refused', async () => {
    const world = await goingBack()
    const { takeBack } = world.head()
    if (takeBack === null) throw new Error('nothing is to be taken back')
    const refused: TakeBack = { ...takeBack, refusal: 'nothing_to_roll_back_to' }
    world.change({ takeBack: refused })
    expect(await statusOf(world)).toMatchObject({
      waiting: [{ revision: commitAt(3), reason: 'image_missing' }],
    })
  })
})
