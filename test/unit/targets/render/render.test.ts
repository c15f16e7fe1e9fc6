import { afterEach, beforeEach, expect, test } from 'vitest'
import { onceFor, type Call } from '../../../../local/base/vendor.ts'
import type { Course } from '../../../../local/render/deploy.ts'
import type { Release } from '../../../../src/deployment/deployment.ts'
import { Retryable } from '../../../../src/kernel/retryable.ts'
import type { Order, Target } from '../../../../src/targets/target.ts'
import {
  imageOf,
  releaseOf,
  service,
  serviceId,
  settingsOf,
  shopOf,
  startRenderStage,
  type RenderStage,
} from '../../../support/render-stage.ts'
import { digestOf } from '../../../support/service-stage.ts'
import { failedSecret } from '../../../support/failed-secret.ts'

let stage: RenderStage
beforeEach(async () => {
  stage = await startRenderStage()
})
afterEach(async () => {
  expect(stage.server.violations).toEqual([])
  await stage.stop()
})

/** Vitest's own matcher has no type. */
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

const beginFirst = async () => {
  const order = stage.orderOf(releaseOf('a', 1))
  return { order, operation: await begin(order) }
}

/** Begins an order and looks at it after so many seconds. */
const carryOut = async (order: Order, seconds = 10, target: Target = stage.target) => {
  const operation = await begin(order, target)
  stage.pass(seconds)
  return look(order, operation, target)
}

/** Deploys a release until it is live. */
const bringOut = async (release: Release, target: Target = stage.target): Promise<Order> => {
  const order = stage.orderOf(release)
  expect(await carryOut(order, 10, target)).toMatchObject({ outcome: 'succeeded' })
  return order
}

/** A release that has been live for a minute. */
const bringOutFirst = async (): Promise<void> => {
  await bringOut(releaseOf('a', 1))
  stage.pass(60)
}

const statuses = () =>
  shop()
    .deploys()
    .map(({ status }) => status)

const refusal = async (order = stage.orderOf(releaseOf('a', 1)), target = stage.target) => {
  const { operation, missing } = await target.start(order)
  expect(operation).toBeNull()
  return missing[0]
}

test('offers a service as one instance, which needs no prepare', async () => {
  const { candidates } = await stage.target.select()
  expect(candidates).toEqual([
    { id: serviceId, target: settingsOf().key, obstacle: null, warning: null },
  ])
  expect(await stage.target.prepared([serviceId])).toEqual([serviceId])
  expect(stage.server.calls).toEqual([])
})

test('deploys the image by its digest, and waits until it is live', async () => {
  const { order, operation } = await beginFirst()
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

test('sends a deploy with the API key, in the schema’s form', async () => {
  await begin(stage.orderOf(releaseOf('a', 1)))
  const [call] = callsOf('POST', /deploys$/)
  expect(call?.headers).toMatchObject({
    authorization: 'Bearer rnd_key_of_the_team',
    accept: 'application/json',
    'content-type': 'application/json',
  })
})

test('finds a deploy that waited for another one once Render lists it', async () => {
  shop().settings.overlap = 'wait'
  shop().settings.isWaitingListed = false
  shop().deploy(null, 'manual')
  const { order, operation } = await beginFirst()
  expect(operation).toMatch(/^since /)
  expect(await look(order, operation)).toMatchObject({ outcome: 'waiting' })
  stage.pass(5)
  expect(await look(order, operation)).toMatchObject({ outcome: 'waiting' })
  stage.pass(5)
  expect(await look(order, operation)).toMatchObject({ outcome: 'succeeded' })
})

test('tells a deploy from an earlier one of the same digest', async () => {
  await bringOutFirst()
  const again = stage.orderOf(releaseOf('a', 2, { secretVersion: 'v2' }))
  const operation = await begin(again)
  expect(posted()).toHaveLength(2)
  expect(await look(again, operation)).toMatchObject({ outcome: 'waiting' })
  stage.pass(10)
  expect(shop().serving()?.env).toMatchObject({ SECRET_KEY: 'planted-two' })
})

test.each([
  ['build_failed', 'pull_failed', /could not pull/],
  ['update_failed', 'unhealthy', /health check did not pass.*dashboard\.render\.com\/web\/srv-/],
  ['pre_deploy_failed', 'predeploy_failed', /pre-deploy command failed/],
] as const)(
  'fails a deploy that ends as %s, while the previous release serves',
  async (kind, reason, message) => {
    await bringOut(releaseOf('a', 1))
    takes({ kind })
    const answer = await carryOut(
      stage.orderOf(releaseOf('b', 2), { notAfter: '2030-01-01T00:00:00.000Z' }),
      1000,
    )
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

test('reports a private image that Render has no credential for', async () => {
  shop().settings.isImagePrivate = true
  const settings = shopOf({ registry: 'landfall/test/registry' })
  const answer = await carryOut(stage.orderOf(releaseOf('a', 1, { settings })))
  expect(answer).toMatchObject({ outcome: 'failed', reason: 'registry_unauthorized' })
  expect(answer?.message).toMatch(/has no registry credential/)
})

test('waits for a deploy of an unknown status, and reports it lost at its end', async () => {
  takes({ kind: 'stays', status: 'reticulating_splines' })
  const { order, operation } = await beginFirst()
  stage.pass(599)
  expect(await look(order, operation)).toMatchObject({ outcome: 'waiting' })
  stage.pass(1)
  expect(await look(order, operation)).toMatchObject({
    outcome: 'lost',
    reason: 'no_answer',
    message: saying(/Render still says reticulating_splines/),
  })
})

test('fails a deploy that runs another image than the ordered one', async () => {
  takes({ kind: 'live', sha: digestOf('e') })
  expect(await carryOut(stage.orderOf(releaseOf('a', 1)))).toMatchObject({
    outcome: 'failed',
    reason: 'digest_mismatch',
    message: `Render runs ${digestOf('e')}, ordered was ${digestOf('a')}`,
  })
})

test('accepts a platform’s image of the ordered index', async () => {
  takes({ kind: 'live', sha: digestOf('e') })
  const target = stage.targetOf(settingsOf(), {
    listPlatforms: () => Promise.resolve([digestOf('d'), digestOf('e')]),
  })
  expect(await carryOut(stage.orderOf(releaseOf('a', 1)), 10, target)).toMatchObject({
    outcome: 'succeeded',
  })
})

test('reports a deploy that was cancelled at Render', async () => {
  takes({ kind: 'canceled' })
  const { order, operation } = await beginFirst()
  stage.pass(10)
  expect(await look(order, operation)).toMatchObject({
    outcome: 'failed',
    reason: 'changed_elsewhere',
    message: `${operation} was cancelled at Render, not by Landfall`,
  })
})

test('names the deploy that replaced Landfall’s', async () => {
  const { order, operation } = await beginFirst()
  stage.pass(1)
  const stranger = shop().deploy(null, 'manual')
  expect(await look(order, operation)).toMatchObject({
    outcome: 'failed',
    reason: 'changed_elsewhere',
    message: `${operation} was cancelled at Render: ${stranger?.id} was started after it (manual)`,
  })
})

test('reports a deploy that was replaced after it was live', async () => {
  const { order, operation } = await beginFirst()
  stage.pass(10)
  shop().deploy(null, 'deploy_hook')
  stage.pass(10)
  const answer = await look(order, operation)
  expect(answer).toMatchObject({ outcome: 'failed', reason: 'changed_elsewhere' })
  expect(answer?.message).toMatch(
    /was replaced at Render: dep-\w+ was started after it \(deploy_hook/,
  )
})

test('deploys the same order once', async () => {
  const { order, operation } = await beginFirst()
  stage.pass(30)
  expect(await begin({ ...order, hostSeconds: 400 })).toBe(operation)
  expect(posted()).toHaveLength(1)
})

test('finds the deploy of an order whose answer was lost', async () => {
  const order = stage.orderOf(releaseOf('a', 1))
  stage.server.fate = onceFor(isDeploy, { kind: 'lose' })
  await expect(stage.target.start(order)).rejects.toBeInstanceOf(Retryable)
  stage.pass(60)
  const operation = await begin(order)
  expect(posted()).toHaveLength(1)
  expect(operation).toBe(shop().deploys()[0]?.id)
  expect(await look(order, operation)).toMatchObject({ outcome: 'succeeded' })
})

test('deploys an order whose request was lost', async () => {
  const order = stage.orderOf(releaseOf('a', 1))
  stage.server.fate = onceFor(isDeploy, { kind: 'answer', status: 502 })
  await expect(stage.target.start(order)).rejects.toBeInstanceOf(Retryable)
  stage.pass(60)
  await begin(order)
  expect(shop().deploys()).toHaveLength(1)
})

test('follows the newest of two deploys of the same order', async () => {
  const { order, operation } = await beginFirst()
  shop().deploy(imageOf('a'), 'api')
  expect(statuses()).toEqual(['canceled', 'created'])
  expect(await look(order, operation)).toMatchObject({ outcome: 'waiting' })
  stage.pass(10)
  expect(await look(order, operation)).toMatchObject({ outcome: 'succeeded' })
})

test('begins no deploy once the order’s time is over', async () => {
  const order = stage.orderOf(releaseOf('a', 1))
  stage.pass(600)
  expect(await refusal(order)).toMatchObject({ outcome: 'failed', reason: 'too_late' })
  expect(stage.server.calls).toEqual([])
})

test('sets variables one by one before the deploy', async () => {
  await bringOut(releaseOf('a', 1))
  expect(shop().serving()?.env).toEqual({ DEBUG: 'False', SECRET_KEY: 'planted-one' })
  expect(put()).toEqual(['DEBUG', 'SECRET_KEY'])
})

test('sets only the variables that differ', async () => {
  await bringOut(releaseOf('a', 1))
  await bringOut(releaseOf('b', 2, { secretVersion: 'v2' }))
  expect(put()).toEqual(['DEBUG', 'SECRET_KEY', 'SECRET_KEY'])
  expect(shop().serving()?.env).toMatchObject({ SECRET_KEY: 'planted-two' })
})

test('keeps and names the variables that only Render has', async () => {
  for (let index = 0; index < 120; index += 1) shop().env.set(`OWN_${index}`, 'x')
  const answer = await carryOut(stage.orderOf(releaseOf('a', 1)))
  expect(answer?.message).toMatch(/left alone at Render, and not in landfall.yml: OWN_0, OWN_1,/)
  expect(answer?.message).not.toContain('DEBUG')
  expect(shop().env.size).toBe(122)
})

test('sets no variables and reads no secret with `env: leave`', async () => {
  stage.secrets.delete('landfall/test/shop v1')
  shop().env.set('OWN', 'x')
  const settings = shopOf({ targets: [settingsOf({ env: 'leave' })] })
  await bringOut(releaseOf('a', 1, { settings }))
  expect(put()).toEqual([])
  expect(shop().serving()?.env).toEqual({ OWN: 'x' })
})

test('sets a variable with line breaks and quotes', async () => {
  shop().env.set('OTHER', 'x')
  const settings = shopOf({ env: { _A1: 'multi\nline "quoted"' } })
  await bringOut(releaseOf('a', 1, { settings }))
  expect(shop().serving()?.env).toMatchObject({ _A1: 'multi\nline "quoted"', OTHER: 'x' })
})

test('continues to set variables after Render’s rate limit', async () => {
  const env = Object.fromEntries(Array.from({ length: 40 }, (_, index) => [`KEY_${index}`, 'x']))
  const order = stage.orderOf(releaseOf('a', 1, { settings: shopOf({ env }) }))
  await expect(stage.target.start(order)).rejects.toThrow(/429.*at the variable KEY_30/)
  expect(posted()).toEqual([])
  stage.pass(60)
  await begin(order)
  expect(put()).toHaveLength(42)
  expect(posted()).toHaveLength(1)
})

test('begins no deploy if the secret is gone', async () => {
  const order = stage.orderOf(releaseOf('a', 1, { secretVersion: 'v9' }))
  expect(await refusal(order)).toMatchObject({
    outcome: 'failed',
    reason: 'secret_missing',
    message: 'the secret landfall/test/shop says secret_missing',
  })
  expect(posted()).toEqual([])
})

test('waits for a secret that cannot be read now, and reports it at the end', async () => {
  const target = stage.targetOf(settingsOf(), {
    readSecret: () => Promise.resolve(failedSecret('secret_unavailable')),
  })
  const order = stage.orderOf(releaseOf('a', 1))
  await expect(target.start(order)).rejects.toThrow('landfall/test/shop says secret_unavailable')
  stage.pass(530)
  expect(await refusal(order, target)).toMatchObject({
    outcome: 'failed',
    reason: 'target_unavailable',
    message: 'the secret landfall/test/shop says secret_unavailable',
  })
  expect(posted()).toEqual([])
})

test('sends a variable’s value in the request that sets it only', async () => {
  const order = stage.orderOf(releaseOf('a', 1))
  const started = await stage.target.start(order)
  stage.pass(10)
  const told = JSON.stringify([started, await stage.target.observe(order, started.operation ?? '')])
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

const back = (release: Release | null, { openedAt }: Order) =>
  stage.orderOf(release, { purpose: 'restore', openedAt })

test('restores a release that still serves without a deploy, by its variables', async () => {
  await bringOutFirst()
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

test('restores a replaced release by a deploy with its own settings', async () => {
  await bringOutFirst()
  const left = await bringOut(releaseOf('b', 2, { secretVersion: 'v2' }))
  expect(await carryOut(back(releaseOf('a', 1), left))).toMatchObject({
    outcome: 'succeeded',
    reason: 'restored',
    serving: { generation: 1, digest: digestOf('a') },
  })
  expect(shop().serving()).toMatchObject({
    sha: digestOf('a'),
    env: { SECRET_KEY: 'planted-one' },
  })
})

test('restores other settings of the same digest by a deploy', async () => {
  await bringOutFirst()
  const left = await bringOut(releaseOf('a', 2, { secretVersion: 'v2' }))
  expect(await carryOut(back(releaseOf('a', 1), left))).toMatchObject({
    outcome: 'succeeded',
    reason: 'restored',
  })
  expect(shop().serving()?.env).toMatchObject({ SECRET_KEY: 'planted-one' })
})

test('restores by replacing a deploy in progress', async () => {
  await bringOutFirst()
  const left = stage.orderOf(releaseOf('b', 2))
  await begin(left)
  expect(await carryOut(back(releaseOf('a', 1), left))).toMatchObject({ outcome: 'succeeded' })
  expect(statuses()).toEqual(['deactivated', 'canceled', 'live'])
})

test('restores without waiting for a secret', async () => {
  await bringOutFirst()
  const left = await bringOut(releaseOf('b', 2, { secretVersion: 'v2' }))
  stage.secrets.delete('landfall/test/shop v1')
  await begin(back(releaseOf('a', 1), left))
  expect(posted().at(-1)).toEqual({ imageUrl: imageOf('a') })
})

test('restores what Render ran before Landfall by one rollback at Render', async () => {
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

test('restores nothing if Render still runs what it ran before Landfall', async () => {
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

test('reports that it cannot restore if nothing ran at Render before', async () => {
  const left = await bringOut(releaseOf('a', 1))
  expect(await refusal(back(null, left))).toMatchObject({
    outcome: 'failed',
    reason: 'not_restored',
    message: saying(/nothing ran at Render before/),
  })
})

test('deploys a rollback without checking the service', async () => {
  shop().settings.autoDeploy = 'yes'
  await begin(stage.orderOf(releaseOf('a', 1), { kind: 'rollback' }))
  expect(posted()).toEqual([{ imageUrl: imageOf('a') }])
})

test.each([
  [
    'built from a repository',
    { imagePath: null, repo: 'https://github.com/acme/shop' },
    /builds it from https:\/\/github\.com\/acme\/shop.*make a service of the image docker\.io\/acme\/shop/,
  ],
  ['of another image', { imagePath: 'acme/other:1' }, /runs docker\.io\/acme\/other/],
  ['suspended', { isSuspended: true }, /resume it/],
  ['deployed by Render itself', { autoDeploy: 'yes' as const }, /set Auto-Deploy to off/],
])('refuses a service that is %s, and changes nothing', async (_name, changes, message) => {
  Object.assign(shop().settings, changes)
  const answer = await refusal()
  expect(answer).toMatchObject({ id: service, outcome: 'failed', reason: 'service_unsuitable' })
  expect(answer?.message).toMatch(message)
  expect([...put(), ...posted()]).toEqual([])
})

test('reports a deleted service', async () => {
  shop().settings.isGone = true
  const answer = await refusal()
  expect(answer).toMatchObject({ outcome: 'failed', reason: 'service_missing' })
  expect(answer?.message).toMatch(/answered 410: srv-\w+ was deleted/)
})

test('reports a service that does not exist', async () => {
  const other = { service: 'srv-none', token: settingsOf().token }
  const settings = shopOf({ targets: [settingsOf(other)] })
  const answer = await refusal(stage.orderOf(releaseOf('a', 1, { settings })))
  expect(answer).toMatchObject({ outcome: 'failed', reason: 'service_missing' })
  expect(answer?.message).toMatch(/there is no srv-none/)
})

test('reports at once a service that is deleted during a deploy', async () => {
  const { order, operation } = await beginFirst()
  shop().settings.isGone = true
  expect(await look(order, operation)).toMatchObject({
    outcome: 'failed',
    reason: 'service_missing',
  })
})

test('names the secret of a missing API key', async () => {
  stage.secrets.clear()
  expect(await refusal()).toMatchObject({
    reason: 'secret_missing',
    message: 'the secret landfall/test/render says secret_missing',
  })
})

test.each([
  ['is not accepted', 'rnd_of_somebody_else', /answered 401: the secret landfall\/test\/render/],
  ['is no key', 'two\nlines', /is not one API key on one line/],
])('refuses an API key that %s, without quoting it', async (_name, key, message) => {
  stage.secrets.set('landfall/test/render current', key)
  const answer = await refusal()
  expect(answer).toMatchObject({ outcome: 'failed', reason: 'target_unauthorized' })
  expect(answer?.message).toMatch(message)
  expect(answer?.message).not.toContain(key)
})

test('reports an API key of another workspace', async () => {
  stage.server.fate = () => ({ kind: 'answer', status: 403 })
  const answer = await refusal()
  expect(answer).toMatchObject({ reason: 'target_unauthorized' })
  expect(answer?.message).toMatch(/answered 403.*is it of the same workspace/)
})

test('reads a new API key if Render no longer accepts the known one', async () => {
  await bringOut(releaseOf('a', 1))
  stage.server.fate = ({ headers }) =>
    headers.authorization === 'Bearer rnd_key_of_the_team'
      ? { kind: 'answer', status: 401 }
      : { kind: 'answer', status: 503 }
  stage.secrets.set('landfall/test/render current', 'rnd_rotated_key')
  await expect(stage.target.start(stage.orderOf(releaseOf('b', 2)))).rejects.toThrow(/503/)
})

test('waits for an API key that is revoked during a deploy, and reports it at the end', async () => {
  const { order, operation } = await beginFirst()
  stage.server.fate = () => ({ kind: 'answer', status: 401 })
  await expect(stage.target.observe(order, operation)).rejects.toBeInstanceOf(Retryable)
  stage.pass(600)
  expect(await look(order, operation)).toMatchObject({
    outcome: 'lost',
    reason: 'target_unauthorized',
  })
})

test('sends more than ten deploys a minute in the next minute', async () => {
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

test.each([500, 503, 429, 408])(
  'retries a start later that Render answers with %i',
  async (status) => {
    stage.server.fate = () => ({ kind: 'answer', status })
    await expect(stage.target.start(stage.orderOf(releaseOf('a', 1)))).rejects.toBeInstanceOf(
      Retryable,
    )
  },
)

test('reports Render’s failure once no time is left to retry', async () => {
  const order = stage.orderOf(releaseOf('a', 1))
  stage.server.fate = () => ({ kind: 'answer', status: 503 })
  stage.pass(530)
  expect(await refusal(order)).toMatchObject({
    outcome: 'failed',
    reason: 'target_unavailable',
    message: saying(/answered 503$/),
  })
})

test('never denies a deploy that may have begun', async () => {
  const order = stage.orderOf(releaseOf('a', 1))
  stage.server.fate = onceFor(isDeploy, { kind: 'lose' })
  stage.pass(530)
  await expect(stage.target.start(order)).rejects.toBeInstanceOf(Retryable)
})

test('quotes Render’s refusal', async () => {
  stage.server.fate = onceFor(isDeploy, {
    kind: 'answer',
    status: 409,
    body: { message: 'the service is being moved' },
  })
  expect(await refusal()).toMatchObject({
    reason: 'send_failed',
    message: saying(/answered 409: the service is being moved$/),
  })
})

test('reports a deploy lost at its end if Render does not answer', async () => {
  const { order, operation } = await beginFirst()
  stage.server.fate = () => ({ kind: 'answer', status: 502 })
  await expect(stage.target.observe(order, operation)).rejects.toBeInstanceOf(Retryable)
  stage.pass(600)
  expect(await look(order, operation)).toMatchObject({
    outcome: 'lost',
    reason: 'target_unavailable',
  })
})

test('cancels a deploy at Render, and the previous one serves', async () => {
  await bringOut(releaseOf('a', 1))
  const operation = await begin(stage.orderOf(releaseOf('b', 2)))
  await stage.target.cancel(operation)
  stage.pass(10)
  expect(statuses()).toEqual(['live', 'canceled'])
})

test('cancels a deploy that waits for another', async () => {
  shop().settings.overlap = 'wait'
  shop().deploy(null, 'manual')
  const operation = await begin(stage.orderOf(releaseOf('a', 1)))
  await stage.target.cancel(operation)
  expect(statuses()).toEqual(['created', 'canceled'])
})

test('cancels nothing if the deploy has ended or is not found', async () => {
  const order = await bringOut(releaseOf('a', 1))
  const [live] = shop().deploys()
  await stage.target.cancel(live?.id ?? '')
  await stage.target.cancel(`since ${order.since} ${digestOf('f')}`)
  expect(shop().serving()?.sha).toBe(digestOf('a'))
})

test('retries a cancel later if Render does not answer', async () => {
  const operation = await begin(stage.orderOf(releaseOf('a', 1)))
  stage.server.fate = () => ({ kind: 'answer', status: 500 })
  await expect(stage.target.cancel(operation)).rejects.toBeInstanceOf(Retryable)
  await expect(stage.target.cancel(`since ${stage.now()} ${digestOf('a')}`)).rejects.toBeInstanceOf(
    Retryable,
  )
})
