import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { App } from '../../../src/deployment/app.ts'
import type { Notice } from '../../../src/deployment/notice.ts'
import { createSentryReporter } from '../../../src/report/sentry-release.ts'
import { commit } from '../../support/apps.ts'
import { startSentry, type SentryServer } from '../../support/sentry-server.ts'
import {
  createImpatientHttp,
  deploymentOf,
  factOf,
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

const tellBy = (secret: string | null, fact: Notice, app: App = reportingApp()) => {
  const readSecret = secretsOf({ sentry: secret })
  return createSentryReporter({ ...ports, readSecret })(fact, app)
}
const tell = (fact: Notice, app?: App) => tellBy(secretOf(), fact, app)
const told = { kind: 'sent' }

const calls = () => sentry.calls.map(({ method, path }) => `${method} ${path}`)
const isCall =
  (method: string, end: string) =>
  (call: Call): boolean =>
    call.method === method && call.path.endsWith(end)

describe('what went live', () => {
  test('is a release with its commit, released then, and a deploy of it', async () => {
    expect(await tell(factOf('succeeded'))).toEqual(told)
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

  test('is told once, however often', async () => {
    await tell(factOf('succeeded'))
    expect(await tell(factOf('succeeded'))).toEqual(told)
    expect(sentry.releases.get(version)?.deploys).toHaveLength(1)
    expect(sentry.releases.size).toBe(1)
  })

  test.each([
    ['the release', isCall('POST', '/releases/')],
    ['its date', isCall('PUT', `/${version}/`)],
    ['the deploy', isCall('POST', '/deploys/')],
  ])('is told once where the answer to %s was lost', async (_what, isFitting) => {
    sentry.fate = onceFor(isFitting, { kind: 'lose' })
    expect(await tell(factOf('succeeded'))).toMatchObject({ kind: 'later' })
    expect(await tell(factOf('succeeded'))).toEqual(told)
    expect(sentry.releases.get(version)?.deploys).toHaveLength(1)
    expect(sentry.releases.get(version)?.dateReleased).toBe('2026-11-20T12:07:00.000Z')
  })

  test('again by a rollback is another deploy of the release that was there', async () => {
    await tell(factOf('succeeded'))
    await tell(factOf('rolled_back', rollbackOf(9, 8)))
    const release = sentry.releases.get(version)
    expect(release?.deploys.map(({ name }) => name)).toEqual(['oc-lettings #7', 'oc-lettings #9'])
    expect(release?.dateReleased).toBe('2026-11-20T12:07:00.000Z')
  })

  test('in two environments is one release with a deploy in each', async () => {
    await tell(factOf('succeeded', deploymentOf(7, { environment: 'staging' })))
    await tell(factOf('succeeded'))
    expect(sentry.releases.get(version)?.deploys.map((one) => one.environment)).toEqual([
      'staging',
      'production',
    ])
  })

  test('has the name that the container gives to its events', async () => {
    await tell(factOf('succeeded', deploymentOf(7, { commit: null })))
    const env = { SENTRY_RELEASE: 'lettings-2026', SENTRY_ENVIRONMENT: 'eu' }
    await tell(factOf('succeeded'), reportingApp({ env }))
    expect([...sentry.releases.keys()]).toEqual(['oc-lettings@dddddddddddd', 'lettings-2026'])
    expect(sentry.releases.get('oc-lettings@dddddddddddd')?.commits).toBeUndefined()
    expect(sentry.releases.get('lettings-2026')?.deploys[0]?.environment).toBe('eu')
  })

  test('under a name that Sentry does not take is refused', async () => {
    const app = reportingApp({ env: { SENTRY_RELEASE: 'feature/x' } })
    expect(await tell(factOf('succeeded'), app)).toMatchObject({ kind: 'refused' })
    expect(sentry.calls).toEqual([])
  })
})

test.each(['started', 'failed', 'cancelled', 'frozen', 'unfrozen', 'not_rolled_back'] as const)(
  'Sentry has no use for %s',
  async (kind) => {
    expect(await tell(factOf(kind))).toEqual(told)
    expect(calls()).toEqual([])
  },
)

test('nor for a deployment that was taken back before it was live', async () => {
  expect(await tell(factOf('rolled_back'))).toEqual(told)
  expect(calls()).toEqual([])
})

describe('an answer of', () => {
  test.each([
    [400, {}, { kind: 'refused' }, ''],
    [401, {}, { kind: 'refused' }, ': the token is not valid (any more)'],
    [403, {}, { kind: 'refused' }, ': the token lacks the scope org:ci or project:releases'],
    [404, {}, { kind: 'refused' }, ': no such organization or project, or it lies in another'],
    [409, {}, { kind: 'refused' }, ''],
    [422, {}, { kind: 'refused' }, ''],
    [429, { 'retry-after': '3' }, { kind: 'later', afterSeconds: 3 }, ''],
    [500, {}, { kind: 'later', afterSeconds: null }, ''],
    [503, { 'retry-after': '60' }, { kind: 'later', afterSeconds: 60 }, ''],
  ])('%i', async (status, headers, expected, why) => {
    sentry.fate = onceFor(() => true, { kind: 'answer', status, headers })
    const telling = await tell(factOf('succeeded'))
    expect(telling).toMatchObject(expected)
    expect(printed(telling)).toContain(`${sentry.url.host} answered ${status}${why}`)
    expect(printed(telling)).not.toContain('planted-secret')
  })

  test('nothing is waited for, but not for long', async () => {
    sentry.fate = impatient.watch(() => ({ kind: 'hang' }))
    const why = `${sentry.url.host} did not answer in time`
    expect(await tell(factOf('succeeded'))).toEqual({ kind: 'later', why, afterSeconds: null })
  })

  test('something else than deploys makes no second one', async () => {
    sentry.fate = onceFor(isCall('GET', '/deploys/'), { kind: 'answer', status: 200, body: '<p>' })
    expect(await tell(factOf('succeeded'))).toMatchObject({ kind: 'refused' })
    expect(sentry.releases.get(version)?.deploys).toEqual([])
  })
})

describe('a secret', () => {
  test('need not name an address: sentry.io is meant', async () => {
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
    expect(await report(factOf('succeeded'), reportingApp())).toMatchObject({ kind: 'later', why })
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
  ])('with %s is refused, and not repeated', async (_what, more) => {
    const secret = typeof more === 'string' ? more : secretOf(more)
    const telling = await tellBy(secret, factOf('succeeded'))
    expect(telling).toEqual({
      kind: 'refused',
      why: 'the secret sentry is not { "token", "organization", "projects": […], "url"? } for Sentry',
    })
  })

  test('that cannot be read is read later', async () => {
    const why = 'the secret sentry cannot be read now'
    expect(await tellBy(null, factOf('succeeded'))).toMatchObject({ kind: 'later', why })
  })
})
