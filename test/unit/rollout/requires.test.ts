import { describe, expect, it } from 'vitest'
import type { Requirement } from '../../../src/deployment/app.ts'
import type { CiEvidence } from '../../../src/deployment/revision.ts'
import { addSeconds } from '../../../src/kernel/clock.ts'
import { commitAt, orderAt } from '../../support/examples.ts'
import { createWorld, type World } from '../../support/rollout-world.ts'
import { runReconcile } from '../../support/runs.ts'

const github: Requirement = { kind: 'ci', ci: 'github', workflow: 'CI' }
const circleci: Requirement = { kind: 'ci', ci: 'circleci', workflow: 'build' }
const image: Requirement = { kind: 'image' }

const worldOf = (...requires: Requirement[]): World =>
  createWorld({ instances: 1, app: { requires } })

/** CircleCI's pipeline of a push is made some seconds after GitHub's run. */
const pipelineOf = (
  world: World,
  index: number,
  conclusion: CiEvidence['conclusion'] = 'success',
): CiEvidence => ({
  ...world.runOf(index, 1, conclusion),
  ci: 'circleci',
  workflow: 'build',
  createdAt: addSeconds(orderAt(index).createdAt, 5),
})

const arrivals = {
  github: (world: World) => world.receive(commitAt(1), world.runOf(1, 1, 'success')),
  circleci: (world: World) => world.receive(commitAt(1), pipelineOf(world, 1)),
  // The registry tells of it: nobody has to wait for the next look.
  image: (world: World) => {
    world.pushImage(1)
    world.advance(1000)
    world.receive(commitAt(1), {
      kind: 'image',
      tag: commitAt(1),
      seenAt: world.instant(),
      origin: null,
    })
  },
}
type Arrival = keyof typeof arrivals

const orders: readonly (readonly Arrival[])[] = [
  ['github', 'circleci', 'image'],
  ['github', 'image', 'circleci'],
  ['circleci', 'github', 'image'],
  ['circleci', 'image', 'github'],
  ['image', 'github', 'circleci'],
  ['image', 'circleci', 'github'],
]

describe.each([
  ['GitHub and CircleCI', [github, circleci, image], orders],
  ['CircleCI and GitHub', [circleci, github, image], orders],
  [
    'GitHub',
    [github, image],
    [
      ['github', 'image'],
      ['image', 'github'],
    ] as const,
  ],
  [
    'CircleCI',
    [circleci, image],
    [
      ['circleci', 'image'],
      ['image', 'circleci'],
    ] as const,
  ],
])('a commit that requires %s and its image', (_what, requires, ways) => {
  it.each(ways.map((way) => [way.join(', then '), way] as const))(
    'deploys a commit with the last requirement, and not before: %s',
    async (_way, way) => {
      const world = worldOf(...requires)
      for (const [index, arrival] of way.entries()) {
        arrivals[arrival](world)
        await runReconcile(world)
        expect(world.core().generation).toBe(index === way.length - 1 ? 1 : 0)
      }
      expect(world.revisions.get(commitAt(1))?.status).toBe('deployed')
      expect(world.breaches).toEqual([])
    },
  )
})

describe('an app with several CI entries', () => {
  it.each([
    ['GitHub', [github, circleci, image], orderAt(1).createdAt],
    ['CircleCI', [circleci, github, image], addSeconds(orderAt(1).createdAt, 5)],
  ])('orders commits by the first CI entry: %s', async (_what, requires, createdAt) => {
    const world = worldOf(...requires)
    for (const arrive of Object.values(arrivals)) arrive(world)
    await runReconcile(world)
    expect(world.core().mark?.createdAt).toBe(createdAt)
  })

  it.each([
    ['GitHub', 'circleci'],
    ['CircleCI', 'github'],
  ] as const)('refuses a commit with one red CI, whatever %s says', async (_what, red) => {
    const world = worldOf(github, circleci, image)
    for (const arrive of Object.values(arrivals)) arrive(world)
    const failed = red === 'github' ? world.runOf(1, 2, 'failure') : pipelineOf(world, 1, 'failure')
    world.receive(commitAt(1), { ...failed, attempt: 2 })
    await runReconcile(world)
    expect(world.core().generation).toBe(0)
    expect(world.revisions.get(commitAt(1))).toMatchObject({
      status: 'refused',
      reason: 'ci_failed',
    })
  })

  it('requires a second workflow of the same CI too', async () => {
    const lint: Requirement = { kind: 'ci', ci: 'github', workflow: 'Lint' }
    const world = worldOf(github, lint, image)
    arrivals.github(world)
    arrivals.image(world)
    await runReconcile(world)
    expect(world.core().generation).toBe(0)
    world.receive(commitAt(1), { ...world.runOf(1, 1, 'success'), workflow: 'Lint' })
    await runReconcile(world)
    expect(world.core().generation).toBe(1)
  })
})
