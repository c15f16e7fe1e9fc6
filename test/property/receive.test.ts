import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { receive } from '../../src/delivery/receive.ts'
import { toRequest } from '../../src/delivery/request.ts'
import { fail } from '../../src/kernel/result.ts'
import { dockerHubToken } from '../../src/sources/docker-hub.ts'
import { pushBody, runBody, signGithub } from '../support/github-events.ts'
import { createReceiving, dockerHubSecret, githubSecret } from '../support/receiving.ts'

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
  ),
  fc.string({ unit: 'binary' }),
)
const body = fc.oneof(
  fc.constant(null),
  fc.constant(JSON.stringify(pushBody())),
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

const statuses = new Set([200, 202, 400, 401, 404, 413, 415, 503])

describe('whatever is sent', () => {
  it('is answered, and costs no write where the sender has no secret', async () => {
    await fc.assert(
      fc.asyncProperty(fc.oneof(event, apparent), async (sent) => {
        const { services, calls } = createReceiving()
        const response = await receive(toRequest(sent), services)
        expect(statuses).toContain(response.statusCode)
        expect(response.statusCode).toBeGreaterThanOrEqual(400)
        // Only CircleCI is not set up here.
        expect(response.statusCode === 503).toBe(response.body.includes('secret_unavailable'))
        expect(calls).toEqual([])
      }),
      { numRuns: 2000 },
    )
  })

  it('is never taken where no secret can be read', async () => {
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

const json = fc.oneof(
  fc.json().map((text) => Buffer.from(text)),
  fc.uint8Array({ minLength: 1 }).map((bytes) => Buffer.from(bytes)),
  // A real body with one of its fields replaced by anything.
  fc
    .tuple(
      fc.constantFrom<Record<string, unknown>>(pushBody(), runBody()),
      fc.string(),
      fc.jsonValue(),
      fc.boolean(),
    )
    .map(([body, name, value, nested]) => {
      const names = Object.keys(body)
      const key = names[name.length % names.length] ?? name
      const inner = body[key]
      const changed =
        nested && typeof inner === 'object' && inner !== null
          ? { ...inner, [Object.keys(inner)[name.length % 5] ?? name]: value }
          : value
      return Buffer.from(JSON.stringify({ ...body, [key]: changed }))
    }),
)

describe('whatever is signed', () => {
  it('by GitHub is answered without a 5xx', async () => {
    const eventName = fc.constantFrom('push', 'workflow_run', 'ping', 'issues', '', '__proto__')
    const type = fc.constantFrom('application/json', 'application/x-www-form-urlencoded')
    await fc.assert(
      fc.asyncProperty(json, eventName, type, async (bytes, name, contentType) => {
        const { services, calls } = createReceiving()
        const response = await receive(
          toRequest({
            rawPath: '/hooks/github',
            requestContext: { http: { method: 'POST' } },
            headers: {
              'content-type': contentType,
              'x-github-event': name,
              'x-hub-signature-256': signGithub(githubSecret, bytes),
            },
            body: bytes.toString('base64'),
            isBase64Encoded: true,
          }),
          services,
        )
        expect(response.statusCode).toBeLessThan(402)
        expect(calls.length > 0).toBe(response.statusCode < 300)
      }),
      { numRuns: 2000 },
    )
  })

  it('by the path of Docker Hub is answered without a 5xx', async () => {
    await fc.assert(
      fc.asyncProperty(json, async (bytes) => {
        const { services, calls } = createReceiving()
        const response = await receive(
          toRequest({
            rawPath: `/hooks/docker-hub/oc-lettings/${token}`,
            requestContext: { http: { method: 'POST' } },
            headers: { 'content-type': 'application/json' },
            body: bytes.toString('base64'),
            isBase64Encoded: true,
          }),
          services,
        )
        expect([200, 202, 400]).toContain(response.statusCode)
        expect(calls.length > 0).toBe(response.statusCode < 300)
      }),
    )
  })
})
