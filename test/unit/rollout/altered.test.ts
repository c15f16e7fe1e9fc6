import { isDeepStrictEqual } from 'node:util'
import { describe, expect, it } from 'vitest'
import { toReleaseSettings, type App, type TargetSettings } from '../../../src/deployment/app.ts'
import type { Deployment, Intent, Release } from '../../../src/deployment/deployment.ts'
import type { Head } from '../../../src/deployment/head.ts'
import { Fence, Generation, InstanceId } from '../../../src/kernel/id.ts'
import type { Log, LogFields } from '../../../src/kernel/log.ts'
import { createReconcile } from '../../../src/rollout/reconcile.ts'
import { alterations, withSettings } from '../../support/alterations.ts'
import { plainly } from '../../support/calls.ts'
import { commitAt, digestAt, ec2, silent } from '../../support/examples.ts'
import { createWorld, type World } from '../../support/rollout-world.ts'
import { operate, pushGreen, runReconcile } from '../../support/runs.ts'

// What an operator's role can do: it writes a head as it likes, and nothing of the history.

/** A run that notes by which settings targets were asked, and what was logged as an error. */
const watch = (world: World, settings: App = world.app) => {
  const asked: TargetSettings[] = []
  const errors: { readonly message: string; readonly fields: LogFields }[] = []
  const log: Log = { ...silent, error: (message, fields = {}) => errors.push({ message, fields }) }
  const ports = world.toPorts(plainly)
  const reconcile = createReconcile({
    ...ports,
    log,
    toTarget: (one) => {
      asked.push(one)
      return ports.toTarget(one)
    },
  })
  const tick = async (): Promise<void> => {
    const scan = { at: world.instant(), returned: [] }
    const app = world.app.name
    await reconcile({ app, settings, revisions: [], isTick: true, scan, by: 'ada' })
    world.advance(60_000)
  }
  return { asked, errors, tick }
}

const live = async (
  index = 1,
  app: Partial<App> = { secrets: 'landfall/shop' },
): Promise<World> => {
  const world = createWorld({ instances: 1, app })
  for (let each = 1; each <= index; each += 1) {
    pushGreen(world, each)
    await runReconcile(world)
    expect(world.core().live?.revision).toBe(commitAt(each))
    world.advance(60_000)
  }
  return world
}

const alterLive =
  (alter: (release: Release) => Release) =>
  (head: Head): Head => ({ ...head, releases: head.releases.map(alter) })

const alterOpen =
  (alter: (release: Release) => Release) =>
  (head: Head): Head =>
    head.deployment === null
      ? head
      : { ...head, deployment: { ...head.deployment, release: alter(head.deployment.release) } }

/** A deployment as an opening would write it, of a release that reconcile never opened. */
const forgeOpen =
  (world: World, alter: (release: Release) => Release) =>
  (head: Head): Head => {
    const generation = Generation.parse(head.generation + 1)
    const [before] = head.releases
    if (before === undefined) return head
    const release = alter({ ...before, generation })
    const target = release.settings.targets[0]?.key ?? ec2().key
    const deployment: Deployment = {
      generation,
      kind: 'deploy',
      by: 'github',
      openedAt: world.instant(),
      deadlineAt: new Date(world.now() + 900_000).toISOString(),
      sentAt: null,
      firing: [],
      takesBack: null,
      release,
      instances: [
        {
          id: InstanceId.parse('i-00000001'),
          target,
          wave: 0,
          status: 'pending',
          touched: false,
          retries: 0,
          serving: null,
          reason: null,
          message: null,
        },
      ],
      phase: 'advancing',
      isStarted: false,
      intent: null,
      pausedUntil: null,
      message: null,
    }
    return { ...head, generation, deployment }
  }

/** As `forgeOpen`, of the release that is live, with a restore of another one under way: no decision makes that. */
const forgeRestore =
  (world: World, alter: (release: Release) => Release) =>
  (head: Head): Head => {
    const { deployment, ...rest } = forgeOpen(world, (one) => one)(head)
    const [before] = head.releases
    if (deployment === null || deployment.phase !== 'advancing' || before === undefined) return head
    const at = new Date(world.now() - 60_000).toISOString()
    const { deadlineAt, instances } = deployment
    const [{ id, target } = { id: null, target: null }] = instances
    if (id === null) return head
    const intent: Intent = {
      purpose: 'restore',
      target,
      instances: [id],
      fence: Fence.parse(head.version),
      since: at,
      at,
      repeated: false,
      operation: null,
      deadlineAt,
      hostSeconds: 300,
    }
    const touched = instances.map((one) => ({ ...one, touched: true }))
    const started = { ...deployment, release: before, isStarted: true, instances: touched, intent }
    return { ...rest, releases: head.releases.map(alter), deployment: started }
  }

const isOurs = (world: World) => (one: TargetSettings) =>
  world.app.targets.some((own) => isDeepStrictEqual(own, one))

describe('a head that another role has altered', () => {
  it.each(alterations)(
    'sends nothing of a deployment that it invents, with %s',
    async (_, alter) => {
      const world = await live()
      world.forge(forgeOpen(world, alter))
      const before = world.sends.length
      const { asked, errors, tick } = watch(world)
      await tick()
      expect(world.deployments.get(2)).toMatchObject({ status: 'failed', reason: 'head_altered' })
      expect(world.sends.slice(before)).toEqual([])
      expect(asked.filter((one) => !isOurs(world)(one))).toEqual([])
      expect(errors.map(({ message }) => message)).toEqual(['head altered', 'deployment failed'])
      expect(world.core().live?.revision).toBe(commitAt(1))
    },
  )

  it.each(alterations)('sends nothing more of an open deployment with %s', async (_, alter) => {
    const world = await live()
    pushGreen(world, 2)
    world.upcoming.push('slow')
    await runReconcile(world)
    expect(world.core().deployment).toMatchObject({ generation: 2, phase: 'advancing' })
    world.forge(alterOpen(alter))
    const before = world.sends.length
    const { asked, tick } = watch(world)
    await tick()
    expect(world.deployments.get(2)).toMatchObject({ status: 'failed', reason: 'head_altered' })
    // The live release, which is as it was, follows where the deployment may have left something else.
    const others = world.sends.slice(before).filter(({ order }) => order.generation !== 1)
    expect(others).toEqual([])
    expect(asked.filter((one) => !isOurs(world)(one))).toEqual([])
  })

  it.each(alterations)('sends no restore of a live release with %s', async (_, alter) => {
    const world = await live()
    world.forge(forgeRestore(world, alter))
    const before = world.sends.length
    const { asked, tick } = watch(world)
    await tick()
    expect(world.sends.slice(before)).toEqual([])
    expect(asked.filter((one) => !isOurs(world)(one))).toEqual([])
  })

  it.each(alterations)('sends no repair of a live release with %s', async (_, alter) => {
    const world = await live()
    world.forge(alterLive(alter))
    world.hostOf(InstanceId.parse('i-00000001')).serving = null
    const before = world.sends.length
    const { asked, errors, tick } = watch(world)
    await tick()
    await tick()
    expect(world.sends.slice(before)).toEqual([])
    expect(asked).toEqual([])
    expect(errors.map(({ message }) => message)).toEqual(['head altered', 'head altered'])
  })

  it.each(alterations)('refuses a rollback to a release with %s', async (_, alter) => {
    const world = await live(2)
    world.forge((head) => ({
      ...head,
      releases: head.releases.map((one, index) => (index === 1 ? alter(one) : one)),
    }))
    await operate(world, { kind: 'rollback', to: null })
    const before = world.sends.length
    const { asked, tick } = watch(world)
    await tick()
    expect(world.core().rollback).toMatchObject({ refusal: 'head_altered' })
    expect(world.heard.map(({ fact }) => fact)).toContainEqual(
      expect.objectContaining({ kind: 'not_rolled_back', reason: 'head_altered' }),
    )
    expect(world.sends.slice(before)).toEqual([])
    expect(asked).toEqual([])
  })

  it('restores no altered live release after a failed deployment, and says so', async () => {
    const world = await live()
    pushGreen(world, 2)
    world.upcoming.push('killed_dark')
    await runReconcile(world)
    world.forge(alterLive((one) => withSettings(one, { image: 'evil.example/backdoor' })))
    const before = world.sends.length
    const { tick } = watch(world)
    for (let minute = 0; minute < 20 && !world.deployments.has(2); minute += 1) await tick()
    expect(world.deployments.get(2)).toMatchObject({
      status: 'failed',
      reason: 'head_altered',
      message: 'release #1 is not as recorded; given up: no_answer',
      instances: [{ status: 'unknown', reason: 'head_altered' }],
    })
    expect(world.sends.slice(before)).toEqual([])
  })

  it('deploys the next commit by today’s landfall.yml, which makes the app whole again', async () => {
    const world = await live()
    world.forge(alterLive((one) => withSettings(one, { image: 'evil.example/backdoor' })))
    pushGreen(world, 2)
    const { tick } = watch(world)
    await tick()
    await tick()
    expect(world.deployments.get(2)).toMatchObject({ status: 'succeeded' })
    expect(world.core().live?.settings).toEqual(toReleaseSettings(world.app))
    expect(world.breaches).toEqual([])
  })

  it('takes over no settings from an altered live release', async () => {
    const app = { secrets: 'landfall/shop', targets: [ec2({ metadata: null })] }
    const world = await live(1, app)
    const metadataOf = () => world.core().live?.settings.targets.map(({ metadata }) => metadata)
    expect(metadataOf()).toEqual(['block'])
    const allowing = ec2({ metadata: 'allow' })
    world.forge(alterLive((one) => withSettings(one, { targets: [allowing] })))
    pushGreen(world, 2)
    const { errors, tick } = watch(world)
    await tick()
    await tick()
    expect(metadataOf()).toEqual(['block'])
    expect(errors.map(({ message }) => message)).toContain('head altered')
  })
})

describe('what reconcile has recorded itself', () => {
  const changed = (world: World): App => ({
    ...world.app,
    env: { PAGE: 'new' },
    secrets: 'landfall/new',
    registry: 'landfall/registry',
    targets: [ec2({ run: { ...ec2().run, volumes: ['new:/data'] } })],
  })

  it('brings an earlier release back with its settings, which landfall.yml has no more', async () => {
    const world = await live()
    const later = watch(world, changed(world))
    pushGreen(world, 2)
    await later.tick()
    expect(world.core().live?.settings).toEqual(toReleaseSettings(changed(world)))
    await operate(world, { kind: 'rollback', to: null })
    await later.tick()
    expect(world.deployments.get(3)).toMatchObject({ kind: 'rollback', status: 'succeeded' })
    expect(world.core().live?.settings).toEqual(toReleaseSettings(world.app))
    expect(later.errors).toEqual([])
    expect(world.breaches).toEqual([])
  })

  it('goes on with an open deployment when landfall.yml changes in the middle', async () => {
    const world = await live()
    pushGreen(world, 2)
    world.upcoming.push('slow')
    await runReconcile(world)
    expect(world.core().deployment).toMatchObject({ generation: 2 })
    const later = watch(world, changed(world))
    for (let minute = 0; minute < 20 && !world.deployments.has(2); minute += 1) await later.tick()
    expect(world.deployments.get(2)).toMatchObject({
      status: 'succeeded',
      release: { settings: toReleaseSettings(world.app) },
    })
    expect(later.errors).toEqual([])
  })

  it('repairs by the live release’s settings after landfall.yml has changed', async () => {
    const world = await live()
    const host = world.hostOf(InstanceId.parse('i-00000001'))
    host.serving = null
    world.advance(3_600_000)
    const later = watch(world, changed(world))
    await later.tick()
    expect(host.serving).toEqual({ generation: 1, digest: digestAt(1) })
    expect(later.errors).toEqual([])
  })
})
