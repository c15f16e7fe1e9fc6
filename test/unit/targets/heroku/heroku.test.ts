import { afterEach, describe, expect, test } from 'vitest'
import type { Call, Fate } from '../../../../local/base/vendor.ts'
import { onceFor } from '../../../../local/base/vendor.ts'
import type { Release } from '../../../../src/deployment/deployment.ts'
import { addSeconds } from '../../../../src/kernel/clock.ts'
import { Retryable } from '../../../../src/kernel/retryable.ts'
import type { Order, Target } from '../../../../src/targets/target.ts'
import {
  apiKey,
  herokuApp,
  imageIdOf,
  releaseOf,
  settingsOf,
  shopOf,
  startHerokuStage,
  type HerokuStage,
} from '../../../support/heroku-stage.ts'
import { digestOf } from '../../../support/service-stage.ts'

const stages: HerokuStage[] = []
const open = async (...given: Parameters<typeof startHerokuStage>): Promise<HerokuStage> => {
  const stage = await startHerokuStage(...given)
  stages.push(stage)
  return stage
}
/** Breaks of Heroku's schema fail each test here. */
afterEach(async () => {
  const violations = stages.flatMap(({ server }) => server.violations)
  await Promise.all(stages.splice(0).map((stage) => stage.stop()))
  expect(violations).toEqual([])
})

const startIn = async (
  stage: HerokuStage,
  order: Order,
  target = stage.target,
): Promise<string> => {
  const { operation, missing } = await target.start(order)
  if (operation === null) throw new Error(JSON.stringify(missing))
  return operation
}

const look = async (target: Target, order: Order, operation: string) => {
  const [answer] = await target.observe(order, operation)
  if (answer === undefined) throw new Error('no answer')
  return answer
}

/** Looks every second, through what passes, until the answer is not `waiting`. */
const follow = async (
  stage: HerokuStage,
  order: Order,
  operation: string,
  target = stage.target,
) => {
  for (let looks = 0; looks < 1300; looks += 1) {
    const answer = await look(target, order, operation).catch((error: unknown) => {
      if (error instanceof Retryable) return null
      throw error
    })
    if (answer !== null && answer.outcome !== 'waiting') return answer
    stage.pass(1)
  }
  throw new Error('it did not end')
}

const carryOut = async (stage: HerokuStage, order: Order, target = stage.target) =>
  follow(stage, order, await startIn(stage, order, target), target)

const goLive = async (stage: HerokuStage, letter: string, number: number): Promise<Release> => {
  const release = releaseOf(letter, number)
  expect(await carryOut(stage, stage.orderOf(release))).toMatchObject({ outcome: 'succeeded' })
  return release
}

/** So many looks, a second apart. */
const lookFor = async (
  stage: HerokuStage,
  order: Order,
  operation: string,
  looks: number,
  target = stage.target,
): Promise<void> => {
  for (let count = 0; count < looks; count += 1) {
    await look(target, order, operation).catch((error: unknown) => {
      if (!(error instanceof Retryable)) throw error
    })
    stage.pass(1)
  }
}

const appOf = (stage: HerokuStage) => stage.server.app(herokuApp)
const servedBy = (stage: HerokuStage) => appOf(stage).serving()?.image
const isCall = (method: string, path: RegExp) => (call: Call) =>
  call.method === method && path.test(call.path)
const countOf = (stage: HerokuStage, method: string, path: RegExp): number =>
  stage.server.calls.filter(isCall(method, path)).length
const formation = /\/formation$/
const configVars = /\/apps\/[^/]+\/config-vars$/

describe('a start at Heroku that cannot begin', () => {
  const answers = async (stage: HerokuStage, target = stage.target) => {
    const { operation, missing } = await target.start(stage.orderOf(releaseOf('a', 1)))
    expect(operation).toBeNull()
    expect(appOf(stage).releases()).toHaveLength(1)
    return missing[0]
  }

  test.each([
    ['no app', { isGone: true }, 'service_missing', /no app oc-lettings/],
    ['no right', { isForbidden: true }, 'target_unauthorized', /may not do this/],
    ['a suspended app', { isSuspended: true }, 'target_unauthorized', /suspended/],
    ['a stack', { stack: 'heroku-24' as const }, 'service_unsuitable', /stack:set container/],
    ['maintenance', { isMaintenance: true }, 'service_unsuitable', /maintenance:off/],
  ])('says why, for %s', async (_, changes, reason, message) => {
    const answer = await answers(await open(changes))
    expect(answer).toMatchObject({ outcome: 'failed', reason })
    expect(answer?.message).toMatch(message)
  })

  test.each([
    ['is missing', null, 'secret_missing'],
    ['is wrong', 'HRKU-of-somebody-else', 'target_unauthorized'],
    ['has two lines', 'HRKU-one\nHRKU-two', 'target_unauthorized'],
  ])('says why where the API key %s, without the key', async (_, value, reason) => {
    const stage = await open()
    const name = settingsOf().token
    if (value === null) stage.secrets.delete(`${name} current`)
    else stage.secrets.set(`${name} current`, value)
    const answer = await answers(stage, stage.targetOf())
    expect(answer).toMatchObject({ outcome: 'failed', reason })
    expect(answer?.message).toContain(name)
    expect(JSON.stringify(answer)).not.toContain('HRKU')
  })

  test.each<[string, Fate]>([
    ['429', { kind: 'answer', status: 429, headers: { 'retry-after': '60' } }],
    ['503', { kind: 'answer', status: 503 }],
    ['an answer that is no JSON', { kind: 'answer', status: 200, body: 'hello' }],
    ['a connection that ends', { kind: 'lose' }],
  ])('is tried again after %s', async (_, fate) => {
    const stage = await open()
    stage.server.fate = onceFor(() => true, fate)
    const order = stage.orderOf(releaseOf('a', 1))
    await expect(stage.target.start(order)).rejects.toThrow(Retryable)
    stage.pass(61)
    expect(await carryOut(stage, order)).toMatchObject({ outcome: 'succeeded' })
  })

  test('asks nothing more of Heroku until it may again', async () => {
    const stage = await open()
    const fate: Fate = { kind: 'answer', status: 429, headers: { 'retry-after': '60' } }
    stage.server.fate = onceFor(() => true, fate)
    const order = stage.orderOf(releaseOf('a', 1))
    for (let tries = 0; tries < 3; tries += 1)
      await expect(stage.target.start(order)).rejects.toThrow(/too many requests/)
    expect(stage.server.calls).toHaveLength(1)
  })
})

describe('config vars at Heroku', () => {
  test('sets what differs in one request, and names what it leaves alone', async () => {
    const stage = await open()
    appOf(stage).configVars.set('BY_HAND', 'kept')
    appOf(stage).configVars.set('DEBUG', 'False')
    const answer = await carryOut(stage, stage.orderOf(releaseOf('a', 1)))
    expect(answer.message).toBe('left alone at Heroku, and not in landfall.yml: BY_HAND')
    const sent = stage.server.calls.filter(isCall('PATCH', configVars)).map(({ body }) => body)
    expect(sent).toEqual([{ SECRET_KEY: 'planted-one' }])
    expect(appOf(stage).serving()?.env).toMatchObject({ BY_HAND: 'kept', DEBUG: 'False' })
    expect(JSON.stringify(answer)).not.toContain('planted')
  })

  test('restarts twice where some change, and once where none does', async () => {
    const stage = await open()
    await goLive(stage, 'a', 1)
    const before = appOf(stage).restarts
    await goLive(stage, 'b', 2)
    expect(appOf(stage).restarts - before).toBe(1)
    expect(
      await carryOut(stage, stage.orderOf(releaseOf('c', 3, { secretVersion: 'v2' }))),
    ).toMatchObject({ outcome: 'succeeded' })
    expect(appOf(stage).restarts - before).toBe(3)
  })

  test('leaves them all where landfall.yml says so', async () => {
    const stage = await open()
    const settings = settingsOf({ env: 'leave' })
    const release = releaseOf('a', 1, { settings: shopOf({ targets: [settings] }) })
    const answer = await carryOut(stage, stage.orderOf(release), stage.targetOf(settings))
    expect(answer).toMatchObject({ outcome: 'succeeded', message: null })
    expect(appOf(stage).configVars.size).toBe(0)
    expect(countOf(stage, 'PATCH', configVars)).toBe(0)
  })

  test('names them, and no value, where Heroku refuses one', async () => {
    const stage = await open()
    stage.server.fate = onceFor(isCall('PATCH', configVars), {
      kind: 'answer',
      status: 422,
      body: { id: 'invalid_params', message: 'planted-one cannot be set' },
    })
    const answer = await carryOut(stage, stage.orderOf(releaseOf('a', 1)))
    expect(answer).toMatchObject({ outcome: 'failed', reason: 'send_failed' })
    expect(answer.message).toMatch(/422, at the config vars DEBUG, SECRET_KEY$/)
    expect(JSON.stringify(answer)).not.toContain('planted')
  })

  test('waits for a secret that is missing no longer than it takes to say so', async () => {
    const stage = await open()
    stage.secrets.delete('landfall/test/shop v1')
    const answer = await carryOut(stage, stage.orderOf(releaseOf('a', 1)))
    expect(answer).toMatchObject({ outcome: 'failed', reason: 'secret_missing' })
    expect(countOf(stage, 'PATCH', formation)).toBe(0)
  })
})

describe('a release at Heroku', () => {
  test('is made once where two runs look at the same time', async () => {
    const stage = await open()
    const order = stage.orderOf(releaseOf('a', 1))
    const operation = await startIn(stage, order)
    const other = stage.targetOf()
    for (let looks = 0; looks < 40; looks += 1) {
      await Promise.all([look(stage.target, order, operation), look(other, order, operation)])
      stage.pass(1)
    }
    expect(await follow(stage, order, operation)).toMatchObject({ outcome: 'succeeded' })
    expect(countOf(stage, 'PATCH', formation)).toBe(1)
    expect(countOf(stage, 'PATCH', configVars)).toBe(1)
  })

  test.each<[string, string, RegExp]>([
    ['the config vars', 'PATCH', configVars],
    ['the images', 'PATCH', formation],
  ])('is made once where the answer about %s is lost', async (_, method, path) => {
    const stage = await open()
    stage.server.fate = onceFor(isCall(method, path), { kind: 'lose' })
    expect(await carryOut(stage, stage.orderOf(releaseOf('a', 1)))).toMatchObject({
      outcome: 'succeeded',
    })
    const made = appOf(stage)
      .releases()
      .map(({ description }) => description.split(' ')[0])
    expect(made.slice(1)).toEqual(['Set', 'Deployed'])
  })

  test.each<[string, string, RegExp]>([
    ['setting config vars', 'PATCH', configVars],
    ['releasing images', 'PATCH', formation],
    ['listing releases', 'GET', /\/releases$/],
    ['listing dynos', 'GET', /\/dynos$/],
  ])('is made after Heroku failed twice at %s', async (_, method, path) => {
    const stage = await open()
    let left = 2
    const order = stage.orderOf(releaseOf('a', 1))
    const operation = await startIn(stage, order)
    stage.server.fate = (call) =>
      isCall(method, path)(call) && (left -= 1) >= 0 ? { kind: 'answer', status: 502 } : null
    expect(await follow(stage, order, operation)).toMatchObject({ outcome: 'succeeded' })
    expect(left).toBeLessThan(0)
    expect(servedBy(stage)).toBe(imageIdOf(digestOf('a')))
  })

  test('waits for a key that is put right in time', async () => {
    const stage = await open()
    const order = stage.orderOf(releaseOf('a', 1))
    const operation = await startIn(stage, order)
    stage.pass(5)
    stage.server.fate = () => ({ kind: 'answer', status: 401, body: {} })
    await expect(stage.target.observe(order, operation)).rejects.toThrow(/no valid API key/)
    stage.server.fate = () => null
    expect(await follow(stage, order, operation)).toMatchObject({ outcome: 'succeeded' })
  })

  test('restarts the dynos where Heroku has released the same image', async () => {
    const stage = await open()
    await goLive(stage, 'a', 1)
    const made = appOf(stage).releases().length
    const before = appOf(stage).restarts
    stage.pass(3600)
    const answer = await carryOut(stage, stage.orderOf(releaseOf('a', 2)))
    expect(answer).toMatchObject({ outcome: 'succeeded' })
    expect(answer.steps.map(({ name }) => name)).toEqual(['carry', 'configure', 'check'])
    const took = answer.steps.map(({ milliseconds }) => milliseconds ?? 0)
    expect(Math.max(...took)).toBeLessThan(60_000)
    expect(appOf(stage).releases()).toHaveLength(made)
    expect(appOf(stage).restarts - before).toBe(1)
    expect(countOf(stage, 'DELETE', /\/dynos$/)).toBe(1)
  })

  test('that fails in its release phase says what that printed, and the one before serves', async () => {
    const stage = await open()
    await goLive(stage, 'a', 1)
    // Set by an add-on at Heroku itself, and in no secret of the app.
    appOf(stage).configVars.set('DATABASE_URL', 'postgres://shop:horse-battery@db.example/shop')
    const output = [
      'x'.repeat(500),
      'planted-one',
      'horse-battery',
      'planted-\u001b[0mone horse-\u200Bbattery',
      '\u001b[31mno such table\u001b[0m',
    ]
    appOf(stage).settings.courseOf = () => ({ kind: 'release_failed', output: output.join('\n') })
    const answer = await carryOut(stage, stage.orderOf(releaseOf('b', 2)))
    expect(answer).toMatchObject({ outcome: 'failed', reason: 'predeploy_failed' })
    expect(answer.steps.at(-1)).toMatchObject({ name: 'release', status: 'failed' })
    expect(answer.tail).toEqual([
      'x'.repeat(300),
      '***',
      '[masked]',
      '*** [masked]',
      'no such table',
    ])
    expect(servedBy(stage)).toBe(imageIdOf(digestOf('a')))
  })

  test('that fails after much output leaves out half a line, which could begin inside a secret', async () => {
    const stage = await open()
    const secret = 'planted-'.padEnd(100, 's')
    for (const offset of [20, 60]) {
      const rest = 'y'.repeat(64 * 1024 - offset - 1)
      appOf(stage).settings.courseOf = () => ({
        kind: 'release_failed',
        output: `${secret}\n${rest}`,
      })
      const answer = await carryOut(
        stage,
        stage.orderOf(releaseOf(offset === 20 ? 'a' : 'b', offset)),
      )
      expect(answer.tail.join('\n')).toBe('y'.repeat(300))
    }
  })

  test('of an image that failed before is made of it once more', async () => {
    const stage = await open()
    await goLive(stage, 'a', 1)
    appOf(stage).settings.courseOf = () => ({ kind: 'release_failed', output: 'no database' })
    const failed = stage.orderOf(releaseOf('b', 2))
    expect((await carryOut(stage, failed)).outcome).toBe('failed')
    appOf(stage).settings.courseOf = () => null
    const order = stage.orderOf(releaseOf('b', 3))
    expect(await carryOut(stage, order)).toMatchObject({ outcome: 'succeeded' })
    expect(stage.carry.orders.at(-1)).toMatchObject({ attempt: order.fence })
    expect(servedBy(stage)).toBe(imageIdOf(digestOf('b')))
  })

  test('whose release phase never ends is lost at its time, and says so', async () => {
    const stage = await open()
    appOf(stage).settings.courseOf = () => ({ kind: 'release_stays' })
    const answer = await carryOut(stage, stage.orderOf(releaseOf('a', 1)))
    expect(answer).toMatchObject({ outcome: 'lost', reason: 'no_answer' })
    expect(answer.message).toMatch(/still says pending of its release v\d/)
  })

  test.each([
    ['that crashes', { kind: 'crashes' }, 'exited', /web\.1 crashed; see heroku logs/],
    ['that binds no port', { kind: 'never_up' }, 'exited', /web\.1 crashed/],
    ['that answers 500', { kind: 'sick', status: 500 }, 'unhealthy', /^GET \/ answered 500$/],
  ] as const)('%s fails', async (_, course, reason, message) => {
    const stage = await open()
    appOf(stage).settings.courseOf = () => course
    const answer = await carryOut(stage, stage.orderOf(releaseOf('a', 1)))
    expect(answer).toMatchObject({ outcome: 'failed', reason })
    expect(answer.message).toMatch(message)
  })

  test('without a dyno says how to have one', async () => {
    const stage = await open({ quantities: { web: 0 } })
    const answer = await carryOut(stage, stage.orderOf(releaseOf('a', 1)))
    expect(answer).toMatchObject({ outcome: 'failed', reason: 'unhealthy' })
    expect(answer.message).toMatch(/heroku ps:scale web=1 --app oc-lettings/)
  })

  test('of a worker is not asked by HTTP', async () => {
    const stage = await open({ quantities: { worker: 1 } })
    const settings = settingsOf({ process: 'worker' })
    const release = releaseOf('a', 1, { settings: shopOf({ targets: [settings] }) })
    appOf(stage).settings.courseOf = () => ({ kind: 'sick', status: 500 })
    const answer = await carryOut(stage, stage.orderOf(release), stage.targetOf(settings))
    expect(answer).toMatchObject({ outcome: 'succeeded' })
  })

  test('of a stranger ends it, before and after Heroku was asked', async () => {
    for (const seconds of [0, 12]) {
      const stage = await open({}, { pace: { start: 30 } })
      const order = stage.orderOf(releaseOf('a', 1))
      const operation = await startIn(stage, order)
      await lookFor(stage, order, operation, seconds)
      appOf(stage).release({ web: imageIdOf(digestOf('f')) }, 'ada@example.com')
      const answer = await follow(stage, order, operation)
      expect(answer).toMatchObject({ outcome: 'failed', reason: 'changed_elsewhere' })
      expect(answer.message).toMatch(/v\d+ \(Deployed web \(\w{12}\), by ada@example\.com\)/)
    }
  })

  test('is not ended by a stranger’s that fails', async () => {
    const stage = await open({}, { pace: { start: 30 } })
    const order = stage.orderOf(releaseOf('a', 1))
    const operation = await startIn(stage, order)
    await lookFor(stage, order, operation, 12)
    const broken = imageIdOf(digestOf('f'))
    appOf(stage).settings.courseOf = ({ images }) =>
      images['web'] === broken ? { kind: 'release_failed', output: '' } : null
    appOf(stage).release({ web: broken }, 'ada@example.com')
    expect(await follow(stage, order, operation)).toMatchObject({ outcome: 'succeeded' })
    expect(servedBy(stage)).toBe(imageIdOf(digestOf('a')))
  })

  test('is not taken for another one that names no image', async () => {
    const stage = await open()
    await goLive(stage, 'a', 1)
    await goLive(stage, 'b', 2)
    const order = stage.orderOf(releaseOf('c', 3))
    const operation = await startIn(stage, order)
    stage.server.fate = onceFor(isCall('PATCH', formation), { kind: 'answer', status: 502 })
    await lookFor(stage, order, operation, 4)
    expect(countOf(stage, 'PATCH', formation)).toBe(3)
    const first = appOf(stage)
      .releases()
      .find(({ images }) => 'web' in images)
    if (first === undefined) throw new Error('nothing was released')
    appOf(stage).rollBack(first, 'ada@example.com')
    const answer = await follow(stage, order, operation)
    expect(answer).toMatchObject({ outcome: 'failed', reason: 'changed_elsewhere' })
    expect(answer.message).toMatch(/Rollback to v\d+, by ada@example\.com/)
  })

  test('tells of config vars that somebody sets in between', async () => {
    const stage = await open({}, { pace: { start: 30 } })
    const order = stage.orderOf(releaseOf('a', 1))
    const operation = await startIn(stage, order)
    await lookFor(stage, order, operation, 12)
    appOf(stage).setConfig({ BY_HAND: 'x' }, 'ada@example.com')
    const answer = await follow(stage, order, operation)
    expect(answer).toMatchObject({ outcome: 'succeeded' })
    expect(answer.message).toMatch(/Set BY_HAND config vars, by ada@example\.com/)
  })

  test('goes back to images that Heroku has kept, which need not be at their registry', async () => {
    const stage = await open()
    const first = await goLive(stage, 'a', 1)
    await goLive(stage, 'b', 2)
    appOf(stage).setConfig({ BY_HAND: 'x' })
    stage.pass(30)
    const carried = stage.carry.orders.length
    expect(await carryOut(stage, stage.orderOf(first, { kind: 'rollback' }))).toMatchObject({
      outcome: 'succeeded',
    })
    expect(servedBy(stage)).toBe(imageIdOf(digestOf('a')))
    expect(stage.carry.orders).toHaveLength(carried)
  })

  test('has an image carried with the login and the token service of its release', async () => {
    const stage = await open()
    const registry = {
      registry: 'landfall/registry',
      registryRealm: 'https://auth.example.org/token',
    }
    const release = releaseOf('a', 1)
    const settings = { ...release.settings, ...registry }
    await carryOut(stage, stage.orderOf({ ...release, settings }))
    expect(stage.carry.orders[0]).toMatchObject(registry)
  })

  test('carries an image again that Heroku does not have any more', async () => {
    const stage = await open()
    const first = await goLive(stage, 'a', 1)
    await goLive(stage, 'b', 2)
    for (const { version } of appOf(stage).releases().slice(0, -1)) appOf(stage).expire(version)
    stage.carry.registry.delete(`${herokuApp}/web ${imageIdOf(digestOf('a'))}`)
    const carried = stage.carry.orders.length
    const order = stage.orderOf(first, { kind: 'rollback' })
    expect(await carryOut(stage, order)).toMatchObject({ outcome: 'succeeded' })
    expect(servedBy(stage)).toBe(imageIdOf(digestOf('a')))
    expect(new Set(stage.carry.orders.slice(carried).map(({ digest }) => digest))).toEqual(
      new Set([digestOf('a')]),
    )
  })
})

describe('an image that cannot be brought to Heroku', () => {
  const counts = { at: '2026-11-20T10:00:00.000Z', blobs: 4, blobsThere: 1, sentBytes: 0 }

  test('is tried again by the next order, once a person may have put it right', async () => {
    const stage = await open()
    const message = 'the registry refused the login'
    const reason = 'registry_unauthorized'
    stage.carry.fate = { status: 'refused', ...counts, at: stage.now(), reason, message }
    expect((await carryOut(stage, stage.orderOf(releaseOf('a', 1)))).reason).toBe(reason)
    stage.pass(600)
    const order = stage.orderOf(releaseOf('a', 2))
    const operation = await startIn(stage, order)
    expect(await look(stage.target, order, operation)).toMatchObject({ outcome: 'waiting' })
    expect(stage.carry.orders.length).toBeGreaterThan(1)
    stage.carry.fate = null
    expect(await follow(stage, order, operation)).toMatchObject({ outcome: 'succeeded' })
  })

  test('ends the order with the reason, and Heroku is asked for nothing', async () => {
    const stage = await open()
    const why = 'a layer is compressed with zstd'
    const at = addSeconds(stage.now(), 1)
    const said = { reason: 'layers_unsupported', message: why } as const
    stage.carry.fate = { status: 'refused', ...counts, at, ...said }
    const answer = await carryOut(stage, stage.orderOf(releaseOf('a', 1)))
    expect(answer).toMatchObject({ outcome: 'failed', reason: 'layers_unsupported', message: why })
    expect(answer.steps).toMatchObject([{ name: 'carry', status: 'failed' }])
    expect(countOf(stage, 'PATCH', /./)).toBe(0)
  })

  test('is waited for until the order’s time is over, and then says how far it is', async () => {
    const stage = await open()
    const notBefore = '2026-11-20T10:00:15.000Z'
    const said = { reason: 'registry_unavailable', message: 'no answer', notBefore } as const
    stage.carry.fate = { status: 'unfinished', ...counts, ...said }
    const answer = await carryOut(stage, stage.orderOf(releaseOf('a', 1)))
    const message = '1 of 4 parts of the image are at Heroku: no answer'
    expect(answer).toMatchObject({ outcome: 'lost', reason: 'registry_unavailable', message })
    expect(countOf(stage, 'PATCH', /./)).toBe(0)
    expect(stage.carry.orders.length).toBeGreaterThan(1)
  })
})

describe('going back at Heroku', () => {
  test('asks nothing where nothing has changed', async () => {
    const stage = await open()
    const live = await goLive(stage, 'a', 1)
    stage.pass(60)
    const made = appOf(stage).releases().length
    const order = stage.orderOf(live, { purpose: 'restore' })
    expect(await carryOut(stage, order)).toMatchObject({ outcome: 'succeeded', reason: 'restored' })
    expect(appOf(stage).releases()).toHaveLength(made)
  })

  test('is Heroku’s own rollback where that brings just what is wanted', async () => {
    const stage = await open()
    const live = await goLive(stage, 'a', 1)
    const broken = stage.orderOf(releaseOf('b', 2, { secretVersion: 'v2' }))
    appOf(stage).settings.courseOf = ({ images }) =>
      images['web'] === imageIdOf(digestOf('b')) ? { kind: 'crashes' } : null
    expect((await carryOut(stage, broken)).reason).toBe('exited')
    const order = stage.orderOf(live, { purpose: 'restore', openedAt: broken.openedAt })
    expect(await carryOut(stage, order)).toMatchObject({ outcome: 'succeeded', reason: 'restored' })
    expect(appOf(stage).releases().at(-1)?.description).toMatch(/^Rollback to v\d/)
    expect(appOf(stage).serving()).toMatchObject({
      image: imageIdOf(digestOf('a')),
      env: { SECRET_KEY: 'planted-one' },
    })
  })

  test('keeps what somebody has set since', async () => {
    const stage = await open()
    const live = await goLive(stage, 'a', 1)
    await goLive(stage, 'b', 2)
    appOf(stage).setConfig({ BY_HAND: 'kept' })
    stage.pass(30)
    const order = stage.orderOf(live, { kind: 'rollback' })
    expect(await carryOut(stage, order)).toMatchObject({ outcome: 'succeeded' })
    expect(appOf(stage).serving()).toMatchObject({
      image: imageIdOf(digestOf('a')),
      env: { BY_HAND: 'kept' },
    })
    expect(countOf(stage, 'POST', /\/releases$/)).toBe(0)
  })

  test('asks nothing where the release before was made a moment ago, and serves', async () => {
    const stage = await open()
    const live = await goLive(stage, 'a', 1)
    appOf(stage).settings.courseOf = () => ({ kind: 'release_failed', output: '' })
    const broken = stage.orderOf(releaseOf('b', 2))
    expect((await carryOut(stage, broken)).reason).toBe('predeploy_failed')
    const restarts = appOf(stage).restarts
    const order = stage.orderOf(live, { purpose: 'restore', openedAt: broken.openedAt })
    expect(await carryOut(stage, order)).toMatchObject({ outcome: 'succeeded', reason: 'restored' })
    expect(countOf(stage, 'POST', /\/releases$/)).toBe(0)
    expect(appOf(stage).restarts).toBe(restarts)
  })

  test('says so where Heroku ran nothing before', async () => {
    const stage = await open()
    stage.pass(3600)
    const broken = stage.orderOf(releaseOf('a', 1))
    appOf(stage).settings.courseOf = () => ({ kind: 'crashes' })
    expect((await carryOut(stage, broken)).outcome).toBe('failed')
    const order = stage.orderOf(null, { purpose: 'restore', openedAt: broken.openedAt })
    expect(await carryOut(stage, order)).toMatchObject({
      outcome: 'failed',
      reason: 'not_restored',
    })
  })

  test('says so where there is nothing to go back to', async () => {
    const stage = await open()
    const broken = stage.orderOf(releaseOf('a', 1))
    appOf(stage).settings.courseOf = () => ({ kind: 'crashes' })
    expect((await carryOut(stage, broken)).outcome).toBe('failed')
    for (const { version } of appOf(stage).releases().slice(0, 1)) appOf(stage).expire(version)
    const order = stage.orderOf(null, { purpose: 'restore', openedAt: broken.openedAt })
    expect(await carryOut(stage, order)).toMatchObject({
      outcome: 'failed',
      reason: 'not_restored',
    })
  })
})

describe('a cancel at Heroku', () => {
  test('stops the release phase, and the release before serves', async () => {
    const stage = await open({}, { pace: { releasePhase: 60 } })
    await goLive(stage, 'a', 1)
    const order = stage.orderOf(releaseOf('b', 2))
    const operation = await startIn(stage, order)
    await lookFor(stage, order, operation, 10)
    await stage.target.cancel(operation)
    expect(await follow(stage, order, operation)).toMatchObject({
      outcome: 'failed',
      reason: 'cancelled',
    })
    expect(countOf(stage, 'POST', /\/actions\/stop$/)).toBe(1)
    expect(servedBy(stage)).toBe(imageIdOf(digestOf('a')))
  })

  test('stops a release phase of which the answer was lost, and no other', async () => {
    const stage = await open({}, { pace: { releasePhase: 60 } })
    await goLive(stage, 'a', 1)
    const order = stage.orderOf(releaseOf('b', 2))
    const operation = await startIn(stage, order)
    stage.server.fate = onceFor(isCall('PATCH', formation), { kind: 'lose' })
    await lookFor(stage, order, operation, 3)
    appOf(stage).setConfig({ BY_HAND: 'x' }, 'ada@example.com')
    await stage.target.cancel(operation)
    const stops = stage.server.calls.filter(isCall('POST', /\/actions\/stop$/))
    expect(stops).toHaveLength(1)
    const phases = appOf(stage)
      .dynos()
      .filter(({ process }) => process.name.startsWith('release'))
    expect(phases).toHaveLength(1)
    expect(phases[0]?.release.description).toMatch(/^Set BY_HAND/)
  })

  test('of an order that another has replaced changes nothing', async () => {
    const stage = await open()
    const old = await startIn(stage, stage.orderOf(releaseOf('a', 1)))
    const order = stage.orderOf(releaseOf('b', 2))
    const operation = await startIn(stage, order)
    await stage.target.cancel(old)
    expect(await follow(stage, order, operation)).toMatchObject({ outcome: 'succeeded' })
  })

  test('waits for what two orders before may still have asked Heroku for', async () => {
    const stage = await open()
    const first = stage.orderOf(releaseOf('a', 1))
    const begun = await startIn(stage, first)
    stage.server.fate = onceFor(isCall('PATCH', formation), { kind: 'answer', status: 502 })
    await lookFor(stage, first, begun, 4)
    const asked = countOf(stage, 'PATCH', formation)
    await startIn(stage, stage.orderOf(releaseOf('b', 2)))
    const third = stage.orderOf(releaseOf('c', 3))
    const operation = await startIn(stage, third)
    await lookFor(stage, third, operation, 8)
    expect(countOf(stage, 'PATCH', formation)).toBe(asked)
    expect(await follow(stage, third, operation)).toMatchObject({ outcome: 'succeeded' })
  })

  test('leaves an older order nothing to start', async () => {
    const stage = await open()
    const older = stage.orderOf(releaseOf('a', 1))
    await startIn(stage, stage.orderOf(releaseOf('b', 2)))
    expect(await stage.target.start(older)).toMatchObject({
      operation: null,
      missing: [{ reason: 'superseded_fence' }],
    })
  })
})

test('a release phase that landfall.yml has no more is removed at Heroku, once, also after a lost answer', async () => {
  const stage = await open()
  await goLive(stage, 'a', 1)
  const settings = settingsOf({ release: null })
  const target = stage.targetOf(settings)
  const without = (letter: string, number: number) =>
    stage.orderOf(releaseOf(letter, number, { settings: shopOf({ targets: [settings] }) }))
  stage.server.fate = onceFor(isCall('PATCH', formation), { kind: 'lose' })
  expect(await carryOut(stage, without('b', 2), target)).toMatchObject({ outcome: 'succeeded' })
  expect(await carryOut(stage, without('c', 3), target)).toMatchObject({ outcome: 'succeeded' })
  const sent = stage.server.calls.filter(isCall('PATCH', formation)).map(({ body }) => body)
  expect(sent.slice(1)).toEqual([
    {
      updates: [
        { type: 'web', docker_image: imageIdOf(digestOf('b')) },
        { type: 'release', docker_image: null },
      ],
    },
    { updates: [{ type: 'web', docker_image: imageIdOf(digestOf('c')) }] },
  ])
  expect(appOf(stage).current().images).toEqual({ web: imageIdOf(digestOf('c')) })
})

test('the API key is in no request but those to Heroku, as a header', async () => {
  const stage = await open()
  await goLive(stage, 'a', 1)
  for (const { headers, body, path } of stage.server.calls) {
    expect(headers.authorization).toBe(`Bearer ${apiKey}`)
    expect(`${path}${JSON.stringify(body)}`).not.toContain(apiKey)
  }
})
