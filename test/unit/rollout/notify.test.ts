import { describe, expect, it } from 'vitest'
import { createReconcile } from '../../../src/rollout/reconcile.ts'
import { plainly, type Call } from '../../support/calls.ts'
import { createWorld, type World } from '../../support/rollout-world.ts'
import { letItSettle, pushGreen, runReconcile, tickOf } from '../../support/runs.ts'

const reports = {
  github: 'landfall/github-token',
  githubDescription: 'reason',
  notice: 'landfall/slack',
  sentry: null,
} as const

const pushed = (): World => {
  const world = createWorld({ instances: 1, app: { reports } })
  pushGreen(world, 1)
  return world
}

const heardBy = (world: World, channel: string): readonly string[] =>
  world.heard.filter((one) => one.channel === channel).map(({ fact }) => fact.id)

const both = ['1:started', '1:succeeded']

describe('notices', () => {
  it('sends notices to EventBridge and to the channels of landfall.yml, in order and once', async () => {
    const world = pushed()
    await runReconcile(world)
    for (const channel of ['event', 'github', 'notice'])
      expect(heardBy(world, channel)).toEqual(both)
    expect(heardBy(world, 'sentry')).toEqual([])
    expect(world.core().notices).toEqual([])
    await letItSettle(world, 3)
    expect(heardBy(world, 'github')).toEqual(both)
  })

  it('sends notices to the other channels at once where one is unavailable, and to that one later', async () => {
    const world = pushed()
    world.setTelling((channel) =>
      channel === 'github'
        ? { kind: 'later', why: 'api.github.com: 503', afterSeconds: null }
        : { kind: 'sent' },
    )
    await runReconcile(world)
    expect(heardBy(world, 'notice')).toEqual(both)
    expect(heardBy(world, 'github')).toEqual([])
    expect(world.core().notices).toMatchObject([{ id: '1:started' }, { id: '1:succeeded' }])
    world.setTelling(() => ({ kind: 'sent' }))
    await letItSettle(world, 3)
    expect(heardBy(world, 'github')).toEqual(both)
    expect(heardBy(world, 'notice')).toEqual(both)
    expect(world.core().notices).toEqual([])
  })

  it('does not send a refused notice again', async () => {
    const world = pushed()
    let calls = 0
    world.setTelling((channel) => {
      if (channel !== 'github') return { kind: 'sent' }
      calls += 1
      return { kind: 'refused', why: 'api.github.com: 422' }
    })
    await runReconcile(world)
    await letItSettle(world, 3)
    expect(calls).toBe(2)
  })

  it('gives notices up after an hour', async () => {
    const world = pushed()
    world.setTelling(() => ({ kind: 'later', why: 'down', afterSeconds: null }))
    await letItSettle(world, 62)
    expect(world.core().notices).toEqual([])
    expect(world.heard).toEqual([])
    expect(world.core().releases).toHaveLength(1)
  })

  it('continues a deployment while a notice is being sent', async () => {
    const world = pushed()
    let finish: () => void = () => {}
    const slow = new Promise<void>((resolve) => {
      finish = resolve
    })
    const call: Call = async (name, effect) => {
      if (name === 'tell') await slow
      if (name === 'history.recordDeployment') finish()
      return plainly(name, effect)
    }
    await createReconcile(world.toPorts(call))(tickOf(world))
    expect(world.deployments.get(1)).toMatchObject({ status: 'succeeded' })
    expect(heardBy(world, 'notice')).toEqual(both)
  })

  it('continues a deployment where a reporter crashes', async () => {
    const world = pushed()
    world.setTelling(() => {
      throw new Error('a bug')
    })
    await runReconcile(world)
    expect(world.deployments.get(1)).toMatchObject({ status: 'succeeded' })
    expect(world.core().notices).toHaveLength(2)
  })
})
