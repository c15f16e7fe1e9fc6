import { describe, expect, it } from 'vitest'
import type { App } from '../../../src/deployment/app.ts'
import { later, refused } from '../../../src/kernel/foreign.ts'
import { commitAt, digestAt } from '../../support/examples.ts'
import { createWorld, type World } from '../../support/rollout-world.ts'
import { runReconcile } from '../../support/runs.ts'

const reports: App['reports'] = {
  github: 'landfall/prod/github-token',
  githubDescription: 'reason',
  notice: null,
  sentry: null,
}

const worldWith = (changes: Partial<App> = {}): World => {
  const world = createWorld({ instances: 1, app: { reports, ...changes } })
  for (const index of [1, 2, 3]) world.pushImage(index)
  return world
}

const pushNow = (world: World) =>
  ({ kind: 'push', pushedAt: world.instant(), origin: null }) as const

/** A push came in; CI has ended at GitHub, and its hook was lost. */
const loseRun = (world: World, index: number): void => {
  world.receive(commitAt(index), pushNow(world))
  world.atGithub.set(commitAt(index), [world.runOf(index, 1, 'success')])
}

/** The clock's looks, one each second. */
const watch = async (world: World, seconds: number): Promise<void> => {
  for (let passed = 0; passed < seconds; passed += 1) {
    world.advance(1000)
    await runReconcile(world)
  }
}

const revisionOf = (world: World, index: number) => world.revisions.get(commitAt(index))

describe('a run whose hook was lost', () => {
  it('finds a lost run at GitHub a minute after the first evidence', async () => {
    const world = worldWith()
    loseRun(world, 1)
    await watch(world, 59)
    expect(world.lookUps).toEqual([])
    await watch(world, 1)
    expect(world.core().live).toMatchObject({ revision: commitAt(1), digest: digestAt(1) })
    expect(world.lookUps).toHaveLength(1)
    expect(world.breaches).toEqual([])
  })

  it('asks for a missing run with growing gaps, until it arrives', async () => {
    const world = worldWith()
    world.receive(commitAt(1), pushNow(world))
    const begun = world.now()
    await watch(world, 2700)
    const seconds = world.lookUps.map(({ at }) => (at - begun) / 1000)
    expect(seconds).toEqual([60, 180, 420, 900, 1500, 2100, 2700])
    world.receive(commitAt(1), world.runOf(1, 1, 'success'))
    await watch(world, 5)
    expect(revisionOf(world, 1)?.status).toBe('deployed')
    expect(world.lookUps).toHaveLength(7)
  })

  it('deploys a commit once where its webhook comes late as well', async () => {
    const world = worldWith()
    loseRun(world, 1)
    await watch(world, 61)
    world.receive(commitAt(1), world.runOf(1, 1, 'success'))
    world.receive(commitAt(1), pushNow(world))
    await watch(world, 5)
    expect(world.core().generation).toBe(1)
  })

  it('refuses a commit whose lost run failed', async () => {
    const world = worldWith()
    world.receive(commitAt(1), pushNow(world))
    world.atGithub.set(commitAt(1), [world.runOf(1, 1, 'failure')])
    await watch(world, 61)
    expect(revisionOf(world, 1)).toMatchObject({ status: 'refused', reason: 'ci_failed' })
  })

  it('asks for the missing runs of the newest five commits first', async () => {
    const world = worldWith()
    for (const index of [1, 2, 3, 4, 5, 6, 7]) {
      world.receive(commitAt(index), pushNow(world))
      world.advance(1000)
    }
    world.advance(120_000)
    await runReconcile(world)
    expect(world.lookUps.map(({ commit }) => commit)).toEqual([7, 6, 5, 4, 3].map(commitAt))
    await runReconcile(world)
    expect(world.lookUps.slice(5).map(({ commit }) => commit)).toEqual([2, 1].map(commitAt))
  })
})

describe('a push whose hook was lost', () => {
  it('finds a lost push at GitHub', async () => {
    const world = worldWith()
    world.see('github:push')
    world.receive(commitAt(1), world.runOf(1, 1, 'success'))
    world.atGithub.set(commitAt(1), [pushNow(world)])
    await watch(world, 60)
    expect(revisionOf(world, 1)?.status).toBe('deployed')
  })

  it('expires a commit whose push GitHub does not know', async () => {
    const world = worldWith({ waitForSeconds: 600 })
    world.see('github:push')
    world.receive(commitAt(1), world.runOf(1, 1, 'success'))
    await watch(world, 601)
    expect(world.core().generation).toBe(0)
    expect(revisionOf(world, 1)).toMatchObject({
      status: 'expired',
      reason: 'wait_expired',
      lacked: ['a push to main'],
    })
  })
})

describe('a look-up that is not made', () => {
  it.each<[string, Partial<App>]>([
    ['has no token', { reports: { ...reports, github: null } }],
    ['has no repository', { repository: null }],
    [
      'lacks CircleCI only',
      {
        requires: [{ kind: 'ci', ci: 'circleci', workflow: 'build' }, { kind: 'image' }],
      },
    ],
  ])('does not ask GitHub for an app that %s', async (_what, changes) => {
    const world = worldWith(changes)
    loseRun(world, 1)
    await watch(world, 130)
    expect(world.lookUps).toEqual([])
  })

  it('does not ask GitHub for a commit that lacks only its image', async () => {
    const world = worldWith()
    world.receive(commitAt(9), world.runOf(9, 1, 'success'))
    await watch(world, 130)
    expect(world.lookUps).toEqual([])
  })

  it('does not ask GitHub in a run that an event started', async () => {
    const world = worldWith()
    loseRun(world, 1)
    world.advance(120_000)
    await runReconcile(world, null, 'an event', false)
    expect(world.lookUps).toEqual([])
  })
})

describe('GitHub that does not answer', () => {
  const busy = later('api.github.com answered 429: too many requests', 900)

  it('does not ask GitHub again before the time that it names, and keeps its message', async () => {
    const world = worldWith()
    loseRun(world, 1)
    world.setGithubTrouble(busy)
    await watch(world, 61)
    world.setGithubTrouble(null)
    expect(revisionOf(world, 1)?.lookedUp?.trouble).toBe(busy.why)
    await watch(world, 898)
    expect(world.lookUps).toHaveLength(1)
    await watch(world, 1)
    expect(revisionOf(world, 1)?.status).toBe('deployed')
  })

  it('asks GitHub for no other commit after a failure', async () => {
    const world = worldWith()
    for (const index of [1, 2]) loseRun(world, index)
    world.setGithubTrouble(refused('api.github.com answered 403: the token lacks a permission'))
    await watch(world, 60)
    expect(world.lookUps).toHaveLength(1)
  })

  it('deploys a commit whose webhook arrives although GitHub does not answer', async () => {
    const world = worldWith()
    loseRun(world, 1)
    world.setGithubTrouble(busy)
    await watch(world, 70)
    world.receive(commitAt(1), world.runOf(1, 1, 'success'))
    await runReconcile(world)
    expect(revisionOf(world, 1)?.status).toBe('deployed')
  })
})
