import { describe, expect, it } from 'vitest'
import type * as z from 'zod'
import { RefusedAnswer } from '../../../src/answers/answer.ts'
import {
  DeploymentAnswer,
  HistoryAnswer,
  ProgressAnswer,
  RollbackView,
  SettingsAnswers,
} from '../../../src/answers/status.ts'
import { Generation } from '../../../src/kernel/id.ts'
import { createViews } from '../../../src/rollout/status-views.ts'
import type { Call } from '../../support/calls.ts'
import { commitAt, ec2, originAt } from '../../support/examples.ts'
import { createWorld, type World } from '../../support/rollout-world.ts'
import { operate, pushGreen, runReconcile } from '../../support/runs.ts'

/** The views of a world, and the reads that they cost. */
const viewsOf = (world: World) => {
  const reads: string[] = []
  const call: Call = (name, effect) => {
    reads.push(name)
    return Promise.resolve().then(effect)
  }
  return { views: createViews(world.toPorts(call)), reads }
}

const bringOut = async (world: World, ...indexes: readonly number[]): Promise<World> => {
  for (const index of indexes) {
    pushGreen(world, index, world.instant())
    await runReconcile(world)
    world.advance(1000)
  }
  return world
}

const parse = <Schema extends z.ZodType>(schema: Schema, answer: unknown): z.output<Schema> =>
  schema.parse(answer)

const generation = (number: number) => Generation.parse(number)

describe('the view progress of status', () => {
  it('costs one read while nothing is open, and names what is live', async () => {
    const world = await bringOut(createWorld({ instances: 1 }), 1, 2)
    const { views, reads } = viewsOf(world)
    expect(parse(ProgressAnswer, await views.progress(world.app))).toMatchObject({
      generation: 2,
      live: { generation: 2, origin: originAt(2) },
      deployment: null,
    })
    expect(reads).toEqual(['heads.load'])
  })

  it('costs two reads while a deployment is open, and shows it with its steps', async () => {
    const world = createWorld({ instances: 1 })
    pushGreen(world, 1, world.instant())
    world.upcoming.push('late')
    await runReconcile(world)
    const { views, reads } = viewsOf(world)
    expect(parse(ProgressAnswer, await views.progress(world.app))).toMatchObject({
      generation: 1,
      live: null,
      deployment: { generation: 1, status: 'in_progress', commit: commitAt(1), endedAt: null },
    })
    expect(reads).toEqual(['heads.load', 'history.loadSteps'])
  })
})

describe('the view history of status', () => {
  it('lists the newest first, no more than asked for, without instances', async () => {
    const world = await bringOut(createWorld({ instances: 2 }), 1, 2, 3)
    const { views, reads } = viewsOf(world)
    const shown = parse(HistoryAnswer, await views.history(world.app, 2))
    expect(shown.deployments.map((one) => one.generation)).toEqual([3, 2])
    expect(shown.deployments[0]).toMatchObject({ status: 'succeeded', instanceCount: 2 })
    expect(shown.deployments[0]).not.toHaveProperty('instances')
    expect(reads).toEqual(['heads.load', 'history.loadDeployments'])
  })
})

describe('the view deployment of status', () => {
  it('shows one deployment with the steps of each instance', async () => {
    const world = await bringOut(createWorld({ instances: 1 }), 1, 2)
    const shown = await viewsOf(world).views.deployment(world.app, generation(1))
    expect(parse(DeploymentAnswer, shown)).toMatchObject({ generation: 1, status: 'succeeded' })
  })

  it('refuses a number that the app does not have', async () => {
    const world = await bringOut(createWorld({ instances: 1 }), 1)
    const shown = await viewsOf(world).views.deployment(world.app, generation(7))
    expect(parse(RefusedAnswer, shown)).toMatchObject({ reason: 'deployment_unknown' })
  })
})

describe('the view rollback of status', () => {
  it('says both ends as rollback then does it, and changes nothing', async () => {
    const predeploy = ['python', 'manage.py', 'migrate']
    const world = await bringOut(createWorld({ instances: 1, targets: [ec2({ predeploy })] }), 1, 2)
    const { views, reads } = viewsOf(world)
    const shown = parse(RollbackView, await views.rollback(world.app, null))
    expect(shown).toMatchObject({
      takesBack: { generation: 2, commit: commitAt(2), origin: originAt(2), predeploy },
      to: { generation: 1, commit: commitAt(1), origin: originAt(1) },
    })
    expect(reads).toEqual(['heads.load'])
    expect(world.core().live?.revision).toBe(commitAt(2))
    await operate(world, { kind: 'rollback', to: null })
    await runReconcile(world)
    expect(world.core().live?.revision).toBe(commitAt(1))
  })

  it('names the live release as the aim while a deployment is open', async () => {
    const world = await bringOut(createWorld({ instances: 1 }), 1)
    pushGreen(world, 2, world.instant())
    world.upcoming.push('late')
    await runReconcile(world)
    const shown = await viewsOf(world).views.rollback(world.app, null)
    expect(parse(RollbackView, shown)).toMatchObject({
      takesBack: { generation: 2 },
      to: { generation: 1 },
    })
  })

  it.each([
    ['nothing is live', [], null, 'nothing_live'],
    ['nothing was live before', [1], null, 'nothing_to_roll_back_to'],
    ['no kept release has the number', [1, 2], generation(9), 'release_unknown'],
  ] as const)('is refused as rollback is where %s', async (_, indexes, to, reason) => {
    const world = await bringOut(createWorld({ instances: 1 }), ...indexes)
    const shown = await viewsOf(world).views.rollback(world.app, to)
    expect(parse(RefusedAnswer, shown)).toMatchObject({ reason })
  })
})

describe('the view settings of status', () => {
  it('names the keys of env and no value, and reads no journal', () => {
    const app = { env: { DEBUG: 'planted-value' }, secrets: 'landfall/prod/shop' }
    const world = createWorld({ instances: 1, app })
    const { views, reads } = viewsOf(world)
    const shown = views.settings([world.app])
    expect(parse(SettingsAnswers, shown).apps[0]).toMatchObject({
      env: ['DEBUG'],
      secrets: 'landfall/prod/shop',
      requires: world.app.requires,
    })
    expect(JSON.stringify(shown)).not.toContain('planted-value')
    expect(reads).toEqual([])
  })
})
