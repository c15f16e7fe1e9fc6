import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import * as z from 'zod'
import type { App } from '../../../src/deployment/app.ts'
import type { Notice } from '../../../src/deployment/notice.ts'
import { createNoticeReporter } from '../../../src/report/notice.ts'
import { renderNotice } from '../../../src/report/notice-text.ts'
import { commit } from '../../support/apps.ts'
import {
  createImpatientHttp,
  deploymentOf,
  factOf,
  printed,
  reportingApp,
  rollbackOf,
  secretsOf,
} from '../../support/reports.ts'
import { startVendor, type Answer, type Vendor } from '../../../local/base/vendor.ts'

const secretPath = '/services/T000/B000/planted-secret'

/** What every incoming webhook in Slack's shape takes. */
const Message = z.strictObject({ text: z.string().min(1).max(4000) })

let hook: Vendor
beforeEach(async () => {
  hook = await startVendor(({ method, path, body }): Answer => {
    if (method !== 'POST' || path !== secretPath) return { status: 404, body: 'no_service' }
    Message.parse(body)
    return { status: 200, body: 'ok' }
  })
})
afterEach(async () => {
  await hook.stop()
  expect(hook.violations).toEqual([])
})

const impatient = createImpatientHttp()
const ports = { http: impatient.http, clock: () => new Date() }

const tellBy = (secret: string | null, fact: Notice, app: App = reportingApp()) => {
  const readSecret = secretsOf({ 'landfall/test/notice': secret })
  return createNoticeReporter({ ...ports, readSecret })(fact, app)
}
const address = () => `${hook.url.origin}${secretPath}`
const tell = (fact: Notice) => tellBy(address(), fact)

describe('a notice', () => {
  test('is one message to the address that the secret holds', async () => {
    expect(await tellBy(`${address()}\n`, factOf('started'))).toEqual({ kind: 'sent' })
    expect(hook.calls.map(({ body }) => body)).toEqual([
      { text: renderNotice(factOf('started'), reportingApp()) },
    ])
  })

  test.each([
    [429, { 'retry-after': '30' }, { kind: 'later', afterSeconds: 30 }],
    [500, {}, { kind: 'later', afterSeconds: null }],
    [503, {}, { kind: 'later', afterSeconds: null }],
    [400, {}, { kind: 'refused' }],
    [401, {}, { kind: 'refused' }],
    [403, {}, { kind: 'refused' }],
    [404, {}, { kind: 'refused' }],
    [409, {}, { kind: 'refused' }],
    [410, {}, { kind: 'refused' }],
    [422, {}, { kind: 'refused' }],
    [302, { location: 'https://example.com/' }, { kind: 'refused' }],
    [204, {}, { kind: 'sent' }],
  ])('that is answered %i', async (status, headers, expected) => {
    hook.fate = () => ({ kind: 'answer', status, headers })
    const telling = await tell(factOf('started'))
    expect(telling).toMatchObject(expected)
    expect(hook.calls).toHaveLength(1)
    if (telling.kind !== 'sent')
      expect(telling.why).toContain(`${hook.url.host} answered ${status}`)
  })

  test('that nobody answers is told later, by the name of the host alone', async () => {
    hook.fate = impatient.watch(() => ({ kind: 'hang' }))
    const why = `${hook.url.host} did not answer in time`
    expect(await tell(factOf('started'))).toEqual({ kind: 'later', why, afterSeconds: null })
    await hook.stop()
    const telling = await tell(factOf('started'))
    expect(telling).toMatchObject({ kind: 'later', why: `${hook.url.host} could not be reached` })
    expect(printed(telling)).not.toContain('planted-secret')
  })

  test.each([
    ['nothing', ''],
    ['a word', 'planted-secret'],
    ['JSON', '{"url": "https://hooks.example/planted-secret"}'],
    ['an address that everybody on the way could read', 'http://hooks.example/planted-secret'],
    ['two addresses', 'https://hooks.example/planted-secret https://hooks.example/2'],
    ['an address with a password', 'https://planted-secret:x@hooks.example/'],
  ])('goes nowhere where the secret is %s, and that is not repeated', async (_what, text) => {
    const telling = await tellBy(text, factOf('started'))
    expect(telling).toEqual({
      kind: 'refused',
      why: 'the secret landfall/test/notice is not the https address of an incoming webhook',
    })
  })

  test('waits for its secret', async () => {
    const why = 'the secret landfall/test/notice cannot be read now'
    expect(await tellBy(null, factOf('started'))).toEqual({
      kind: 'later',
      why,
      afterSeconds: null,
    })
  })
})

describe('reads', () => {
  const link = `<https://github.com/acme/oc-lettings/commit/${commit}|0123456>`
  const read = (fact: Notice, app: App = reportingApp()) => renderNotice(fact, app).split('\n')

  test('who brings which commit where', () => {
    expect(read(factOf('started'))).toEqual([
      `🚀 *oc-lettings* (production): deployment 7 (${link}) has started · by github`,
    ])
    expect(read(factOf('succeeded', deploymentOf(7), { reason: 'deployed' }))).toEqual([
      `✅ *oc-lettings* (production): deployment 7 (${link}) is live · by github`,
    ])
  })

  test('why something failed, and what was said', () => {
    const message = 'GET / answered 400\nis the host in ALLOWED_HOSTS?'
    expect(read(factOf('failed', deploymentOf(7), { reason: 'unhealthy', message }))).toEqual([
      `❌ *oc-lettings* (production): deployment 7 (${link}) failed · by github`,
      'The health check did not pass in time. (`unhealthy`)',
      '> GET / answered 400',
      '> is the host in ALLOWED_HOSTS?',
    ])
  })

  test('what a rollback goes back to, and that migrations stay', () => {
    const deployment = { ...rollbackOf(8, 7), afterPredeploy: true }
    const note =
      'What was gone back from had run its `predeploy`, such as a migration: that is *not undone*.'
    const subject = `rollback 8 to ${link}, which takes back deployment 7,`
    expect(read(factOf('started', deployment, { by: 'alarm' }))).toEqual([
      `🚀 *oc-lettings* (production): ${subject} has started · by alarm`,
      note,
    ])
    expect(read(factOf('rolled_back', deployment))).toEqual([
      `⏪ *oc-lettings* (production): ${subject} is live · by github`,
      note,
    ])
    expect(read(factOf('rolled_back', rollbackOf(8, 7)))).toHaveLength(1)
  })

  test('what was taken back while it was open', () => {
    const deployment = deploymentOf(7, { afterPredeploy: true })
    const [first, ...rest] = read(factOf('rolled_back', deployment, { reason: 'cancelled' }))
    expect(first).toContain('deployment 7')
    expect(first).toContain('is taken back')
    expect(rest).toHaveLength(2)
  })

  test('what is of the app and of no deployment', () => {
    expect(read(factOf('frozen', null, { by: 'ada', message: 'sale until Monday' }))).toEqual([
      '🧊 *oc-lettings* (production) is frozen: nothing is deployed by itself until it is unfrozen · by ada',
      '> sale until Monday',
    ])
    expect(read(factOf('not_rolled_back', null, { by: 'alarm' }))).toEqual([
      '⚠️ *oc-lettings* (production) was to be rolled back, and is not · by alarm',
    ])
  })

  test('an image without a commit by its digest, and a commit without a repository by itself', () => {
    expect(read(factOf('started', deploymentOf(7, { commit: null })))[0]).toContain(
      '(`sha256:dddddddddddd`)',
    )
    const app = reportingApp({ repository: null })
    expect(read(factOf('started'), app)[0]).toContain('(`0123456`)')
  })

  test('no markup of others: nobody is called together by what an app prints', () => {
    const message = '<!channel> & <https://evil.example|click>'
    const text = renderNotice(
      factOf('failed', deploymentOf(7), { message, by: '<@U1>' }),
      reportingApp(),
    )
    expect(text).toContain('&lt;!channel&gt; &amp; &lt;https://evil.example|click&gt;')
    expect(text).toContain('by &lt;@U1&gt;')
    expect(text).not.toMatch(/<[!@]/)
  })
})
