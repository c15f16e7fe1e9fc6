import { describe, expect, it } from 'vitest'
import type { App } from '../../../src/deployment/app.ts'
import { createReconcile } from '../../../src/rollout/reconcile.ts'
import { plainly } from '../../support/calls.ts'
import { commitAt, digestAt } from '../../support/examples.ts'
import { createWorld, type World } from '../../support/rollout-world.ts'
import { pushGreen, runReconcile, tickOf } from '../../support/runs.ts'

const tellsOf = (world: World) =>
  world.heard
    .filter(({ channel, fact }) => channel === 'event' && fact.reason === 'tag_moved')
    .map(({ fact }) => fact)

/** Another image is pushed under the tag of the first commit, and the registry tells of it. */
const pushAgain = (world: World, index = 2): void => {
  world.advance(60_000)
  world.moveTag(index, commitAt(1))
  const seenAt = world.instant()
  world.receive(commitAt(1), { kind: 'image', tag: commitAt(1), seenAt, origin: null })
}

const passMinutes = async (world: World, minutes: number): Promise<void> => {
  for (let minute = 0; minute < minutes; minute += 1) {
    await runReconcile(world)
    world.advance(60_000)
  }
}

const liveWorld = async (app: Partial<App> = {}): Promise<World> => {
  const world = createWorld({ instances: 1, app })
  pushGreen(world, 1)
  await runReconcile(world)
  return world
}

const revisionOf = (world: World) => world.revisions.get(commitAt(1))

describe('a commit that is live', () => {
  it('is reported once if its tag is pushed again with another image, and nothing is deployed', async () => {
    const world = await liveWorld()
    pushAgain(world)
    await passMinutes(world, 3)
    pushAgain(world, 3)
    await passMinutes(world, 3)
    const [told, ...more] = tellsOf(world)
    expect(told).toMatchObject({ kind: 'held', deployment: null })
    expect(told?.message).toBe(
      `${commitAt(1)}; its tag names ${digestAt(2)} by now, and ${digestAt(1).slice(0, 19)} was found for it: only redeploy brings out the new one`,
    )
    expect(more).toEqual([])
    expect(revisionOf(world)).toMatchObject({ status: 'deployed', moved: digestAt(3) })
    expect(world.core().live?.digest).toBe(digestAt(1))
    expect(world.core().generation).toBe(1)
  })

  it('is reported if its run is repeated and has pushed another image', async () => {
    const world = await liveWorld()
    world.moveTag(2, commitAt(1))
    world.receive(commitAt(1), world.runOf(1, 2, 'success'))
    await runReconcile(world)
    expect(tellsOf(world)).toHaveLength(1)
  })

  it('is brought out with the new image by redeploy, and then is not moved any more', async () => {
    const world = await liveWorld()
    pushAgain(world)
    await runReconcile(world)
    world.ask({ revision: commitAt(1) })
    await runReconcile(world)
    expect(world.core().live?.digest).toBe(digestAt(2))
    pushAgain(world)
    await runReconcile(world)
    expect(revisionOf(world)?.moved).toBeNull()
    expect(tellsOf(world)).toHaveLength(1)
  })

  it('is reported again if the tag moves on after the new image was brought out', async () => {
    const world = await liveWorld()
    pushAgain(world)
    await runReconcile(world)
    world.ask({ revision: commitAt(1) })
    await runReconcile(world)
    pushAgain(world, 3)
    await runReconcile(world)
    expect(tellsOf(world).map(({ message }) => message)).toEqual([
      expect.stringContaining(digestAt(2)),
      expect.stringContaining(digestAt(3)),
    ])
  })

  it.each([
    ['the same image', 1],
    ['another attempt of its run that is red', 2],
  ])('is not reported for %s', async (_what, index) => {
    const world = await liveWorld()
    if (index === 1) pushAgain(world, 1)
    else {
      world.moveTag(2, commitAt(1))
      world.receive(commitAt(1), world.runOf(1, 2, 'failure'))
    }
    await passMinutes(world, 2)
    expect(tellsOf(world)).toEqual([])
  })

  it('is compared by a later run although the nudge was lost, and once only', async () => {
    const world = await liveWorld()
    pushAgain(world)
    let asked = 0
    const ports = world.toPorts(plainly)
    const findDigest: typeof ports.images.findDigest = (...given) => {
      asked += 1
      return ports.images.findDigest(...given)
    }
    for (let tick = 0; tick < 3; tick += 1)
      await createReconcile({ ...ports, images: { ...ports.images, findDigest } })(tickOf(world))
    expect(asked).toBe(1)
    expect(tellsOf(world)).toHaveLength(1)
  })

  it('is compared again with growing gaps while the registry does not answer, and given up', async () => {
    const world = await liveWorld()
    pushAgain(world)
    world.setRegistryTrouble({ reason: 'registry_unavailable', retryAfterSeconds: null })
    await passMinutes(world, 3)
    expect(tellsOf(world)).toEqual([])
    world.setRegistryTrouble(null)
    await passMinutes(world, 3)
    expect(tellsOf(world)).toHaveLength(1)
    world.setRegistryTrouble({ reason: 'registry_unavailable', retryAfterSeconds: null })
    pushAgain(world, 3)
    await passMinutes(world, 90)
    expect(revisionOf(world)?.asked?.retryAt).toBeNull()
  })

  it('is not compared once a newer one has gone out', async () => {
    const world = await liveWorld()
    pushGreen(world, 4)
    await runReconcile(world)
    pushAgain(world)
    await runReconcile(world)
    expect(tellsOf(world)).toEqual([])
    expect(revisionOf(world)?.asked).not.toBeNull()
  })
})

describe('a commit whose deployment has failed', () => {
  it('is reported if its tag is pushed again with another image: its evidence brings nothing out', async () => {
    const world = createWorld({ instances: 1 })
    world.breakImage(1)
    pushGreen(world, 1)
    await passMinutes(world, 2)
    expect(revisionOf(world)?.status).toBe('refused')
    pushAgain(world)
    await passMinutes(world, 3)
    expect(revisionOf(world)).toMatchObject({ status: 'superseded', moved: digestAt(2) })
    expect(tellsOf(world)).toHaveLength(1)
    world.ask({ revision: commitAt(1) })
    await runReconcile(world)
    expect(world.core().live?.digest).toBe(digestAt(2))
  })
})

describe('a commit that waits with its image', () => {
  it('is reported while it waits for a person, who brings out the new image', async () => {
    const world = await liveWorld({ deploy: 'manual' })
    pushAgain(world)
    await passMinutes(world, 2)
    expect(revisionOf(world)).toMatchObject({ status: 'waiting', digest: digestAt(1) })
    expect(tellsOf(world)).toHaveLength(1)
    world.ask({ revision: commitAt(1) })
    await runReconcile(world)
    expect(world.core().live?.digest).toBe(digestAt(2))
  })
})
