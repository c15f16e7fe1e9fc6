import { describe, expect, it } from 'vitest'
import type { Scan } from '../../../src/deployment/head.ts'
import type { NoticeKind } from '../../../src/deployment/notice.ts'
import { Denied } from '../../../src/kernel/denied.ts'
import { Retryable } from '../../../src/kernel/retryable.ts'
import { createReconcile } from '../../../src/rollout/reconcile.ts'
import { plainly } from '../../support/calls.ts'
import { commitAt } from '../../support/examples.ts'
import { createWorld, type World } from '../../support/rollout-world.ts'
import { pushGreen, runReconcile, runSelecting, tickOf } from '../../support/runs.ts'

/** A green commit whose image is there, of an app with a secret that is not handed out. */
const heldWorld = async (trouble: 'secret_refused' | 'secret_unavailable'): Promise<World> => {
  const world = createWorld({
    instances: 1,
    app: { secrets: 'landfall/test/shop', waitForSeconds: 3600 },
  })
  world.setSecretTrouble(trouble)
  pushGreen(world, 1)
  await runReconcile(world)
  return world
}

const noticesOf = (world: World, kind: NoticeKind) =>
  world.heard.filter(({ channel, fact }) => channel === 'event' && fact.kind === kind)
const heldNotices = (world: World) => noticesOf(world, 'held')

const passMinutes = async (world: World, minutes: number): Promise<void> => {
  for (let minute = 0; minute < minutes; minute += 1) {
    world.advance(60_000)
    await runReconcile(world)
  }
}

describe('a commit whose secret AWS refuses to hand out', () => {
  it('waits with that reason, and no deployment is opened', async () => {
    const world = await heldWorld('secret_refused')
    expect(world.core().generation).toBe(0)
    expect(world.revisions.get(commitAt(1))).toMatchObject({
      status: 'waiting',
      reason: 'secret_refused',
      digest: null,
    })
  })

  it('is reported once, with the commit and the remedy, however long it waits', async () => {
    const world = await heldWorld('secret_refused')
    await passMinutes(world, 20)
    const [told, ...more] = heldNotices(world)
    expect(told?.fact).toMatchObject({ by: 'github', reason: 'secret_refused', deployment: null })
    expect(told?.fact.message).toContain(commitAt(1))
    expect(told?.fact.message).toContain('landfall/test/shop says secret_refused')
    expect(more).toEqual([])
  })

  it('is reported again if the run died before it recorded the reason', async () => {
    const world = createWorld({ instances: 1, app: { secrets: 'landfall/test/shop' } })
    world.setSecretTrouble('secret_refused')
    pushGreen(world, 1)
    const ports = world.toPorts(plainly)
    const recordAsked = () => Promise.reject(new Error('killed'))
    const dying = { ...ports, revisions: { ...ports.revisions, recordAsked } }
    const dead = createReconcile(dying)(tickOf(world, { isTick: false }))
    await expect(dead).rejects.toThrow('killed')
    await runReconcile(world)
    expect(heldNotices(world)).toHaveLength(2)
  })

  it('is deployed by itself within five minutes after the secret can be read', async () => {
    const world = await heldWorld('secret_refused')
    await passMinutes(world, 12)
    world.setSecretTrouble(null)
    await passMinutes(world, 5)
    expect(world.core().live?.revision).toBe(commitAt(1))
  })

  it('expires after waitFor, and its record names the secret', async () => {
    const world = await heldWorld('secret_refused')
    await passMinutes(world, 66)
    expect(world.revisions.get(commitAt(1))).toMatchObject({
      status: 'expired',
      reason: 'wait_expired',
      lacked: ['secret (secret_refused)'],
    })
    const [told, ...more] = noticesOf(world, 'expired')
    expect(told?.fact).toMatchObject({
      reason: 'wait_expired',
      message: `${commitAt(1)}; it lacked secret (secret_refused)`,
    })
    expect(more).toEqual([])
  })

  it('waits too if the secret was refused only after the image was found', async () => {
    const world = createWorld({ instances: 1, app: { secrets: 'landfall/test/shop' } })
    pushGreen(world, 1)
    const ports = world.toPorts(plainly)
    let reads = 0
    const readSecretVersion: typeof ports.readSecretVersion = (name) => {
      reads += 1
      if (reads === 2) world.setSecretTrouble('secret_refused')
      return ports.readSecretVersion(name)
    }
    await createReconcile({ ...ports, readSecretVersion })(tickOf(world, { isTick: false }))
    expect(world.core().generation).toBe(0)
    expect(world.revisions.get(commitAt(1))).toMatchObject({ reason: 'secret_refused' })
    world.setSecretTrouble(null)
    await passMinutes(world, 1)
    expect(world.core().live?.revision).toBe(commitAt(1))
  })
})

const refusal = "AWS refuses ec2:DescribeInstances to Landfall's function (UnauthorizedOperation)"

/** One run in which AWS does not let Landfall list the instances. */
const runDenied = (world: World, scan: Scan | null = null) =>
  runSelecting(world, () => Promise.reject(new Denied(refusal)), scan)

describe('a commit whose instances AWS does not let Landfall list', () => {
  it('waits with that reason, is reported once, and is deployed by itself after the right is there', async () => {
    const world = createWorld({ instances: 1, app: { waitForSeconds: 3600 } })
    pushGreen(world, 1)
    await runDenied(world)
    world.advance(60_000)
    await runDenied(world)
    expect(world.core().generation).toBe(0)
    expect(world.revisions.get(commitAt(1))).toMatchObject({ reason: 'aws_denied' })
    const [told, ...more] = heldNotices(world)
    expect(told?.fact).toMatchObject({ reason: 'aws_denied', deployment: null })
    expect(told?.fact.message).toContain(refusal)
    expect(more).toEqual([])
    await passMinutes(world, 2)
    expect(world.core().live?.revision).toBe(commitAt(1))
  })
})

describe('a commit whose index has lost an image', () => {
  const losingWorld = async (architecture: 'amd64' | 'arm64'): Promise<World> => {
    const world = createWorld({ instances: 1, app: { waitForSeconds: 3600 } })
    pushGreen(world, 1)
    world.losePlatform(1, architecture)
    await runReconcile(world)
    return world
  }

  it('waits if an instance needs it, is reported once by its platform and digest, and nothing is sent', async () => {
    const world = await losingWorld('amd64')
    await passMinutes(world, 20)
    expect(world.core().generation).toBe(0)
    expect(world.sends).toEqual([])
    expect(world.revisions.get(commitAt(1))).toMatchObject({
      status: 'waiting',
      reason: 'image_gone',
    })
    const [told, ...more] = heldNotices(world)
    expect(told?.fact).toMatchObject({ reason: 'image_gone', deployment: null })
    expect(told?.fact.message).toMatch(/linux\/amd64 \(sha256:\w{64}\)/)
    expect(more).toEqual([])
  })

  it('is deployed by itself after it was pushed again, at once if the registry tells of it', async () => {
    const world = await losingWorld('amd64')
    await passMinutes(world, 12)
    world.findPlatforms()
    const seenAt = world.instant()
    world.receive(commitAt(1), { kind: 'image', tag: commitAt(1), seenAt, origin: null })
    await runReconcile(world, null, 'a hook', false)
    expect(world.core().live?.revision).toBe(commitAt(1))
  })

  it('is deployed where no instance needs it, and the deployment says so', async () => {
    const world = await losingWorld('arm64')
    expect(world.core().live?.revision).toBe(commitAt(1))
    const [started] = noticesOf(world, 'started')
    expect(started?.fact.message).toContain('the registry no longer has linux/arm64')
    expect(heldNotices(world)).toEqual([])
  })

  it('fails at once if a person asks for it, with the name of the image', async () => {
    const world = await losingWorld('amd64')
    world.ask({ revision: commitAt(1), force: true })
    await runReconcile(world)
    const [failed] = noticesOf(world, 'failed')
    expect(failed?.fact).toMatchObject({ reason: 'image_gone' })
    expect(failed?.fact.message).toContain('the registry no longer has linux/amd64')
    expect(world.sends).toEqual([])
    world.findPlatforms()
    world.ask({ revision: commitAt(1), force: true })
    await runReconcile(world)
    expect(world.core().live?.revision).toBe(commitAt(1))
  })
})

describe('an app whose instances are due to be asked while AWS does not let Landfall list them', () => {
  it('has its alarm window closed in time all the same', async () => {
    const rollback = { alarms: ['5xx'], windowSeconds: 1800, secrets: 'recorded' } as const
    const world = createWorld({ instances: 1, app: { rollback } })
    pushGreen(world, 1)
    await runReconcile(world)
    expect(world.core().alarmsUntil).not.toBeNull()
    world.advance(7_200_000)
    await runDenied(world, { at: world.instant(), returned: [] })
    expect(world.core().alarmsUntil).toBeNull()
  })
})

describe('a request while AWS does not let Landfall list the instances', () => {
  it('is declined with that reason', async () => {
    const world = createWorld({ instances: 1 })
    world.pushImage(1)
    world.ask({ revision: commitAt(1), force: true })
    await runDenied(world)
    expect(world.core().request?.refusal).toBe('aws_denied')
  })
})

describe('a commit while Secrets Manager does not answer', () => {
  it('waits with that reason, is not reported, and is deployed once it answers', async () => {
    const world = await heldWorld('secret_unavailable')
    expect(world.revisions.get(commitAt(1))).toMatchObject({ reason: 'secret_unavailable' })
    world.setSecretTrouble(null)
    await passMinutes(world, 1)
    expect(world.core().live?.revision).toBe(commitAt(1))
    expect(heldNotices(world)).toEqual([])
  })
})

describe('a request for an app whose secret AWS refuses to hand out', () => {
  it('is declined with that reason', async () => {
    const world = await heldWorld('secret_refused')
    world.ask({ revision: commitAt(1), force: true })
    await runReconcile(world)
    expect(world.core().request?.refusal).toBe('secret_refused')
  })
})

describe('a request while Secrets Manager does not answer', () => {
  it('stays pending, and is carried out once it answers', async () => {
    const world = await heldWorld('secret_unavailable')
    world.ask({ revision: commitAt(1), force: true })
    const run = createReconcile(world.toPorts(plainly))(tickOf(world, { isTick: false }))
    await expect(run).rejects.toThrow(Retryable)
    expect(world.core().request).toMatchObject({ refusal: null })
    world.setSecretTrouble(null)
    await runReconcile(world)
    expect(world.core().live?.revision).toBe(commitAt(1))
  })

  it('stays pending too where the login of the registry cannot be read', async () => {
    const world = createWorld({ instances: 1 })
    world.pushImage(1)
    world.setRegistryTrouble({ reason: 'secret_unavailable', retryAfterSeconds: null })
    world.ask({ revision: commitAt(1), force: true })
    const run = createReconcile(world.toPorts(plainly))(tickOf(world, { isTick: false }))
    await expect(run).rejects.toThrow(Retryable)
    expect(world.core().request).toMatchObject({ refusal: null })
    world.setRegistryTrouble(null)
    await runReconcile(world)
    expect(world.core().live?.revision).toBe(commitAt(1))
  })
})

describe('a commit that waits for a person', () => {
  it('keeps waiting for that person although its secret is refused, and does not expire', async () => {
    const world = createWorld({
      instances: 1,
      app: { secrets: 'landfall/test/shop', deploy: 'manual', waitForSeconds: 3600 },
    })
    world.setSecretTrouble('secret_refused')
    pushGreen(world, 1)
    await runReconcile(world)
    await passMinutes(world, 66)
    expect(world.revisions.get(commitAt(1))).toMatchObject({ status: 'waiting', reason: 'manual' })
  })
})
