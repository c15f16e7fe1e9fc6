import { afterEach, describe, expect, it } from 'vitest'
import { onceFor, type Call } from '../../../local/base/vendor.ts'
import type { App } from '../../../src/deployment/app.ts'
import { Retryable } from '../../../src/kernel/retryable.ts'
import { createReconcile } from '../../../src/rollout/reconcile.ts'
import {
  service,
  settingsOf,
  startRenderStage,
  type RenderStage,
} from '../../support/render-stage.ts'
import { plainly } from '../../support/calls.ts'
import { digestAt, ec2 } from '../../support/examples.ts'
import { createWorld } from '../../support/rollout-world.ts'
import { pushGreen, tickOf } from '../../support/runs.ts'

/** Slow as Render is. */
const pace = { build: 60, update: 200, live: 400, giveUp: 900 }
const render = settingsOf({ env: 'leave' })

let stage: RenderStage | null = null
let breaches: readonly string[] = []
afterEach(async () => {
  expect(breaches).toEqual([])
  expect(stage?.server.violations).toEqual([])
  await stage?.stop()
})

const isDeploy = ({ method, path }: Call): boolean => method === 'POST' && path.endsWith('/deploys')

/** The small world, with one of its targets at a Render that keeps the world's time. */
const openWorld = async (targets: App['targets'] = [render], deadlineSeconds = 3600) => {
  const app = { image: 'acme/shop', deadlineSeconds }
  const world = createWorld({ instances: 1, targets, app })
  const own = await startRenderStage({ pace }, { now: () => new Date(world.now()) })
  stage = own
  breaches = world.breaches
  const ports = world.toPorts(plainly)
  const reconcile = createReconcile({
    ...ports,
    toTarget: (settings) =>
      settings.kind === 'render' ? own.targetOf(settings) : ports.toTarget(settings),
  })
  let runs = 0
  /** One run a minute; a retryable failure waits for the next one. */
  const tick = async (): Promise<void> => {
    runs += 1
    await reconcile(tickOf(world, { by: `run ${runs}` })).catch((error: unknown) => {
      if (!(error instanceof Retryable)) throw error
    })
    world.advance(60_000)
  }
  const tickUntilEnded = async (generation: number): Promise<void> => {
    for (let minute = 0; minute < 90 && !world.deployments.has(generation); minute += 1)
      await tick()
  }
  const release = async (index: number) => {
    pushGreen(world, index)
    await tickUntilEnded(index)
    return world.deployments.get(index)
  }
  const shop = own.server.service(service)
  const begun = () => own.server.calls.filter(isDeploy).length
  return { world, server: own.server, shop, release, begun }
}

describe('a deployment to Render', () => {
  it('polls a deploy at Render once a minute where it takes longer than a run, until its end', async () => {
    const { world, server, shop, release, begun } = await openWorld()
    expect(await release(1)).toMatchObject({ status: 'succeeded', reason: 'deployed' })
    expect(shop.serving()?.sha).toBe(digestAt(1))
    expect(begun()).toBe(1)
    expect(world.core().releases).toMatchObject([{ generation: 1, digest: digestAt(1) }])
    // 25 s of looking again, then a look a minute: far below what Render takes.
    expect(server.calls.length).toBeLessThan(60)
  })

  it('finds a deploy at Render whose answer was lost, and starts no second one', async () => {
    const { server, release, begun } = await openWorld()
    server.fate = onceFor(isDeploy, { kind: 'lose' })
    expect(await release(1)).toMatchObject({ status: 'succeeded' })
    expect(begun()).toBe(1)
  })

  it('waits a minute where Render answers 429', async () => {
    const { server, release, begun } = await openWorld()
    const headers = { 'retry-after': '50' }
    server.fate = onceFor(isDeploy, { kind: 'answer', status: 429, headers })
    expect(await release(1)).toMatchObject({ status: 'succeeded' })
    expect(begun()).toBe(2)
  })

  it('fails with target_unavailable where Render never answers', async () => {
    const { server, shop, release } = await openWorld()
    server.fate = () => ({ kind: 'answer', status: 503 })
    const deployment = await release(1)
    expect(deployment).toMatchObject({
      status: 'failed',
      reason: 'target_unavailable',
    })
    expect(deployment?.message).toMatch(/answered 503; not brought back: srv-/)
    expect(shop.deploys()).toEqual([])
  })

  it('leaves the live release where the build at Render fails, without a second deploy', async () => {
    const { shop, release, begun } = await openWorld()
    await release(1)
    shop.settings.courseOf = () => ({ kind: 'build_failed' })
    expect(await release(2)).toMatchObject({
      status: 'failed',
      reason: 'pull_failed',
      instances: [{ id: service, status: 'restored' }],
    })
    expect(begun()).toBe(2)
    expect(shop.serving()?.sha).toBe(digestAt(1))
  })

  it('cancels a deploy at Render that misses its deadline, and reports its last status', async () => {
    const { shop, release } = await openWorld()
    await release(1)
    shop.settings.courseOf = () => ({ kind: 'stays', status: 'update_in_progress' })
    const deployment = await release(2)
    expect(deployment).toMatchObject({ status: 'failed', reason: 'no_answer' })
    expect(deployment?.message).toMatch(/^Render still says update_in_progress; see its log at/)
    expect(shop.deploys().map(({ status }) => status)).toEqual(['live', 'canceled'])
    expect(shop.serving()?.sha).toBe(digestAt(1))
  })
})

describe('an app at Render and on EC2', () => {
  it('deploys Render and EC2 in the written order, and restores Render where EC2 fails', async () => {
    const { world, shop, release } = await openWorld([render, ec2()])
    expect(await release(1)).toMatchObject({ status: 'succeeded' })
    expect(world.hosts[0]?.serving).toMatchObject({ generation: 1 })
    world.breakImage(2)
    expect(await release(2)).toMatchObject({
      status: 'failed',
      reason: 'unhealthy',
      instances: [{ id: service, status: 'restored' }, { id: 'i-00000001' }],
    })
    expect(shop.deploys().map(({ status }) => status)).toEqual([
      'deactivated',
      'deactivated',
      'live',
    ])
    expect(shop.serving()?.sha).toBe(digestAt(1))
    expect(world.hosts[0]?.serving).toMatchObject({ generation: 1 })
  })

  it('restores what Render ran where Landfall had nothing live before', async () => {
    const { world, shop, release } = await openWorld([render, ec2()])
    shop.settings.tags = { latest: digestAt(9) }
    shop.deploy(null, 'manual')
    world.advance(600_000)
    world.breakImage(1)
    expect(await release(1)).toMatchObject({
      status: 'failed',
      instances: [{ id: service, status: 'restored' }, { id: 'i-00000001' }],
    })
    expect(shop.deploys().at(-1)).toMatchObject({ trigger: 'rollback', status: 'live' })
    expect(shop.serving()?.sha).toBe(digestAt(9))
  })
})
