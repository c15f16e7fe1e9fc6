import { describe, expect, it } from 'vitest'
import type { App } from '../../../src/deployment/app.ts'
import { createReconcile } from '../../../src/rollout/reconcile.ts'
import { plainly, type Call } from '../../support/calls.ts'
import { commitAt, digestAt, originAt } from '../../support/examples.ts'
import { createWorld, type World } from '../../support/rollout-world.ts'
import { runReconcile, tickOf } from '../../support/runs.ts'

const requires: App['requires'] = [{ kind: 'ci', ci: 'github', workflow: 'CI' }, { kind: 'image' }]

const latestWorld = (changes: Partial<App> = {}): World =>
  createWorld({ instances: 1, app: { tag: 'latest', requires, ...changes } })

const turnGreen = (world: World, index: number): void =>
  world.receive(commitAt(index), world.runOf(index, 1, 'success'))

const liveOf = (world: World) => world.core().live

const expectLive = (world: World, index: number): void => {
  expect(liveOf(world)).toMatchObject({
    revision: commitAt(index),
    commit: commitAt(index),
    digest: digestAt(index),
  })
  expect(world.breaches).toEqual([])
}

describe('a commit whose image has the tag latest', () => {
  it('deploys a commit that is green and that the label under latest names, without a webhook of the registry', async () => {
    const world = latestWorld()
    world.moveTag(1)
    turnGreen(world, 1)
    await runReconcile(world)
    expectLive(world, 1)
  })

  it('deploys a green commit as soon as the registry reports its image under latest', async () => {
    const world = latestWorld()
    world.moveTag(1)
    turnGreen(world, 2)
    await runReconcile(world)
    expect(liveOf(world)).toBeNull()
    expect(world.revisions.get(commitAt(2))).toMatchObject({
      status: 'waiting',
      reason: 'image_missing',
    })
    world.advance(1000)
    world.moveTag(2)
    world.announceTag()
    await runReconcile(world)
    expectLive(world, 2)
  })

  it('waits for CI where the image under latest came first', async () => {
    const world = latestWorld()
    world.moveTag(1)
    world.announceTag()
    await runReconcile(world)
    expect(world.hint()).toBeNull()
    expect(world.revisions.get(commitAt(1))).toMatchObject({
      status: 'waiting',
      commit: commitAt(1),
      image: { tag: 'latest' },
    })
    turnGreen(world, 1)
    await runReconcile(world)
    expectLive(world, 1)
  })

  it('deploys the image of a commit although latest has moved on before CI was green', async () => {
    const world = latestWorld()
    for (const index of [1, 2]) {
      world.moveTag(index)
      world.announceTag()
      await runReconcile(world)
      world.advance(60_000)
    }
    world.receive(commitAt(2), world.runOf(2, 1, 'failure'))
    turnGreen(world, 1)
    await runReconcile(world)
    expectLive(world, 1)
    expect(world.revisions.get(commitAt(2))?.reason).toBe('ci_failed')
  })

  it('keeps both commits where latest was pushed twice within a second, during the look-up', async () => {
    const world = latestWorld()
    world.moveTag(1)
    world.announceTag()
    let isPushed = false
    const call: Call = async (name, effect) => {
      const found = await plainly(name, effect)
      if (name !== 'findDigest' || isPushed) return found
      isPushed = true
      world.moveTag(2)
      world.announceTag()
      return found
    }
    await createReconcile(world.toPorts(call))(tickOf(world, { isTick: false }))
    await runReconcile(world)
    expect([...world.revisions.keys()]).toEqual([commitAt(1), commitAt(2)])
    expect(world.hint()).toBeNull()
  })

  it('does not deploy a commit with the image of another commit', async () => {
    const world = latestWorld()
    world.moveTag(2)
    turnGreen(world, 1)
    await runReconcile(world)
    expect(liveOf(world)).toBeNull()
    expect(world.revisions.get(commitAt(1))?.reason).toBe('image_missing')
  })

  it('waits with image_unlabelled where the image has no label', async () => {
    const world = latestWorld()
    world.moveTag(1)
    world.unlabel(1)
    world.announceTag()
    turnGreen(world, 1)
    await runReconcile(world)
    expect(liveOf(world)).toBeNull()
    expect(world.hint()).toBeNull()
    expect(world.revisions.get(commitAt(1))).toMatchObject({
      status: 'waiting',
      reason: 'image_unlabelled',
    })
  })

  it('fetches each new image under latest once', async () => {
    const world = latestWorld()
    world.moveTag(1)
    turnGreen(world, 2)
    for (const minute of [0, 1, 2, 3]) {
      await runReconcile(world)
      world.advance(60_000 * (minute + 1))
    }
    expect(world.fetched).toEqual([digestAt(1)])
    world.moveTag(2)
    world.announceTag()
    await runReconcile(world)
    expectLive(world, 2)
    expect(world.fetched).toEqual([digestAt(1), digestAt(2)])
  })

  it('redeploys a commit whose image is under latest, and refuses one that no label names', async () => {
    const world = latestWorld()
    world.moveTag(3)
    world.ask({ force: true, revision: commitAt(3) })
    await runReconcile(world)
    expectLive(world, 3)
    world.ask({ force: true, revision: commitAt(4) })
    await runReconcile(world)
    expect(world.core().request?.refusal).toBe('revision_unknown')
  })
})

describe('an app that requires only an image under latest', () => {
  const alone: Partial<App> = { requires: [{ kind: 'image' }] }

  it('makes a revision of each new digest under latest, and reads its labels once, for people', async () => {
    const world = latestWorld(alone)
    world.moveTag(1)
    world.announceTag()
    await runReconcile(world)
    expect(liveOf(world)).toMatchObject({
      revision: digestAt(1),
      commit: null,
      origin: originAt(1),
    })
    world.advance(60_000)
    world.announceTag()
    await runReconcile(world)
    expect(world.fetched).toEqual([digestAt(1)])
  })

  it('deploys an image whose labels say nothing of its commit', async () => {
    const world = latestWorld(alone)
    world.moveTag(1)
    world.unlabel(1)
    world.announceTag()
    await runReconcile(world)
    expect(liveOf(world)).toMatchObject({ revision: digestAt(1), origin: null })
  })
})

describe('the labels of an image under the tag of a commit', () => {
  it.each([
    ['are not read where a push tells what the commit is', originAt(7), [], originAt(7)],
    ['are read where nothing else tells it', null, [digestAt(1)], originAt(1)],
  ])('%s', async (_, told, fetched, origin) => {
    const world = createWorld({ instances: 1, app: { requires: [{ kind: 'image' }] } })
    world.pushImage(1)
    const at = world.instant()
    world.receive(commitAt(1), { kind: 'push', pushedAt: at, origin: told })
    world.receive(commitAt(1), { kind: 'image', tag: commitAt(1), seenAt: at, origin: null })
    await runReconcile(world)
    expect(liveOf(world)).toMatchObject({ digest: digestAt(1), origin })
    expect(world.fetched).toEqual(fetched)
  })
})

describe('a stage that lacks something for now', () => {
  /** As a target on EC2 says while the registry of the proxy's image does not answer. */
  const lackingPorts = (world: World) => {
    const ports = world.toPorts(plainly)
    return {
      ...ports,
      toTarget: (settings: Parameters<typeof ports.toTarget>[0]) => ({
        ...ports.toTarget(settings),
        findLack: async () => 'proxy_image_unavailable' as const,
      }),
    }
  }

  it('lets a green commit wait with that reason, opens nothing, and deploys it once the stage lacks nothing', async () => {
    const world = latestWorld()
    world.moveTag(1)
    turnGreen(world, 1)
    await createReconcile(lackingPorts(world))(tickOf(world, { isTick: false }))
    expect(world.core().generation).toBe(0)
    expect(world.revisions.get(commitAt(1))).toMatchObject({
      status: 'waiting',
      reason: 'proxy_image_unavailable',
      digest: null,
    })
    world.advance(60_000)
    await runReconcile(world)
    expectLive(world, 1)
  })

  it('declines a request with that reason', async () => {
    const world = latestWorld()
    world.moveTag(1)
    world.ask({ revision: commitAt(1), force: true })
    await createReconcile(lackingPorts(world))(tickOf(world, { isTick: false }))
    expect(world.core().request?.refusal).toBe('proxy_image_unavailable')
  })
})

describe('a pushed tag whose registry does not answer', () => {
  const busy = { reason: 'registry_unavailable', retryAfterSeconds: null } as const

  it('asks the registry about a pushed tag again with growing gaps, never before the time that it names', async () => {
    const world = latestWorld()
    world.moveTag(1)
    world.announceTag()
    turnGreen(world, 1)
    world.setRegistryTrouble({ ...busy, retryAfterSeconds: 120 })
    await runReconcile(world)
    world.setRegistryTrouble(null)
    world.advance(119_000)
    await runReconcile(world)
    expect(world.hint()?.asked?.count).toBe(1)
    expect(liveOf(world)).toBeNull()
    world.advance(1000)
    await runReconcile(world)
    expectLive(world, 1)
  })

  it('gives a pushed tag up after waitFor', async () => {
    const world = latestWorld({ waitForSeconds: 3600 })
    world.announceTag()
    world.setRegistryTrouble(busy)
    await runReconcile(world)
    world.advance(3_600_000)
    await runReconcile(world)
    expect(world.hint()).toBeNull()
  })
})

describe('a run that a tag named like the branch started', () => {
  const seenWorld = (): World => {
    const world = createWorld({ instances: 1, app: { requires } })
    for (const index of [1, 2, 3]) world.pushImage(index)
    world.see('github:push')
    return world
  }
  const pushBranch = (world: World, index: number): void =>
    world.receive(commitAt(index), { kind: 'push', pushedAt: world.instant(), origin: null })

  it('does not deploy the run of a tag named like the branch before a push of the branch', async () => {
    const world = seenWorld()
    turnGreen(world, 1)
    await runReconcile(world)
    expect(liveOf(world)).toBeNull()
    pushBranch(world, 1)
    await runReconcile(world)
    expectLive(world, 1)
  })

  it('does not deploy an old commit again for the run of a tag named like the branch', async () => {
    const world = seenWorld()
    for (const index of [1, 2]) {
      pushBranch(world, index)
      turnGreen(world, index)
      await runReconcile(world)
      expectLive(world, index)
    }
    world.advance(86_400_000)
    const run = { ...world.runOf(1, 1, 'success'), runId: 'tag', runNumber: 99 }
    world.receive(commitAt(1), { ...run, createdAt: world.instant() })
    await runReconcile(world)
    expectLive(world, 2)
    expect(world.core().generation).toBe(2)
  })
})
