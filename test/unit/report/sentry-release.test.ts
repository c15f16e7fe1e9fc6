import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { App } from '../../../src/deployment/app.ts'
import type { Notice } from '../../../src/deployment/notice.ts'
import { createSentryReporter } from '../../../src/report/sentry-release.ts'
import { commit } from '../../support/apps.ts'
import { startSentry, type SentryServer } from '../../support/sentry-server.ts'
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
import { onceFor, type Call } from '../../../local/base/vendor.ts'

const token = 'sntrys_planted-secret'
const version = `oc-lettings@${commit}`

let sentry: SentryServer
beforeEach(async () => {
  sentry = await startSentry({ token, organization: 'acme', projects: ['lettings', 'worker'] })
})
afterEach(async () => {
  await sentry.stop()
  expect(sentry.violations).toEqual([])
})

const secretOf = (more: object = {}) =>
  JSON.stringify({
    token,
    organization: 'acme',
    projects: ['lettings'],
    url: sentry.url.origin,
    ...more,
  })

const impatient = createImpatientHttp()
const ports = { http: impatient.http, clock: () => new Date() }

const sendWith = (secret: string | null, notice: Notice, app: App = reportingApp()) => {
  const readSecret = secretsOf({ sentry: secret })
  return createSentryReporter({ ...ports, readSecret })(notice, app)
}
const send = (notice: Notice, app?: App) => sendWith(secretOf(), notice, app)
const sent = { kind: 'sent' }

const calls = () => sentry.calls.map(({ method, path }) => `${method} ${path}`)
const isCall =
  (method: string, end: string) =>
  (call: Call): boolean =>
    call.method === method && call.path.endsWith(end)

describe('Sentry: a go-live', () => {
  test('creates a release with commit and date, and a deploy of it', async () => {
    expect(await send(noticeOf('succeeded'))).toEqual(sent)
    expect(sentry.releases.get(version)).toEqual({
      version,
      projects: ['lettings'],
      commits: [{ id: commit, repository: 'acme/oc-lettings' }],
      dateReleased: '2026-11-20T12:07:00.000Z',
      deploys: [
        {
          id: '1',
          name: 'oc-lettings #7',
          environment: 'production',
          dateFinished: '2026-11-20T12:07:00.000Z',
          projects: ['lettings'],
        },
      ],
    })
  })

  test('adds to the release the page of what was pushed, and to the deploy its run', async () => {
    await send(noticeOf('succeeded', deploymentOf(7, { origin })))
    expect(sentry.releases.get(version)).toMatchObject({
      url: origin.compareUrl,
      deploys: [{ name: 'oc-lettings #7', url: origin.runUrl }],
    })
    // Sentry replaces message and author of a commit that it knows, and reopens the issues that the message fixed.
    expect(sentry.releases.get(version)?.commits).toEqual([
      { id: commit, repository: 'acme/oc-lettings' },
    ])
  })

  test('has the page of the run where the source tells no other', async () => {
    await send(noticeOf('succeeded', deploymentOf(7, { origin: { ...origin, compareUrl: null } })))
    expect(sentry.releases.get(version)).toMatchObject({ url: origin.runUrl })
  })

  test('creates one deploy however often the notice is sent', async () => {
    await send(noticeOf('succeeded'))
    expect(await send(noticeOf('succeeded'))).toEqual(sent)
    expect(sentry.releases.get(version)?.deploys).toHaveLength(1)
    expect(sentry.releases.size).toBe(1)
  })

  test.each([
    ['the release', isCall('POST', '/releases/')],
    ['its date', isCall('PUT', `/${version}/`)],
    ['the deploy', isCall('POST', '/deploys/')],
  ])('creates one deploy where the answer to %s was lost', async (_what, isFitting) => {
    sentry.fate = onceFor(isFitting, { kind: 'lose' })
    expect(await send(noticeOf('succeeded'))).toMatchObject({ kind: 'later' })
    expect(await send(noticeOf('succeeded'))).toEqual(sent)
    expect(sentry.releases.get(version)?.deploys).toHaveLength(1)
    expect(sentry.releases.get(version)?.dateReleased).toBe('2026-11-20T12:07:00.000Z')
  })

  test('adds a deploy to the existing release for a rollback', async () => {
    await send(noticeOf('succeeded'))
    await send(noticeOf('rolled_back', rollbackOf(9, 8)))
    const release = sentry.releases.get(version)
    expect(release?.deploys.map(({ name }) => name)).toEqual(['oc-lettings #7', 'oc-lettings #9'])
    expect(release?.dateReleased).toBe('2026-11-20T12:07:00.000Z')
  })

  test('adds a deploy for each environment to one release', async () => {
    await send(noticeOf('succeeded', deploymentOf(7, { environment: 'staging' })))
    await send(noticeOf('succeeded'))
    expect(sentry.releases.get(version)?.deploys.map((one) => one.environment)).toEqual([
      'staging',
      'production',
    ])
  })

  test('uses the release and environment of the container', async () => {
    await send(noticeOf('succeeded', deploymentOf(7, { commit: null })))
    const env = { SENTRY_RELEASE: 'lettings-2026', SENTRY_ENVIRONMENT: 'eu' }
    await send(noticeOf('succeeded'), reportingApp({ env }))
    expect([...sentry.releases.keys()]).toEqual(['oc-lettings@dddddddddddd', 'lettings-2026'])
    expect(sentry.releases.get('oc-lettings@dddddddddddd')?.commits).toBeUndefined()
    expect(sentry.releases.get('lettings-2026')?.deploys[0]?.environment).toBe('eu')
  })

  test('refuses a release name that Sentry does not accept', async () => {
    const app = reportingApp({ env: { SENTRY_RELEASE: 'feature/x' } })
    expect(await send(noticeOf('succeeded'), app)).toMatchObject({ kind: 'refused' })
    expect(sentry.calls).toEqual([])
  })
})

test.each([
  'started',
  'failed',
  'cancelled',
  'frozen',
  'unfrozen',
  'not_rolled_back',
  'certificate_changed',
] as const)('sends nothing to Sentry for %s', async (kind) => {
  expect(await send(noticeOf(kind))).toEqual(sent)
  expect(calls()).toEqual([])
})

test('sends nothing to Sentry for a deployment rolled back before it was live', async () => {
  expect(await send(noticeOf('rolled_back'))).toEqual(sent)
  expect(calls()).toEqual([])
})

describe('Sentry: an answer', () => {
  test.each([
    [400, {}, { kind: 'refused' }, ''],
    [401, {}, { kind: 'refused' }, ': the token is not valid (any more)'],
    [403, {}, { kind: 'refused' }, ': the token lacks the scope org:ci or project:releases'],
    [404, {}, { kind: 'refused' }, ': no such organization or project, or it is in another'],
    [409, {}, { kind: 'refused' }, ''],
    [422, {}, { kind: 'refused' }, ''],
    [429, { 'retry-after': '3' }, { kind: 'later', afterSeconds: 3 }, ''],
    [500, {}, { kind: 'later', afterSeconds: null }, ''],
    [503, { 'retry-after': '60' }, { kind: 'later', afterSeconds: 60 }, ''],
  ])('classifies an answer of Sentry: %i', async (status, headers, expected, why) => {
    sentry.fate = onceFor(() => true, { kind: 'answer', status, headers })
    const result = await send(noticeOf('succeeded'))
    expect(result).toMatchObject(expected)
    expect(printed(result)).toContain(`${sentry.url.host} answered ${status}${why}`)
    expect(printed(result)).not.toContain('planted-secret')
  })

  test('times out where Sentry does not answer', async () => {
    sentry.fate = impatient.watch(() => ({ kind: 'hang' }))
    const why = `${sentry.url.host} did not answer in time`
    expect(await send(noticeOf('succeeded'))).toEqual({ kind: 'later', why, afterSeconds: null })
  })

  test('creates no deploy where the list of deploys cannot be read', async () => {
    sentry.fate = onceFor(isCall('GET', '/deploys/'), { kind: 'answer', status: 200, body: '<p>' })
    expect(await send(noticeOf('succeeded'))).toMatchObject({ kind: 'refused' })
    expect(sentry.releases.get(version)?.deploys).toEqual([])
  })
})

describe('Sentry: the secret', () => {
  test('uses sentry.io where the secret has no url', async () => {
    const asked: string[] = []
    const report = createSentryReporter({
      http: async ({ url }) => {
        asked.push(url.href)
        return { ok: false, error: { kind: 'unreachable', host: url.host } }
      },
      readSecret: secretsOf({ sentry: secretOf({ url: undefined }) }),
      clock: () => new Date(),
    })
    const why = 'sentry.io could not be reached'
    expect(await report(noticeOf('succeeded'), reportingApp())).toMatchObject({
      kind: 'later',
      why,
    })
    expect(asked).toEqual(['https://sentry.io/api/0/organizations/acme/releases/'])
  })

  test.each([
    ['no JSON', token],
    ['a token of two lines', { token: `${token}\nx` }],
    ['no project', { projects: [] }],
    ['a project by its title', { projects: ['OC Lettings'] }],
    ['an organization that is a path', { organization: 'acme/../other' }],
    ['an address that everybody could read', { url: 'http://sentry.example' }],
    ['a word that is not known', { organisation: 'acme' }],
  ])('refuses a Sentry secret with %s, and does not quote it', async (_what, more) => {
    const secret = typeof more === 'string' ? more : secretOf(more)
    const result = await sendWith(secret, noticeOf('succeeded'))
    expect(result).toEqual({
      kind: 'refused',
      why: 'the secret sentry is not { "token", "organization", "projects": […], "url"? } for Sentry',
    })
  })

  test('retries later where the Sentry secret cannot be read', async () => {
    const why = 'the secret sentry says secret_unavailable'
    expect(await sendWith(null, noticeOf('succeeded'))).toMatchObject({ kind: 'later', why })
  })
})
