import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { receive } from '../../src/delivery/receive.ts'
import { toRequest } from '../../src/delivery/request.ts'
import { fail } from '../../src/kernel/result.ts'
import { dockerHubToken } from '../../src/sources/docker-hub.ts'
import { appOf, configurationOf } from '../support/apps.ts'
import { githubAppBody, oauthBody, signCircleci } from '../support/circleci-events.ts'
import { pushBody, runBody, signGithub } from '../support/github-events.ts'
import {
  circleciSecret,
  createReceiving,
  dockerHubSecret,
  githubSecret,
} from '../support/receiving.ts'

const token = dockerHubToken(dockerHubSecret, 'oc-lettings')

const path = fc.oneof(
  fc.constantFrom(
    '/hooks/github',
    '/hooks/circleci',
    `/hooks/docker-hub/oc-lettings/${'0'.repeat(64)}`,
    '/healthz',
  ),
  fc.string({ unit: 'binary' }).map((text) => `/hooks/docker-hub/${text}`),
  fc.string({ unit: 'binary' }).map((text) => `/${text}`),
)
const method = fc.constantFrom('POST', 'POST', 'POST', 'GET', 'OPTIONS', '')
const headerName = fc.oneof(
  fc.constantFrom(
    'content-type',
    'Content-Type',
    'x-hub-signature-256',
    'x-github-event',
    'circleci-signature',
    'Circleci-Signature',
    'circleci-event-type',
    '__proto__',
  ),
  fc.string(),
)
const headerValue = fc.oneof(
  fc.constantFrom(
    'application/json',
    'application/x-www-form-urlencoded',
    'push',
    `sha256=${'0'.repeat(64)}`,
    signGithub('guessed', '{}'),
    'workflow-completed',
    `v1=${'0'.repeat(64)}`,
    signCircleci('guessed', JSON.stringify(oauthBody())),
    // The right signature of another version, and of another body.
    signCircleci(circleciSecret, JSON.stringify(oauthBody())).replace('v1=', 'v0='),
    signCircleci(circleciSecret, 'another'),
  ),
  fc.string({ unit: 'binary' }),
)
const body = fc.oneof(
  fc.constant(null),
  fc.constant(JSON.stringify(pushBody())),
  fc.constant(JSON.stringify(oauthBody())),
  fc.json(),
  fc.string({ unit: 'binary' }),
  fc.base64String(),
  fc.uint8Array().map((bytes) => Buffer.from(bytes).toString('base64')),
)
const event = fc.record({
  rawPath: path,
  requestContext: fc.record({ http: fc.record({ method }) }),
  headers: fc.dictionary(headerName, headerValue, { noNullPrototype: true }),
  body,
  isBase64Encoded: fc.boolean(),
})
const apparent = event.map((one) => ({
  ...one,
  requestContext: { http: { method: 'POST' } },
  headers: { 'content-type': 'application/json', ...one.headers },
}))

/** None of these is signed, so the sender may have no secret. */
const refusals = new Set([401, 404, 413, 415])

describe('receive: any request', () => {
  it('refuses every request of a sender without a secret, and writes nothing', async () => {
    await fc.assert(
      fc.asyncProperty(fc.oneof(event, apparent), async (sent) => {
        const { services, calls } = createReceiving()
        const response = await receive(toRequest(sent), services)
        expect(refusals).toContain(response.statusCode)
        expect(calls).toEqual([])
      }),
      { numRuns: 2000 },
    )
  })

  it('accepts no request while no secret can be read', async () => {
    const secrets = {
      load: async () => fail('secret_unavailable' as const),
      refresh: async () => fail('secret_unavailable' as const),
    }
    await fc.assert(
      fc.asyncProperty(apparent, async (sent) => {
        const { services, calls } = createReceiving({ secrets })
        const response = await receive(toRequest(sent), services)
        expect([404, 413, 415, 503]).toContain(response.statusCode)
        expect(calls).toEqual([])
      }),
    )
  })
})

/** Replaces the n-th field of the n-th field … of a value. */
const replaceAt = (whole: unknown, [at = 0, ...path]: readonly number[], by: unknown): unknown => {
  const fields = typeof whole === 'object' && whole !== null ? Object.entries(whole) : []
  const [name, inner] = fields[at % fields.length] ?? []
  if (name === undefined) return by
  const replaced = path.length === 0 ? by : replaceAt(inner, path, by)
  return { ...Object.fromEntries(fields), [name]: replaced }
}

const json = fc.oneof(
  fc.json().map((text) => Buffer.from(text)),
  fc.uint8Array({ minLength: 1 }).map((bytes) => Buffer.from(bytes)),
  // A real body with one value in it, at any depth, replaced by anything.
  fc
    .tuple(
      fc.constantFrom<unknown>(pushBody(), runBody(), oauthBody(), githubAppBody()),
      fc.array(fc.nat(), { minLength: 1, maxLength: 4 }),
      fc.jsonValue(),
    )
    .map(([body, path, value]) => Buffer.from(JSON.stringify(replaceAt(body, path, value)))),
)

/** A POST request as API Gateway sends it. */
const post = (rawPath: string, headers: Readonly<Record<string, string>>, bytes: Buffer) =>
  toRequest({
    rawPath,
    requestContext: { http: { method: 'POST' } },
    headers,
    body: bytes.toString('base64'),
    isBase64Encoded: true,
  })

describe('receive: any signed body', () => {
  it('answers any signed body of GitHub without a 5xx', async () => {
    const eventName = fc.constantFrom('push', 'workflow_run', 'ping', 'issues', '', '__proto__')
    const type = fc.constantFrom('application/json', 'application/x-www-form-urlencoded')
    await fc.assert(
      fc.asyncProperty(json, eventName, type, async (bytes, name, contentType) => {
        const { services, calls } = createReceiving()
        const headers = {
          'content-type': contentType,
          'x-github-event': name,
          'x-hub-signature-256': signGithub(githubSecret, bytes),
        }
        const response = await receive(post('/hooks/github', headers, bytes), services)
        expect(response.statusCode).toBeLessThan(402)
        expect(calls.length > 0).toBe(response.statusCode < 300)
      }),
      { numRuns: 2000 },
    )
  })

  it('answers any signed body of CircleCI without a 5xx, and records evidence only for pushes to the branch', async () => {
    const requires = [{ kind: 'ci', ci: 'circleci', workflow: 'ci' }] as const
    await fc.assert(
      fc.asyncProperty(json, async (bytes) => {
        const { services, calls, evidence, receipts } = createReceiving(
          {},
          configurationOf(appOf('oc-lettings', { requires })),
        )
        const headers = {
          'content-type': 'application/json',
          'circleci-signature': signCircleci(circleciSecret, bytes),
        }
        const response = await receive(post('/hooks/circleci', headers, bytes), services)
        expect([200, 202, 400]).toContain(response.statusCode)
        expect(calls.length > 0).toBe(response.statusCode < 300)
        expect(evidence.size).toBe(response.statusCode === 202 ? 1 : 0)
        for (const { parsed, matches } of receipts.filter(({ reason }) => reason === 'recorded')) {
          expect(parsed).toMatchObject({ kind: 'ci_run', isPush: true, branch: 'main' })
          expect(matches).toHaveLength(1)
        }
      }),
      { numRuns: 2000 },
    )
  })

  it('answers any body on the path of Docker Hub without a 5xx', async () => {
    await fc.assert(
      fc.asyncProperty(json, async (bytes) => {
        const { services, calls } = createReceiving()
        const path = `/hooks/docker-hub/oc-lettings/${token}`
        const headers = { 'content-type': 'application/json' }
        const response = await receive(post(path, headers, bytes), services)
        expect([200, 202, 400]).toContain(response.statusCode)
        expect(calls.length > 0).toBe(response.statusCode < 300)
      }),
    )
  })
})
