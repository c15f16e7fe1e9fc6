import { expect, test } from 'vitest'
import { createOpenGithub } from '../../src/github/api.ts'
import type { Http } from '../../src/kernel/http.ts'
import { Redacted } from '../../src/kernel/redacted.ts'
import { fail, succeed, type Result } from '../../src/kernel/result.ts'
import { createImages } from '../../src/registry/images.ts'
import { isLasting } from '../../src/rollout/hold.ts'
import { createSentryReporter } from '../../src/report/sentry-release.ts'
import { createOpenHeroku } from '../../src/targets/heroku/api.ts'
import { createOpenRender } from '../../src/targets/render/api.ts'
import { appOf } from '../support/apps.ts'
import {
  answersIn,
  passing,
  renderAnswers,
  told,
  type AnswerRow,
} from '../support/foreign-answers.ts'
import { readLoginOf } from '../support/read-login.ts'
import { noticeOf, reportingApp } from '../support/reports.ts'

// Each answer is given to the client that Landfall calls with; docs/foreign-answers.md has what it made of it.

const answering =
  (status: number, headers: Readonly<Record<string, string>> = {}): Http =>
  () =>
    Promise.resolve(
      succeed({ status, headers: new Headers(headers), body: Buffer.from('{"message":"no"}') }),
    )

const silent: Http = ({ url }) => Promise.resolve(fail({ kind: 'timeout', host: url.host }))

const at = '2026-11-20T12:00:00.000Z'
const clock = () => new Date('2026-11-20T12:00:00Z')
const withSecret = (text: string) => () =>
  Promise.resolve(
    succeed({
      value: new Redacted(text),
      versionId: 'v1',
      createdAt: at,
    }),
  )

interface Failure {
  readonly kind: string
  readonly why: string
  readonly reason?: string
  readonly afterSeconds?: number | null
}

const take = (result: Result<unknown, Failure>): string => {
  if (result.ok) return 'answered'
  const { kind, why, reason = null, afterSeconds = null } = result.error
  if (kind === 'refused') return told(reason, why)
  return afterSeconds === null ? passing : `${passing} after ${afterSeconds} s`
}

const text = withSecret('token-of-a-test')
const request = { method: 'GET', path: '' } as const

const apis: readonly [string, (http: Http) => Promise<string>, readonly number[]][] = [
  [
    'GitHub',
    async (http) => {
      const ports = { http, readSecret: text, clock, baseUrl: new URL('https://api.github.com') }
      return take(await createOpenGithub(ports)('landfall/github', 'acme/shop', 1000)(request))
    },
    [401, 403, 404, 422, 429, 502],
  ],
  [
    'Render',
    async (http) => {
      const ports = { http, readSecret: text, clock, baseUrl: 'https://api.render.com/v1' }
      const service = { service: 'srv-1', token: 'landfall/render' }
      return take(await createOpenRender(ports)(service, 1000)(request))
    },
    [400, 401, 403, 404, 410, 429, 503],
  ],
  [
    'Heroku',
    async (http) => {
      const ports = { http, readSecret: text, clock, baseUrl: 'https://api.heroku.com' }
      const app = { app: 'shop', token: 'landfall/heroku' }
      return take(await createOpenHeroku(ports)(app, 1000)(request))
    },
    [401, 402, 403, 404, 410, 422, 429, 503],
  ],
  [
    'Sentry',
    async (http) => {
      const secret = { token: 'sntrys_token', organization: 'acme', projects: ['shop'] }
      const readSecret = withSecret(JSON.stringify(secret))
      const report = createSentryReporter({ http, readSecret, clock })
      const sent = await report(noticeOf('succeeded'), reportingApp())
      return take(sent.kind === 'sent' ? succeed(null) : fail(sent))
    },
    [400, 401, 403, 404, 429, 503],
  ],
  [
    'A registry',
    async (http) => {
      const app = appOf('shop', { image: 'registry.example.com/shop' })
      const found = await createImages(http, readLoginOf(text)).findDigest(app, 'v1')
      if (found.ok) return 'answered'
      const { reason, message = '' } = found.error
      if (isLasting(reason)) return `lasting, \`${reason}\`${message}`
      return reason === 'registry_unavailable' ? passing : `${passing}, \`${reason}\``
    },
    [401, 403, 404, 429, 503],
  ],
]

test('docs/foreign-answers.md has what each status of a foreign API is taken for', async () => {
  const rows: AnswerRow[] = []
  for (const [service, ask, statuses] of apis) {
    for (const status of statuses)
      rows.push({ service, answer: `${status}`, taken: await ask(answering(status)) })
    rows.push({ service, answer: 'no answer', taken: await ask(silent) })
  }
  rows.push({
    service: 'GitHub',
    answer: '403 with `Retry-After: 30`',
    taken: (await apis[0]?.[1](answering(403, { 'retry-after': '30' }))) ?? '',
  })
  expect(answersIn('Other services')).toEqual(renderAnswers(rows))
})
