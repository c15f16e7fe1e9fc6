import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { onceFor, type Call } from '../../../../local/base/vendor.ts'
import type { Course } from '../../../../local/render/deploy.ts'
import type { Release } from '../../../../src/deployment/deployment.ts'
import type { Answer } from '../../../../src/deployment/step.ts'
import { fail } from '../../../../src/kernel/result.ts'
import { Retryable } from '../../../../src/kernel/retryable.ts'
import type { Order, Target } from '../../../../src/targets/target.ts'
import {
  digestOf,
  imageOf,
  releaseOf,
  service,
  serviceId,
  settingsOf,
  shopOf,
  startRenderStage,
  type RenderStage,
} from '../../../support/render-stage.ts'

let stage: RenderStage
beforeEach(async () => {
  stage = await startRenderStage()
})
afterEach(async () => {
  expect(stage.server.violations).toEqual([])
  await stage.stop()
})

/** For inside of what is expected: Vitest's own has no type. */
const saying = (pattern: RegExp): unknown => expect.stringMatching(pattern)
const shop = () => stage.server.service(service)
const isDeploy = ({ method, path }: Call): boolean => method === 'POST' && path.endsWith('/deploys')
const callsOf = (method: string, path: RegExp) =>
  stage.server.calls.filter((call) => call.method === method && path.test(call.path))
const posted = () => callsOf('POST', /\/(deploys|rollback)$/).map(({ body }) => body)
const put = () => callsOf('PUT', /./).map(({ path }) => path.split('/').at(-1))
const takes = (course: Course) => (shop().settings.courseOf = () => course)

const begin = async (order: Order, target: Target = stage.target): Promise<string> => {
  const { operation, missing } = await target.start(order)
  expect(missing).toEqual([])
  return operation ?? ''
}
const look = async (order: Order, operation: string, target: Target = stage.target) =>
  (await target.observe(order, operation))[0]

/** Deploys a release until it is live. */
const bringOut = async (release: Release, target: Target = stage.target): Promise<Order> => {
  const order = stage.orderOf(release)
  const operation = await begin(order, target)
  stage.pass(10)
  expect(await look(order, operation, target)).toMatchObject({ outcome: 'succeeded' })
  return order
}

const refusal = async (
  order: Order,
  target: Target = stage.target,
): Promise<Answer | undefined> => {
  const { operation, missing } = await target.start(order)
  expect(operation).toBeNull()
  return missing[0]
}

describe('a service of Render', () => {
  it('is one instance, whose id is the service’s, and needs no preparation', async () => {
    const candidates = await stage.target.candidates()
    expect(candidates).toEqual([{ id: serviceId, target: settingsOf().key, obstacle: null }])
    expect(await stage.target.prepared([serviceId])).toEqual([serviceId])
    expect(stage.server.calls).toEqual([])
  })
})

describe('a deploy', () => {
  it('is of the image by its digest, and waited for until it is live', async () => {
    const order = stage.orderOf(releaseOf('a', 1))
    const operation = await begin(order)
    expect(posted()).toEqual([{ imageUrl: imageOf('a') }])
    for (const status of ['created', 'build_in_progress', 'update_in_progress']) {
      expect(shop().deploys()[0]?.status).toBe(status)
      expect(await look(order, operation)).toMatchObject({ id: service, outcome: 'waiting' })
      stage.pass(1)
    }
    stage.pass(2)
    expect(await look(order, operation)).toMatchObject({
      id: service,
      outcome: 'succeeded',
      reason: 'deployed',
      serving: { generation: 1, digest: digestOf('a') },
      steps: [{ name: 'deploy', status: 'succeeded', milliseconds: 4000, reason: null }],
    })
    expect(shop().serving()?.sha).toBe(digestOf('a'))
  })

  it('is sent with the API key and in the schema’s form', async () => {
    await begin(stage.orderOf(releaseOf('a', 1)))
    const [call] = callsOf('POST', /deploys$/)
    expect(call?.headers).toMatchObject({
      authorization: 'Bearer rnd_key_of_the_team',
      accept: 'application/json',
      'content-type': 'application/json',
    })
  })

  it('that waits for another one is found in the list, once it is there', async () => {
    shop().settings.overlap = 'wait'
    shop().settings.isWaitingListed = false
    shop().deploy(null, 'manual')
    const order = stage.orderOf(releaseOf('a', 1))
    const operation = await begin(order)
    expect(operation).toMatch(/^since /)
    expect(await look(order, operation)).toMatchObject({ outcome: 'waiting' })
    stage.pass(5)
    expect(await look(order, operation)).toMatchObject({ outcome: 'waiting' })
    stage.pass(5)
    expect(await look(order, operation)).toMatchObject({ outcome: 'succeeded' })
  })

  it('is not taken for an earlier one of the same digest', async () => {
    await bringOut(releaseOf('a', 1))
    stage.pass(60)
    const again = stage.orderOf(releaseOf('a', 2, { secretVersion: 'v2' }))
    const operation = await begin(again)
    expect(posted()).toHaveLength(2)
    expect(await look(again, operation)).toMatchObject({ outcome: 'waiting' })
    stage.pass(10)
    expect(shop().serving()?.env).toMatchObject({ SECRET_KEY: 'planted-two' })
  })

  it.each([
    ['build_failed', 'pull_failed', /could not pull/],
    ['update_failed', 'unhealthy', /health check did not pass.*dashboard\.render\.com\/web\/srv-/],
    ['pre_deploy_failed', 'predeploy_failed', /pre-deploy command failed/],
  ] as const)(
    'that ends as %s failed, and the one before serves',
    async (kind, reason, message) => {
      await bringOut(releaseOf('a', 1))
      takes({ kind })
      const order = stage.orderOf(releaseOf('b', 2), { notAfter: '2030-01-01T00:00:00.000Z' })
      const operation = await begin(order)
      stage.pass(1000)
      const answer = await look(order, operation)
      expect(answer).toMatchObject({
        outcome: 'failed',
        reason,
        serving: null,
        steps: [{ name: 'deploy', status: 'failed', reason }],
      })
      expect(answer?.message).toMatch(message)
      expect(shop().serving()?.sha).toBe(digestOf('a'))
    },
  )

  it('of a private image that Render has no credential for says so', async () => {
    shop().settings.isImagePrivate = true
    const settings = shopOf({ registry: 'landfall/test/registry' })
    const order = stage.orderOf(releaseOf('a', 1, { settings }))
    const operation = await begin(order)
    stage.pass(10)
    const answer = await look(order, operation)
    expect(answer).toMatchObject({ outcome: 'failed', reason: 'registry_unauthorized' })
    expect(answer?.message).toMatch(/has no registry credential/)
  })

  it('with a status that nobody knows is waited for, and lost at its end', async () => {
    takes({ kind: 'stays', status: 'reticulating_splines' })
    const order = stage.orderOf(releaseOf('a', 1))
    const operation = await begin(order)
    stage.pass(599)
    expect(await look(order, operation)).toMatchObject({ outcome: 'waiting' })
    stage.pass(1)
    expect(await look(order, operation)).toMatchObject({
      outcome: 'lost',
      reason: 'no_answer',
      message: saying(/Render still says reticulating_splines/),
    })
  })

  it('that runs another image than was ordered failed', async () => {
    takes({ kind: 'live', sha: digestOf('e') })
    const order = stage.orderOf(releaseOf('a', 1))
    const operation = await begin(order)
    stage.pass(10)
    expect(await look(order, operation)).toMatchObject({
      outcome: 'failed',
      reason: 'digest_mismatch',
      message: `Render runs ${digestOf('e')}, ordered was ${digestOf('a')}`,
    })
  })

  it('may run a platform’s image of the index that was ordered', async () => {
    takes({ kind: 'live', sha: digestOf('e') })
    const target = stage.targetOf(settingsOf(), {
      listPlatforms: () => Promise.resolve([digestOf('d'), digestOf('e')]),
    })
    const order = stage.orderOf(releaseOf('a', 1))
    const operation = await begin(order, target)
    stage.pass(10)
    expect(await look(order, operation, target)).toMatchObject({ outcome: 'succeeded' })
  })
})

describe('a deploy that somebody else interferes with', () => {
  it('is cancelled, which is no failure of its own', async () => {
    takes({ kind: 'canceled' })
    const order = stage.orderOf(releaseOf('a', 1))
    const operation = await begin(order)
    stage.pass(10)
    expect(await look(order, operation)).toMatchObject({
      outcome: 'failed',
      reason: 'changed_elsewhere',
      message: `${operation} was cancelled at Render by somebody else`,
    })
  })

  it('names the deploy that took its place', async () => {
    const order = stage.orderOf(releaseOf('a', 1))
    const operation = await begin(order)
    stage.pass(1)
    const stranger = shop().deploy(null, 'manual')
    expect(await look(order, operation)).toMatchObject({
      outcome: 'failed',
      reason: 'changed_elsewhere',
      message: `${operation} was cancelled at Render: ${stranger?.id} was begun after it (manual)`,
    })
  })

  it('is told also where it had been live already', async () => {
    const order = stage.orderOf(releaseOf('a', 1))
    const operation = await begin(order)
    stage.pass(10)
    shop().deploy(null, 'deploy_hook')
    stage.pass(10)
    const answer = await look(order, operation)
    expect(answer).toMatchObject({ outcome: 'failed', reason: 'changed_elsewhere' })
    expect(answer?.message).toMatch(
      /was replaced at Render: dep-\w+ was begun after it \(deploy_hook/,
    )
  })
})

describe('the same order once more', () => {
  it('does not deploy twice', async () => {
    const order = stage.orderOf(releaseOf('a', 1))
    const operation = await begin(order)
    stage.pass(30)
    expect(await begin({ ...order, hostSeconds: 400 })).toBe(operation)
    expect(posted()).toHaveLength(1)
  })

  it('finds the deploy whose answer was lost', async () => {
    const order = stage.orderOf(releaseOf('a', 1))
    stage.server.fate = onceFor(isDeploy, { kind: 'lose' })
    await expect(stage.target.start(order)).rejects.toBeInstanceOf(Retryable)
    stage.pass(60)
    const operation = await begin(order)
    expect(posted()).toHaveLength(1)
    expect(operation).toBe(shop().deploys()[0]?.id)
    expect(await look(order, operation)).toMatchObject({ outcome: 'succeeded' })
  })

  it('deploys where the request itself was lost', async () => {
    const order = stage.orderOf(releaseOf('a', 1))
    stage.server.fate = onceFor(isDeploy, { kind: 'answer', status: 502 })
    await expect(stage.target.start(order)).rejects.toBeInstanceOf(Retryable)
    stage.pass(60)
    await begin(order)
    expect(shop().deploys()).toHaveLength(1)
  })

  it('is followed to the newest, where two were begun all the same', async () => {
    const order = stage.orderOf(releaseOf('a', 1))
    const operation = await begin(order)
    shop().deploy(imageOf('a'), 'api')
    expect(
      shop()
        .deploys()
        .map(({ status }) => status),
    ).toEqual(['canceled', 'created'])
    expect(await look(order, operation)).toMatchObject({ outcome: 'waiting' })
    stage.pass(10)
    expect(await look(order, operation)).toMatchObject({ outcome: 'succeeded' })
  })

  it('is not begun once its time is over', async () => {
    const order = stage.orderOf(releaseOf('a', 1))
    stage.pass(600)
    expect(await refusal(order)).toMatchObject({ outcome: 'failed', reason: 'too_late' })
    expect(stage.server.calls).toEqual([])
  })
})

describe('variables', () => {
  it('are set one by one, before the deploy that they count for', async () => {
    await bringOut(releaseOf('a', 1))
    expect(shop().serving()?.env).toEqual({ DEBUG: 'False', SECRET_KEY: 'planted-one' })
    expect(put()).toEqual(['DEBUG', 'SECRET_KEY'])
  })

  it('are set only where they differ', async () => {
    await bringOut(releaseOf('a', 1))
    await bringOut(releaseOf('b', 2, { secretVersion: 'v2' }))
    expect(put()).toEqual(['DEBUG', 'SECRET_KEY', 'SECRET_KEY'])
    expect(shop().serving()?.env).toMatchObject({ SECRET_KEY: 'planted-two' })
  })

  it('that only Render has are named and left', async () => {
    for (let index = 0; index < 120; index += 1) shop().env.set(`OWN_${index}`, 'x')
    const order = stage.orderOf(releaseOf('a', 1))
    const operation = await begin(order)
    stage.pass(10)
    const answer = await look(order, operation)
    expect(answer?.message).toMatch(/left alone at Render, and not in landfall.yml: OWN_0, OWN_1,/)
    expect(answer?.message).not.toContain('DEBUG')
    expect(shop().env.size).toBe(122)
  })

  it('are left to Render where landfall.yml says so, and the secret is not even read', async () => {
    stage.secrets.delete('landfall/test/shop v1')
    shop().env.set('OWN', 'x')
    const settings = shopOf({ targets: [settingsOf({ env: 'leave' })] })
    await bringOut(releaseOf('a', 1, { settings }))
    expect(put()).toEqual([])
    expect(shop().serving()?.env).toEqual({ OWN: 'x' })
  })

  it('whose names need it are escaped', async () => {
    shop().env.set('OTHER', 'x')
    const settings = shopOf({ env: { _A1: 'multi\nline "quoted"' } })
    await bringOut(releaseOf('a', 1, { settings }))
    expect(shop().serving()?.env).toMatchObject({ _A1: 'multi\nline "quoted"', OTHER: 'x' })
  })

  it('that Render takes no more of are gone on with later', async () => {
    const env = Object.fromEntries(Array.from({ length: 40 }, (_, index) => [`KEY_${index}`, 'x']))
    const order = stage.orderOf(releaseOf('a', 1, { settings: shopOf({ env }) }))
    await expect(stage.target.start(order)).rejects.toThrow(/429.*at the variable KEY_30/)
    expect(posted()).toEqual([])
    stage.pass(60)
    await begin(order)
    expect(put()).toHaveLength(42)
    expect(posted()).toHaveLength(1)
  })

  it('of a secret that is gone keep a deploy from being begun', async () => {
    const order = stage.orderOf(releaseOf('a', 1, { secretVersion: 'v9' }))
    expect(await refusal(order)).toMatchObject({
      outcome: 'failed',
      reason: 'secret_missing',
      message: 'landfall/test/shop, version v9',
    })
    expect(posted()).toEqual([])
  })

  it('of a secret that cannot be read now wait for it, and its end is told', async () => {
    const target = stage.targetOf(settingsOf(), {
      readSecret: () => Promise.resolve(fail('secret_unavailable' as const)),
    })
    const order = stage.orderOf(releaseOf('a', 1))
    await expect(target.start(order)).rejects.toThrow('landfall/test/shop could not be read now')
    stage.pass(530)
    expect(await refusal(order, target)).toMatchObject({
      outcome: 'failed',
      reason: 'target_unavailable',
      message: 'the secret landfall/test/shop could not be read now',
    })
    expect(posted()).toEqual([])
  })

  it('stand nowhere but in the request that sets them', async () => {
    const order = stage.orderOf(releaseOf('a', 1))
    const started = await stage.target.start(order)
    stage.pass(10)
    const told = JSON.stringify([
      started,
      await stage.target.observe(order, started.operation ?? ''),
    ])
    expect(told).not.toContain('planted')
    stage.server.fate = ({ method, body }) =>
      method === 'PUT'
        ? { kind: 'answer', status: 400, body: { message: JSON.stringify(body) } }
        : null
    const answer = await refusal(stage.orderOf(releaseOf('b', 2, { secretVersion: 'v2' })))
    expect(answer).toMatchObject({ outcome: 'failed', reason: 'send_failed' })
    expect(answer?.message).toMatch(/answered 400, at the variable SECRET_KEY$/)
    const others = stage.server.calls.filter(({ method }) => method !== 'PUT')
    expect(JSON.stringify(others)).not.toContain('planted')
  })
})

describe('bringing back', () => {
  const back = (release: Release | null, of: Order) =>
    stage.orderOf(release, { purpose: 'restore', openedAt: of.openedAt })

  it('what still serves needs no deploy, and its variables are as they were', async () => {
    await bringOut(releaseOf('a', 1))
    stage.pass(60)
    takes({ kind: 'build_failed' })
    const failing = stage.orderOf(releaseOf('b', 2, { secretVersion: 'v2' }))
    await begin(failing)
    stage.pass(10)
    const order = back(releaseOf('a', 1), failing)
    const operation = await begin(order)
    expect(await look(order, operation)).toMatchObject({
      outcome: 'succeeded',
      reason: 'restored',
      serving: { generation: 1, digest: digestOf('a') },
    })
    await stage.target.cancel(operation)
    expect(posted()).toHaveLength(2)
    expect(shop().env.get('SECRET_KEY')).toBe('planted-one')
  })

  it('what was replaced is a deploy of it, with its own settings', async () => {
    await bringOut(releaseOf('a', 1))
    stage.pass(60)
    const left = await bringOut(releaseOf('b', 2, { secretVersion: 'v2' }))
    const order = back(releaseOf('a', 1), left)
    const operation = await begin(order)
    stage.pass(10)
    expect(await look(order, operation)).toMatchObject({
      outcome: 'succeeded',
      reason: 'restored',
      serving: { generation: 1, digest: digestOf('a') },
    })
    expect(shop().serving()).toMatchObject({
      sha: digestOf('a'),
      env: { SECRET_KEY: 'planted-one' },
    })
  })

  it('the same digest with other settings is a deploy too, and not the one that is left', async () => {
    await bringOut(releaseOf('a', 1))
    stage.pass(60)
    const left = await bringOut(releaseOf('a', 2, { secretVersion: 'v2' }))
    const order = back(releaseOf('a', 1), left)
    const operation = await begin(order)
    stage.pass(10)
    expect(await look(order, operation)).toMatchObject({ outcome: 'succeeded', reason: 'restored' })
    expect(shop().serving()?.env).toMatchObject({ SECRET_KEY: 'planted-one' })
  })

  it('while what is left is still under way takes its place', async () => {
    await bringOut(releaseOf('a', 1))
    stage.pass(60)
    const left = stage.orderOf(releaseOf('b', 2))
    await begin(left)
    const order = back(releaseOf('a', 1), left)
    const operation = await begin(order)
    stage.pass(10)
    expect(await look(order, operation)).toMatchObject({ outcome: 'succeeded' })
    expect(
      shop()
        .deploys()
        .map(({ status }) => status),
    ).toEqual(['deactivated', 'canceled', 'live'])
  })

  it('does not wait for a secret', async () => {
    await bringOut(releaseOf('a', 1))
    stage.pass(60)
    const left = await bringOut(releaseOf('b', 2, { secretVersion: 'v2' }))
    stage.secrets.delete('landfall/test/shop v1')
    await begin(back(releaseOf('a', 1), left))
    expect(posted().at(-1)).toEqual({ imageUrl: imageOf('a') })
  })

  it('what Render ran before anything of ours is its rollback, done once', async () => {
    shop().deploy(null, 'manual')
    stage.pass(60)
    const left = await bringOut(releaseOf('a', 1))
    const before = shop().deploys()[0]?.id
    const order = back(null, left)
    const operation = await begin(order)
    expect(posted().at(-1)).toEqual({ deployId: before })
    stage.pass(30)
    expect(await begin(order)).toBe(operation)
    expect(await look(order, operation)).toMatchObject({
      outcome: 'succeeded',
      reason: 'restored',
      serving: null,
    })
  })

  it('what Render runs still, before anything of ours, is nothing to do', async () => {
    shop().deploy(null, 'manual')
    stage.pass(60)
    takes({ kind: 'build_failed' })
    const failing = stage.orderOf(releaseOf('a', 1))
    await begin(failing)
    stage.pass(10)
    const order = back(null, failing)
    expect(await look(order, await begin(order))).toMatchObject({
      outcome: 'succeeded',
      reason: 'restored',
      serving: null,
    })
    expect(callsOf('POST', /rollback$/)).toEqual([])
  })

  it('is said to be impossible where nothing ran there before', async () => {
    const left = await bringOut(releaseOf('a', 1))
    expect(await refusal(back(null, left))).toMatchObject({
      outcome: 'failed',
      reason: 'not_restored',
      message: saying(/nothing ran at Render before/),
    })
  })

  it('by a rollback asks nobody whether the service still suits', async () => {
    shop().settings.autoDeploy = 'yes'
    await begin(stage.orderOf(releaseOf('a', 1), { kind: 'rollback' }))
    expect(posted()).toEqual([{ imageUrl: imageOf('a') }])
  })
})

describe('a service that Landfall cannot deploy to', () => {
  it.each([
    [
      'built from a repository',
      { imagePath: null, repo: 'https://github.com/acme/shop' },
      /builds it from https:\/\/github\.com\/acme\/shop.*make a service of the image docker\.io\/acme\/shop/,
    ],
    ['of another image', { imagePath: 'acme/other:1' }, /runs docker\.io\/acme\/other/],
    ['suspended', { isSuspended: true }, /resume it/],
    ['deployed by Render itself', { autoDeploy: 'yes' as const }, /set Auto-Deploy to off/],
  ])('because it is %s is left as it is', async (_name, changes, message) => {
    Object.assign(shop().settings, changes)
    const answer = await refusal(stage.orderOf(releaseOf('a', 1)))
    expect(answer).toMatchObject({ id: service, outcome: 'failed', reason: 'service_unsuitable' })
    expect(answer?.message).toMatch(message)
    expect([...put(), ...posted()]).toEqual([])
  })

  it('because it was deleted is named', async () => {
    shop().settings.isGone = true
    const answer = await refusal(stage.orderOf(releaseOf('a', 1)))
    expect(answer).toMatchObject({ outcome: 'failed', reason: 'service_missing' })
    expect(answer?.message).toMatch(/answered 410: srv-\w+ was deleted/)
  })

  it('because there is none is named', async () => {
    const other = { service: 'srv-none', token: settingsOf().token }
    const settings = shopOf({ targets: [settingsOf(other)] })
    const answer = await refusal(stage.orderOf(releaseOf('a', 1, { settings })))
    expect(answer).toMatchObject({ outcome: 'failed', reason: 'service_missing' })
    expect(answer?.message).toMatch(/there is no srv-none/)
  })

  it('because it was deleted meanwhile is said at once', async () => {
    const order = stage.orderOf(releaseOf('a', 1))
    const operation = await begin(order)
    shop().settings.isGone = true
    expect(await look(order, operation)).toMatchObject({
      outcome: 'failed',
      reason: 'service_missing',
    })
  })
})

describe('a key', () => {
  it('that is not there is asked for by its name', async () => {
    stage.secrets.clear()
    expect(await refusal(stage.orderOf(releaseOf('a', 1)))).toMatchObject({
      reason: 'secret_missing',
      message: 'the secret landfall/test/render is not there: put an API key into it',
    })
  })

  it.each([
    ['is not accepted', 'rnd_of_somebody_else', /answered 401: the secret landfall\/test\/render/],
    ['is no key', 'two\nlines', /is not one API key on one line/],
  ])('that %s is refused, without a word of it', async (_name, key, message) => {
    stage.secrets.set('landfall/test/render current', key)
    const answer = await refusal(stage.orderOf(releaseOf('a', 1)))
    expect(answer).toMatchObject({ outcome: 'failed', reason: 'target_unauthorized' })
    expect(answer?.message).toMatch(message)
    expect(answer?.message).not.toContain(key)
  })

  it('of another workspace is told apart', async () => {
    stage.server.fate = () => ({ kind: 'answer', status: 403 })
    const answer = await refusal(stage.orderOf(releaseOf('a', 1)))
    expect(answer).toMatchObject({ reason: 'target_unauthorized' })
    expect(answer?.message).toMatch(/answered 403.*is it of its workspace/)
  })

  it('is read anew where Render no longer accepts the one that is known', async () => {
    await bringOut(releaseOf('a', 1))
    stage.server.fate = ({ headers }) =>
      headers.authorization === 'Bearer rnd_key_of_the_team'
        ? { kind: 'answer', status: 401 }
        : { kind: 'answer', status: 503 }
    stage.secrets.set('landfall/test/render current', 'rnd_rotated_key')
    await expect(stage.target.start(stage.orderOf(releaseOf('b', 2)))).rejects.toThrow(/503/)
  })

  it('that is taken away while a deploy is under way is waited for, and then told', async () => {
    const order = stage.orderOf(releaseOf('a', 1))
    const operation = await begin(order)
    stage.server.fate = () => ({ kind: 'answer', status: 401 })
    await expect(stage.target.observe(order, operation)).rejects.toBeInstanceOf(Retryable)
    stage.pass(600)
    expect(await look(order, operation)).toMatchObject({
      outcome: 'lost',
      reason: 'target_unauthorized',
    })
  })
})

describe('Render’s limits and troubles', () => {
  it('more than ten deploys a minute wait for the next minute, and ask nothing before', async () => {
    for (let index = 0; index < 10; index += 1) {
      await begin(stage.orderOf(releaseOf('a', index + 1)))
      stage.pass(5.5)
    }
    const order = stage.orderOf(releaseOf('b', 11))
    await expect(stage.target.start(order)).rejects.toThrow(/429: too many requests/)
    await expect(stage.target.start(order)).rejects.toThrow(/asked to wait/)
    expect(posted()).toHaveLength(11)
    stage.pass(5)
    await begin(order)
    expect(posted()).toHaveLength(12)
  })

  it.each([500, 503, 429, 408])('an answer %i is tried again later', async (status) => {
    stage.server.fate = () => ({ kind: 'answer', status })
    await expect(stage.target.start(stage.orderOf(releaseOf('a', 1)))).rejects.toBeInstanceOf(
      Retryable,
    )
  })

  it('that last until there is no later are the reason', async () => {
    const order = stage.orderOf(releaseOf('a', 1))
    stage.server.fate = () => ({ kind: 'answer', status: 503 })
    stage.pass(530)
    expect(await refusal(order)).toMatchObject({
      outcome: 'failed',
      reason: 'target_unavailable',
      message: saying(/answered 503$/),
    })
  })

  it('a deploy that may have been begun is never said not to have been', async () => {
    const order = stage.orderOf(releaseOf('a', 1))
    stage.server.fate = onceFor(isDeploy, { kind: 'lose' })
    stage.pass(530)
    await expect(stage.target.start(order)).rejects.toBeInstanceOf(Retryable)
  })

  it('a refusal is told in Render’s words', async () => {
    stage.server.fate = onceFor(isDeploy, {
      kind: 'answer',
      status: 409,
      body: { message: 'the service is being moved' },
    })
    expect(await refusal(stage.orderOf(releaseOf('a', 1)))).toMatchObject({
      reason: 'send_failed',
      message: saying(/answered 409: the service is being moved$/),
    })
  })

  it('what cannot be asked for is lost at its end, and told', async () => {
    const order = stage.orderOf(releaseOf('a', 1))
    const operation = await begin(order)
    stage.server.fate = () => ({ kind: 'answer', status: 502 })
    await expect(stage.target.observe(order, operation)).rejects.toBeInstanceOf(Retryable)
    stage.pass(600)
    expect(await look(order, operation)).toMatchObject({
      outcome: 'lost',
      reason: 'target_unavailable',
    })
  })
})

describe('cancelling', () => {
  it('ends the deploy at Render, and the one before goes on', async () => {
    await bringOut(releaseOf('a', 1))
    const operation = await begin(stage.orderOf(releaseOf('b', 2)))
    await stage.target.cancel(operation)
    stage.pass(10)
    expect(
      shop()
        .deploys()
        .map(({ status }) => status),
    ).toEqual(['live', 'canceled'])
  })

  it('finds a deploy that waits for another', async () => {
    shop().settings.overlap = 'wait'
    shop().deploy(null, 'manual')
    const operation = await begin(stage.orderOf(releaseOf('a', 1)))
    await stage.target.cancel(operation)
    expect(
      shop()
        .deploys()
        .map(({ status }) => status),
    ).toEqual(['created', 'canceled'])
  })

  it('of what has ended, or is not to be found, is as good as done', async () => {
    const order = await bringOut(releaseOf('a', 1))
    const [live] = shop().deploys()
    await stage.target.cancel(live?.id ?? '')
    await stage.target.cancel(`since ${order.since} ${digestOf('f')}`)
    expect(shop().serving()?.sha).toBe(digestOf('a'))
  })

  it('is to be tried again where Render does not answer', async () => {
    const operation = await begin(stage.orderOf(releaseOf('a', 1)))
    stage.server.fate = () => ({ kind: 'answer', status: 500 })
    await expect(stage.target.cancel(operation)).rejects.toBeInstanceOf(Retryable)
    await expect(
      stage.target.cancel(`since ${stage.now()} ${digestOf('a')}`),
    ).rejects.toBeInstanceOf(Retryable)
  })
})
