import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import * as z from 'zod'
import type { App } from '../../../src/deployment/app.ts'
import type { Notice } from '../../../src/deployment/notice.ts'
import { AppName, Generation } from '../../../src/kernel/id.ts'
import { createPageUrl } from '../../../src/report/page-url.ts'
import { createNoticeReporter, renderNotice } from '../../../src/report/notice.ts'
import { commit } from '../../support/apps.ts'
import {
  createImpatientHttp,
  deploymentOf,
  noticeOf,
  origin,
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

const toPageUrl = createPageUrl('https://api.example')

const sendWith = (secret: string | null, notice: Notice, app: App = reportingApp()) => {
  const readSecret = secretsOf({ 'landfall/test/notice': secret })
  return createNoticeReporter({ ...ports, readSecret }, toPageUrl)(notice, app)
}
const address = () => `${hook.url.origin}${secretPath}`
const send = (notice: Notice) => sendWith(address(), notice)

describe('webhook notice: sending', () => {
  test('posts one message to the address in the secret', async () => {
    expect(await sendWith(`${address()}\n`, noticeOf('started'))).toEqual({ kind: 'sent' })
    expect(hook.calls.map(({ body }) => body)).toEqual([
      { text: renderNotice(noticeOf('started'), reportingApp(), toPageUrl) },
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
  ])('classifies an answer to a message: %i', async (status, headers, expected) => {
    hook.fate = () => ({ kind: 'answer', status, headers })
    const result = await send(noticeOf('started'))
    expect(result).toMatchObject(expected)
    expect(hook.calls).toHaveLength(1)
    if (result.kind !== 'sent') expect(result.why).toContain(`${hook.url.host} answered ${status}`)
  })

  test('retries later where nothing answers, and names the host only', async () => {
    hook.fate = impatient.watch(() => ({ kind: 'hang' }))
    const why = `${hook.url.host} did not answer in time`
    expect(await send(noticeOf('started'))).toEqual({ kind: 'later', why, afterSeconds: null })
    await hook.stop()
    const result = await send(noticeOf('started'))
    expect(result).toMatchObject({ kind: 'later', why: `${hook.url.host} could not be reached` })
    expect(printed(result)).not.toContain('planted-secret')
  })

  test.each([
    ['nothing', ''],
    ['a word', 'planted-secret'],
    ['JSON', '{"url": "https://hooks.example/planted-secret"}'],
    ['an address that everybody on the way could read', 'http://hooks.example/planted-secret'],
    ['two addresses', 'https://hooks.example/planted-secret https://hooks.example/2'],
    ['an address with a password', 'https://planted-secret:x@hooks.example/'],
  ])('sends nothing where the secret is %s, and does not quote it', async (_what, text) => {
    const result = await sendWith(text, noticeOf('started'))
    expect(result).toEqual({
      kind: 'refused',
      why: 'the secret landfall/test/notice is not the https address of an incoming webhook',
    })
  })

  test('retries later where the webhook secret cannot be read', async () => {
    const why = 'the secret landfall/test/notice says secret_unavailable'
    expect(await sendWith(null, noticeOf('started'))).toEqual({
      kind: 'later',
      why,
      afterSeconds: null,
    })
  })
})

describe('webhook notice: the text', () => {
  const link = `<https://github.com/acme/oc-lettings/commit/${commit}|0123456>`
  const lines = (notice: Notice, app: App = reportingApp()) =>
    renderNotice(notice, app, toPageUrl).split('\n')
  const read = (notice: Notice, app?: App) => lines(notice, app).slice(0, -1)

  test('ends with a link to the page of the deployment, or of the app where it is of none', () => {
    expect(lines(noticeOf('started', deploymentOf(7))).at(-1)).toBe(
      '<https://api.example/app/oc-lettings/7|page>',
    )
    expect(lines(noticeOf('frozen', null)).at(-1)).toBe(
      '<https://api.example/app/oc-lettings|page>',
    )
  })

  test('says who deploys which commit where', () => {
    expect(read(noticeOf('started'))).toEqual([
      `🚀 *oc-lettings* (production): deployment 7 (${link}) has started · by \`github\``,
    ])
    expect(read(noticeOf('succeeded', deploymentOf(7), { reason: 'deployed' }))).toEqual([
      `✅ *oc-lettings* (production): deployment 7 (${link}) is live · by \`github\``,
    ])
  })

  test.each([
    ['all of it', {}, '`Add a search field` · by `Ada Lovelace (ada)` · <R|run> · <C|changes>'],
    [
      'no account',
      { login: null, runUrl: null },
      '`Add a search field` · by `Ada Lovelace` · <C|changes>',
    ],
    ['an account only', { title: null, author: null, compareUrl: null }, 'by `ada` · <R|run>'],
    [
      'markup',
      { title: '<!channel> @all [a](https://evil.example) `*b*`', runUrl: null, compareUrl: null },
      "`&lt;!channel&gt; @\u200Ball [a](https://evil.example) '*b*'` · by `Ada Lovelace (ada)`",
    ],
  ])('says what the commit is, as code: %s', (_what, changes, line) => {
    const deployment = deploymentOf(7, { origin: { ...origin, ...changes } })
    const { runUrl, compareUrl } = origin
    expect(read(noticeOf('started', deployment))).toEqual([
      `🚀 *oc-lettings* (production): deployment 7 (${link}) has started · by \`github\``,
      line.replace('<R|', `<${runUrl}|`).replace('<C|', `<${compareUrl}|`),
    ])
  })

  test('says where a promoted image was live before', () => {
    const promotedFrom = {
      app: AppName.parse('oc-lettings-staging'),
      generation: Generation.parse(41),
    }
    expect(read(noticeOf('started', deploymentOf(7, { kind: 'redeploy', promotedFrom })))).toEqual([
      `🚀 *oc-lettings* (production): deployment 7 (${link}, promoted from oc-lettings-staging #41) has started · by \`github\``,
    ])
  })

  test('says what unfreezing deploys: nothing where a person does it', () => {
    const notice = noticeOf('unfrozen', null)
    expect(read(notice)).toEqual([
      '▶️ *oc-lettings* (production) is no longer frozen: the newest waiting commit is deployed · by `github`',
    ])
    expect(read(notice, reportingApp({ deploy: 'manual' }))).toEqual([
      '▶️ *oc-lettings* (production) is no longer frozen · by `github`',
    ])
  })

  test('says why a deployment failed, and quotes its message', () => {
    const message = 'GET / answered 400\nis the host in ALLOWED_HOSTS?'
    expect(read(noticeOf('failed', deploymentOf(7), { reason: 'unhealthy', message }))).toEqual([
      `❌ *oc-lettings* (production): deployment 7 (${link}) failed · by \`github\``,
      'The health check did not pass in time. (`unhealthy`)',
      '> `GET / answered 400`',
      '> `is the host in ALLOWED_HOSTS?`',
    ])
  })

  test('says what a rollback restores, and that migrations stay', () => {
    const deployment = { ...rollbackOf(8, 7), afterPredeploy: true }
    const note = 'The `predeploy` of what is rolled back, such as a migration, is *not undone*.'
    const subject = `rollback 8 to ${link}, which rolls back deployment 7,`
    expect(read(noticeOf('started', deployment, { by: 'alarm' }))).toEqual([
      `🚀 *oc-lettings* (production): ${subject} has started · by \`alarm\``,
      note,
    ])
    expect(read(noticeOf('rolled_back', deployment))).toEqual([
      `⏪ *oc-lettings* (production): ${subject} is live · by \`github\``,
      note,
    ])
    expect(read(noticeOf('rolled_back', rollbackOf(8, 7)))).toHaveLength(1)
  })

  test('says that an open deployment was rolled back', () => {
    const deployment = deploymentOf(7, { afterPredeploy: true })
    const [first, ...rest] = read(noticeOf('rolled_back', deployment, { reason: 'cancelled' }))
    expect(first).toContain('deployment 7')
    expect(first).toContain('was rolled back')
    expect(rest).toHaveLength(2)
  })

  test('describes a notice about the app without a deployment', () => {
    expect(read(noticeOf('frozen', null, { by: 'ada', message: 'sale until Monday' }))).toEqual([
      '🧊 *oc-lettings* (production) is frozen: new commits are not deployed until it is unfrozen · by `ada`',
      '> `sale until Monday`',
    ])
    expect(read(noticeOf('not_rolled_back', null, { by: 'alarm' }))).toEqual([
      '⚠️ *oc-lettings* (production) could not be rolled back · by `alarm`',
    ])
    const changed = { by: 'convergence', reason: 'key_changed', message: 'i-00000001' } as const
    expect(read(noticeOf('certificate_changed', null, changed))).toEqual([
      '🔑 *oc-lettings* (production) runs on an instance whose key was replaced · by `convergence`',
      'The key of the instance is not the one that Landfall knows it by. (`key_changed`)',
      '> `i-00000001`',
    ])
  })

  test('names an image without a commit by its digest, and does not link a commit without a repository', () => {
    expect(read(noticeOf('started', deploymentOf(7, { commit: null })))[0]).toContain(
      '(`sha256:dddddddddddd`)',
    )
    const app = reportingApp({ repository: null })
    expect(read(noticeOf('started'), app)[0]).toContain('(`0123456`)')
  })

  test.each([
    ['everyone', '@everyone', '@\u200Beveryone'],
    ['channels', '@here @channel @all', '@\u200Bhere @\u200Bchannel @\u200Ball'],
    ["Slack's mentions", '<!channel> & <@U1>', '&lt;!channel&gt; &amp; &lt;@\u200BU1&gt;'],
    ["Slack's link", '<https://evil.example|click>', '&lt;https://evil.example|click&gt;'],
    ['a link', '[click](https://evil.example)', '[click](https://evil.example)'],
    ['the end of code', '`@everyone`', "'@\u200Beveryone'"],
    ['control and bidi characters', 'a\u202Eb\u0007c', 'abc'],
    ['tabs and several spaces', 'a\t\tb  c', 'a b c'],
  ])(
    'quotes what an app or a person says as code, in which it mentions nobody: %s',
    (_what, text, quoted) => {
      const notice = noticeOf('failed', deploymentOf(7), { message: `first\n\n${text}`, by: text })
      expect(read(notice)).toEqual([
        `❌ *oc-lettings* (production): deployment 7 (${link}) failed · by \`${quoted}\``,
        '> `first`',
        `> \`${quoted}\``,
      ])
    },
  )
})
