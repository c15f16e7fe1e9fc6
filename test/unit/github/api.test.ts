import { createPrivateKey } from 'node:crypto'
import { afterEach, describe, expect, test } from 'vitest'
import type { Ask } from '../../../src/api/client.ts'
import { createOpenGithub } from '../../../src/github/api.ts'
import { http } from '../../../src/kernel/http.ts'
import { fail } from '../../../src/kernel/result.ts'
import type { ReadCurrentSecret } from '../../../src/secrets/named-secret.ts'
import {
  startGithub,
  type GithubServer,
  type GithubServerOptions,
} from '../../support/github-server.ts'
import { newKey, printed, secretsOf } from '../../support/reports.ts'
import { onceFor } from '../../../local/base/vendor.ts'

const { publicKey, privateKey } = newKey()
const repository = 'acme/oc-lettings'
const secret = 'landfall/test/github'

let server: GithubServer | null = null
afterEach(async () => {
  await server?.stop()
  expect(server?.violations ?? []).toEqual([])
})

/** A clock that stands still until it is moved. */
const createClock = () => {
  let now = new Date('2026-11-20T12:00:00Z')
  return {
    clock: () => now,
    wait: (minutes: number) => {
      now = new Date(now.getTime() + minutes * 60_000)
    },
  }
}

const start = async (readSecret: ReadCurrentSecret, options: GithubServerOptions = {}) => {
  const { clock, wait } = createClock()
  let made = 0
  server = await startGithub({
    now: clock,
    app: {
      id: '4711',
      publicKey,
      installation: 12,
      makeToken: () => ({
        // As they look since 2026: no 40 characters.
        token: `ghs_4711_${'x'.repeat(300)}.${(made += 1)}`,
        expiresAt: new Date(clock().getTime() + 3_600_000).toISOString(),
      }),
    },
    ...options,
  })
  const ports = { http, readSecret, clock, baseUrl: server.url }
  const open = createOpenGithub(ports)
  const ask: Ask = (sent) => open(secret, repository, 10_000)(sent)
  return { server, wait, ask }
}

const appSecret = (more: object = {}) =>
  secretsOf({ [secret]: JSON.stringify({ appId: 4711, privateKey, ...more }) })

/** The token of the last request. */
const sentTo = ({ calls }: GithubServer) => calls.at(-1)?.headers.authorization

const request = { method: 'GET', path: '/deployments' } as const

const callsOf = ({ calls }: GithubServer) => calls.map(({ method, path }) => `${method} ${path}`)

const asking = `GET /repos/${repository}/deployments`
const finding = `GET /repos/${repository}/installation`
const getting = 'POST /app/installations/12/access_tokens'

describe('GitHub API: a token as text', () => {
  test('uses a token without asking GitHub, and removes the line break of its file', async () => {
    const { ask, server } = await start(secretsOf({ [secret]: 'github_pat_abcdefgh\n' }))
    server.tokens.add('github_pat_abcdefgh')
    expect(await ask(request)).toMatchObject({ ok: true })
    expect(sentTo(server)).toBe('Bearer github_pat_abcdefgh')
    expect(callsOf(server)).toEqual([asking])
  })

  test('reads the token again after five minutes, so that it finds a rotated one', async () => {
    let reads = 0
    const { ask, server, wait } = await start(async (name, version) => {
      reads += 1
      return secretsOf({ [secret]: `github_pat_${reads}_abcdefgh` })(name, version)
    })
    for (const read of [1, 2]) server.tokens.add(`github_pat_${read}_abcdefgh`)
    await ask(request)
    await ask(request)
    expect(reads).toBe(1)
    wait(6)
    await ask(request)
    expect(sentTo(server)).toBe('Bearer github_pat_2_abcdefgh')
  })
})

describe('GitHub API: a GitHub App', () => {
  test('finds the installation of an App and requests a token for the one repository', async () => {
    const { ask, server } = await start(appSecret())
    expect(await ask(request)).toMatchObject({ ok: true })
    expect(sentTo(server)).toMatch(/^Bearer ghs_4711_x+\.1$/)
    expect(callsOf(server)).toEqual([finding, getting, asking])
    expect(server.calls[1]?.body).toEqual({ repositories: ['oc-lettings'] })
  })

  test('never sends the key of an App, and prints neither key nor token', async () => {
    const { ask, server } = await start(appSecret())
    const answered = await ask({ ...request, path: '/deployments/99/statuses' })
    const middle = privateKey.split('\n')[5] ?? privateKey
    expect(answered).toMatchObject({ ok: false })
    for (const text of [printed(answered), printed(server.calls)])
      expect(text).not.toContain(middle)
    expect(printed(answered)).not.toContain('ghs_')
  })

  test('does not look up an installation that the secret names', async () => {
    const { ask, server } = await start(appSecret({ installationId: 12 }))
    expect(await ask(request)).toMatchObject({ ok: true })
    expect(callsOf(server)).toEqual([getting, asking])
  })

  test('keeps an installation token until five minutes before it expires, then requests a new one', async () => {
    const { ask, server, wait } = await start(appSecret({ installationId: '12' }))
    await ask(request)
    wait(54)
    await ask(request)
    expect(callsOf(server)).toEqual([getting, asking, asking])
    wait(1)
    await ask(request)
    expect(sentTo(server)).toMatch(/\.2$/)
  })

  test.each([
    ['whose line breaks were escaped twice', privateKey.replaceAll('\n', '\\n')],
    ['in PKCS#8', createPrivateKey(privateKey).export({ type: 'pkcs8', format: 'pem' })],
  ])('accepts the key of an App %s', async (_what, key) => {
    const { ask } = await start(appSecret({ privateKey: key }))
    expect(await ask(request)).toMatchObject({ ok: true })
  })

  test.each([
    ['is not installed on the repository', { repository: 'acme/other' }, 'not installed'],
    [
      'has another key than the secret',
      {
        app: {
          id: '4711',
          publicKey: newKey().publicKey,
          installation: 12,
          makeToken: () => ({ token: 'x', expiresAt: '' }),
        },
      },
      "the App's id or key is not right",
    ],
  ])('refuses an App that %s', async (_what, options, why) => {
    const { ask } = await start(appSecret(), options)
    const answered = await ask(request)
    expect(answered).toMatchObject({ ok: false, error: { kind: 'refused' } })
    expect(printed(answered)).toContain(why)
  })

  test('returns a later where an App gets no token now', async () => {
    const { ask, server } = await start(appSecret())
    server.fate = () => ({ kind: 'answer', status: 503, headers: { 'retry-after': '30' } })
    expect(await ask(request)).toEqual({
      ok: false,
      error: { kind: 'later', why: `${server.url.host} answered 503`, afterSeconds: 30 },
    })
    server.fate = () => ({ kind: 'answer', status: 200, body: '<html>' })
    expect(await ask(request)).toMatchObject({ error: { kind: 'later' } })
  })
})

describe('GitHub API: an unusable secret', () => {
  const hidden = 'planted-secret-value'
  test.each([
    ['two lines', `github_pat_abcdefgh\n${hidden}`, 'is not a single token on one line'],
    ['nothing', '', 'is not a single token on one line'],
    ['JSON of something else', `{"token": "${hidden}"}`, 'of a GitHub App'],
    ['broken JSON', `{"appId": 1, "privateKey": "${hidden}`, 'of a GitHub App'],
    ['a key that is none', JSON.stringify({ appId: 1, privateKey: hidden }), 'no RSA key in PEM'],
  ])('refuses a secret that is %s, and names it without its text', async (_what, text, why) => {
    const { ask } = await start(secretsOf({ [secret]: text }))
    const answered = await ask(request)
    expect(answered).toMatchObject({ ok: false, error: { kind: 'refused' } })
    expect(printed(answered)).toContain(`the secret ${secret}`)
    expect(printed(answered)).toContain(why)
    expect(printed(answered)).not.toContain(hidden)
  })

  test.each([
    [{}, 'says secret_missing'],
    [{ [secret]: null }, 'says secret_unavailable'],
  ])('returns a later for a secret that is missing or cannot be read', async (secrets, why) => {
    const { ask } = await start(secretsOf(secrets))
    expect(await ask(request)).toEqual({
      ok: false,
      error: { kind: 'later', why: `the secret ${secret} ${why}`, afterSeconds: null },
    })
  })
})

describe('GitHub API: a request', () => {
  test('repeats a request once with a new token after a 401', async () => {
    const { ask, server } = await start(appSecret({ installationId: 12 }))
    expect(await ask(request)).toMatchObject({ ok: true })
    server.tokens.clear()
    expect(await ask(request)).toMatchObject({ ok: true })
    expect(server.calls.filter(({ path }) => path.endsWith('access_tokens'))).toHaveLength(2)
  })

  test('refuses a request whose token is rejected twice', async () => {
    const { ask, server } = await start(secretsOf({ [secret]: 'github_pat_planted-secret' }))
    const answered = await ask(request)
    expect(answered).toEqual({
      ok: false,
      error: {
        kind: 'refused',
        why: `${server.url.host} answered 401: the token is not valid (any more)`,
      },
    })
    expect(server.calls).toHaveLength(2)
  })

  test.each([
    ['429 with Retry-After', 429, { 'retry-after': '7' }, {}, 'later', 7],
    [
      'a secondary limit without a time',
      403,
      {},
      { message: 'You have exceeded a secondary rate limit.' },
      'later',
      60,
    ],
    ['a missing permission', 403, {}, { message: 'Resource not accessible' }, 'refused', undefined],
    ['404', 404, {}, {}, 'refused', undefined],
    ['409', 409, {}, { message: 'Conflict' }, 'refused', undefined],
    ['422', 422, {}, { message: 'No ref found for: 0123' }, 'refused', undefined],
    ['a moved repository', 307, { location: '/repositories/1' }, {}, 'refused', undefined],
    ['502 with HTML', 502, {}, '<html>', 'later', null],
  ])('classifies an answer: %s', async (_what, status, headers, body, kind, afterSeconds) => {
    const { ask, server } = await start(secretsOf({ [secret]: 'github_pat_abcdefgh' }))
    server.fate = onceFor(() => true, { kind: 'answer', status, headers, body })
    const answered = await ask({ method: 'POST', path: '/deployments', body })
    expect(answered).toMatchObject({
      ok: false,
      error: { kind, ...(afterSeconds !== undefined && { afterSeconds }) },
    })
    expect(!answered.ok && answered.error.why).toContain(`${server.url.host} answered ${status}`)
  })

  test("quotes GitHub's error text without tokens", async () => {
    const token = `github_pat_${'Ab1_'.repeat(20)}`
    const { ask, server } = await start(secretsOf({ [secret]: token }))
    const message = `No ref found for: main (${token})`
    server.fate = () => ({ kind: 'answer', status: 422, body: { message } })
    const answered = await ask(request)
    expect(!answered.ok && answered.error.why).toContain('No ref found for: main ([REDACTED])')
  })

  test("quotes GitHub's error text without a token of another form, also one in two", async () => {
    const { ask, server } = await start(secretsOf({ [secret]: 'a-plain-key' }))
    const message = 'Bad key: a-plain-key, a-plain\u200B-key'
    server.fate = () => ({ kind: 'answer', status: 422, body: { message } })
    const answered = await ask(request)
    expect(!answered.ok && answered.error.why).toContain('Bad key: [REDACTED], [REDACTED]')
  })

  test.each([
    ['https://api.github.com', 'https://api.github.com/repos/acme/oc-lettings/deployments'],
    [
      'https://github.example/api/v3/',
      'https://github.example/api/v3/repos/acme/oc-lettings/deployments',
    ],
  ])('sends requests below the path of %s', async (baseUrl, url) => {
    const asked: string[] = []
    const open = createOpenGithub({
      http: async (sent) => {
        asked.push(sent.url.href)
        return fail({ kind: 'timeout', host: sent.url.host })
      },
      readSecret: secretsOf({ [secret]: 'github_pat_abcdefgh' }),
      clock: () => new Date(),
      baseUrl: new URL(baseUrl),
    })
    await open(secret, repository, 10_000)(request)
    expect(asked).toEqual([url])
  })
})
