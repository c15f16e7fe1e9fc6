import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { pushDjangoImage } from '../support/django-base.ts'
import { inFull } from '../support/size.ts'
import { createClock, type Clock } from './clock.ts'
import { waitUntilListening } from './held.ts'
import type { HostAnswer, Instance, Order } from './instance.ts'
import { ask } from './load.ts'
import { openStage, type Image, type Stage } from './stage.ts'

// A real Django behind a proxy that ends TLS: well, and broken in ways that a status alone does not show.

let stage: Stage
let instance: Instance
let app: string
let django: Image
let clock: Clock
let number = 1
const source = readFileSync(join(import.meta.dirname, 'health-app.py'), 'utf8')

beforeAll(async () => {
  clock = createClock()
  stage = await openStage()
  instance = await stage.instance()
  app = stage.app('shop')
  django = await stage.publishBy(pushDjangoImage, 'django')
  const good = await stage.publish('good')
  expect(await instance.deploy({ app, generation: 1, fence: 1, ...good })).toMatchObject({
    outcome: 'succeeded',
  })
})
afterAll(async () => {
  clock.close()
  await stage.close()
})

/** Time stands still until the app listens; then its check, of two seconds, goes on. */
const attempt = async (
  faults: string,
  settings: Order['settings'],
  more: Partial<Order> = {},
): Promise<HostAnswer> => {
  number += 1
  clock.stop()
  instance.environment = clock.environment
  const look = { healthPath: '/', healthScheme: 'https', healthTimeout: 2, healthInterval: 1 }
  const command = ['python3', '-c', source]
  const deployed = instance.deploy({
    app,
    generation: number,
    fence: number,
    ...django,
    envelope: [`env FAULT=${faults}`],
    settings: { ...look, healthTimes: 1, command, ...settings },
    ...more,
  })
  await waitUntilListening(`landfall-${app}.${number}`)
  clock.go()
  return deployed
}

const wide = { healthTo: 399 }
const login = 'the last answer was 302 to /accounts/login/?next=/'
const toTls = 'the last answer was 301 to https://localhost/'
const never = 'a redirect to the same path never counts'
const contains = { healthPath: '/healthz', healthContains: '"database": "ok"' }

type Broken = readonly [string, string, Order['settings'], string]

/** One of each way in which an answer does not count. */
const broken: readonly Broken[] = [
  [
    'whose every page is a 500 behind its redirect to https',
    'raises',
    { ...wide, healthScheme: 'http' },
    `${toTls}; ${never}: if TLS ends in front of the app, set health.scheme: https`,
  ],
  ['that shows a login page for its page', 'login', {}, `${login}; redirects are not followed`],
  [
    'whose answer comes from a cache',
    'cached',
    {},
    'the last answer was 200 the page; an answer with Age or X-Cache comes from a cache',
  ],
  [
    'whose look at the database fails, and which answers 200 all the same',
    'no-table',
    contains,
    'the last answer was 200 {"database": "no such table: missing"}; it does not contain the text',
  ],
]

/** A status that the unit test of the scripts has, and the redirect once more. */
const further: readonly Broken[] = [
  ['whose every page is a 500, asked as over https', 'raises', wide, 'the last answer was 500'],
  [
    'that redirects to https for ever, because it trusts no proxy',
    'untrusting',
    wide,
    `${toTls}; ${never}: does the app trust X-Forwarded-Proto (Django: SECURE_PROXY_SSL_HEADER)?`,
  ],
]

test.each(inFull([...broken, ...further], broken))(
  'a release %s is refused, and the old one serves',
  async (_, faults, settings, message) => {
    const answer = await attempt(faults, settings)
    expect(answer).toMatchObject({
      outcome: 'failed',
      reason: 'unhealthy',
      serving: { generation: 1 },
    })
    expect(answer.message).toContain(message)
    expect(await ask(instance.port)).toBe('good')
  },
)

test('a release from before these rules goes back to what its status alone says', async () => {
  const before = { ...wide, healthScheme: [] }
  const answer = await attempt('raises', before, { mode: 'restore' })
  expect(answer).toMatchObject({ outcome: 'succeeded', serving: { generation: number } })
})

type Healthy = readonly [string, string, Order['settings']]

const healthy: Healthy = ['that redirects to https unless the proxy says so', '', contains]
const expectsLogin = 'that sends visitors to its login page, where that is expected'

test.each<Healthy>(inFull([healthy, [expectsLogin, 'login', wide]], [healthy]))(
  'a healthy release %s goes live',
  async (_, faults, settings) => {
    const answer = await attempt(faults, settings)
    expect(answer, answer.output).toMatchObject({
      outcome: 'succeeded',
      serving: { generation: number },
    })
  },
)
