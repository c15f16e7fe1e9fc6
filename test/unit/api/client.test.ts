import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import * as z from 'zod'
import {
  createApiClient,
  limitTo,
  toBearer,
  type Api,
  type ApiRequest,
} from '../../../src/api/client.ts'
import { addSeconds, toInstant } from '../../../src/kernel/clock.ts'
import { later, type ForeignFailure } from '../../../src/kernel/foreign.ts'
import { http, type Http } from '../../../src/kernel/http.ts'
import { parseJson } from '../../../src/kernel/json.ts'
import { Redacted } from '../../../src/kernel/redacted.ts'
import { fail, succeed } from '../../../src/kernel/result.ts'
import { onceFor, startVendor, type Answer, type Vendor } from '../../../local/base/vendor.ts'
import { printed } from '../../support/reports.ts'

const start = '2026-11-20T12:00:00.000Z'
const planted = 'e5c1f6d0-planted-token'

let vendor: Vendor
let accepted: string
let secret: string
let reads: number
let now: string

beforeEach(async () => {
  accepted = planted
  secret = planted
  reads = 0
  now = start
  vendor = await startVendor(({ headers, path }) =>
    headers.authorization === `Bearer ${accepted}`
      ? { status: 200, body: { path } }
      : { status: 401, body: { id: 'unauthorized', message: 'Invalid credentials' } },
  )
})
afterEach(async () => {
  await vendor.stop()
  expect(vendor.violations).toEqual([])
})

type Settings = Partial<Api<ForeignFailure>> & { readonly keptSeconds?: number | null }

/** A client of the vendor, whose token stands in `secret` and is kept for five minutes. */
const createAsk = ({ keptSeconds = 300, ...api }: Settings = {}, by: Http = http) =>
  createApiClient(() => new Date(now))<ForeignFailure>(
    {
      url: `${vendor.url.origin}/v3`,
      headers: { accept: 'application/vnd.vendor+json; version=3' },
      credential: 'landfall/test/vendor',
      authorize: async () => {
        reads += 1
        const keptUntil = keptSeconds === null ? null : addSeconds(now, keptSeconds)
        return succeed({ header: toBearer(new Redacted(secret)), keptUntil })
      },
      meanings: { 404: 'there is no such app' },
      toFailure: (failure) => failure,
      ...api,
    },
    by,
  )

const read: ApiRequest = { method: 'GET', path: '/apps?max=1' }
const change: ApiRequest = { method: 'PATCH', path: '/formation', body: { quantity: 1 } }

const answerOnce = (answer: Answer): void => {
  vendor.fate = onceFor(() => true, { kind: 'answer', ...answer })
}

const why = (text: string) => `${vendor.url.host} ${text}`
const refusedWith = (text: string) => fail({ kind: 'refused', why: why(text) })
const laterWith = (text: string, afterSeconds: number | null = null) =>
  fail(later(why(text), afterSeconds))

describe('API client: a request', () => {
  test('sends a request below the address of the API, with its headers and token', async () => {
    const answered = await createAsk()(read)
    expect(answered).toMatchObject({ ok: true, value: { status: 200 } })
    expect(answered.ok && parseJson(z.unknown(), answered.value.body)).toEqual({ path: '/v3/apps' })
    expect(vendor.calls[0]).toMatchObject({
      method: 'GET',
      query: { max: '1' },
      headers: {
        accept: 'application/vnd.vendor+json; version=3',
        authorization: `Bearer ${planted}`,
      },
      body: undefined,
    })
  })

  test('sends the body as JSON, and the headers of a request override those of the API', async () => {
    const accept = 'application/vnd.vendor+json; version=3.docker-releases'
    await createAsk()({ ...change, headers: { accept } })
    expect(vendor.calls[0]).toMatchObject({
      method: 'PATCH',
      headers: { accept, 'content-type': 'application/json' },
      body: { quantity: 1 },
    })
  })
})

describe('API client: the token', () => {
  test('keeps a token for its time, then loads it again', async () => {
    const ask = createAsk()
    await ask(read)
    now = addSeconds(start, 299)
    await ask(read)
    expect(reads).toBe(1)
    now = addSeconds(start, 300)
    await ask(read)
    expect(reads).toBe(2)
  })

  test('loads a replaced token once for simultaneous requests', async () => {
    const ask = createAsk()
    await ask(read)
    accepted = 'renewed-token'
    secret = 'renewed-token'
    vendor.fate = ({ query }) =>
      query['late'] === '1' ? { kind: 'slow', milliseconds: 100 } : null
    const slow = ask({ ...read, path: '/apps?late=1' })
    expect(await ask(read)).toMatchObject({ ok: true })
    expect(await slow).toMatchObject({ ok: true })
    expect(reads).toBe(2)
  })

  test('does not keep a token for one request', async () => {
    const ask = createAsk({ keptSeconds: null })
    await ask(read)
    await ask(read)
    expect(reads).toBe(2)
  })

  test('loads a replaced token after a 401 and repeats the request', async () => {
    const ask = createAsk()
    await ask(read)
    accepted = 'renewed-token'
    secret = 'renewed-token'
    expect(await ask(change)).toMatchObject({ ok: true })
    expect(vendor.calls.map(({ method, headers }) => [method, headers.authorization])).toEqual([
      ['GET', `Bearer ${planted}`],
      ['PATCH', `Bearer ${planted}`],
      ['PATCH', 'Bearer renewed-token'],
    ])
  })

  test('refuses after a second 401, and loads the token again for the next request', async () => {
    secret = 'wrong-token'
    const ask = createAsk()
    expect(await ask(read)).toEqual(refusedWith('answered 401: Invalid credentials'))
    expect(vendor.calls).toHaveLength(2)
    secret = planted
    expect(await ask(read)).toMatchObject({ ok: true })
    expect(reads).toBe(3)
  })

  test('does not repeat a request after a 401 to a token that is not kept', async () => {
    secret = 'wrong-token'
    expect(await createAsk({ keptSeconds: null })(read)).toMatchObject({ ok: false })
    expect(vendor.calls).toHaveLength(1)
  })

  test('returns the failure of the authorization and sends nothing', async () => {
    const failure = later('the secret cannot be read now')
    expect(await createAsk({ authorize: async () => fail(failure) })(read)).toEqual(fail(failure))
    expect(vendor.calls).toEqual([])
  })
})

test('API client: refuses a 403 of a service that limits by 429 only, whatever it says', async () => {
  const headers = { 'retry-after': '20', 'x-ratelimit-remaining': '0' }
  answerOnce({ status: 403, headers, body: { message: 'suspended for abuse' } })
  expect(await createAsk()(read)).toEqual(refusedWith('answered 403: suspended for abuse'))
})

describe('API client: too many requests', () => {
  const reset = String(Date.parse(start) / 1000 + 90)
  const usedUp = { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': reset }
  test.each<[string, Answer, number]>([
    ['seconds', { status: 429, headers: { 'retry-after': '7' } }, 7],
    ['a date', { status: 429, headers: { 'retry-after': 'Fri, 20 Nov 2026 12:02:00 GMT' } }, 120],
    ['a date that is over', { status: 429, headers: { 'retry-after': start } }, 1],
    ['more than a day', { status: 429, headers: { 'retry-after': '999999999' } }, 86_400],
    ['nothing', { status: 429 }, 60],
    ['nonsense', { status: 429, headers: { 'retry-after': 'soon' } }, 60],
    ['the end of the hour', { status: 403, headers: usedUp }, 90],
    ['seconds, by 403', { status: 403, headers: { 'retry-after': '20' } }, 20],
    ['words, by 403', { status: 403, body: { message: 'secondary rate limit' } }, 60],
  ])('returns the time to wait for %s', async (_what, answer, seconds) => {
    answerOnce(answer)
    const text = `answered ${answer.status}: too many requests`
    expect(await createAsk({ limits403: true })(read)).toEqual(laterWith(text, seconds))
  })

  test('holds back the requests under an exceeded limit, and no others', async () => {
    const ask = createAsk({ toLimit: ({ method }) => method })
    answerOnce({ status: 429, headers: { 'retry-after': '30' } })
    await ask(read)
    now = addSeconds(start, 29)
    expect(await ask(read)).toEqual(laterWith('asked to wait: too many requests'))
    expect(await ask(change)).toMatchObject({ ok: true })
    expect(vendor.calls).toHaveLength(2)
    now = addSeconds(start, 30)
    expect(await ask(read)).toMatchObject({ ok: true })
  })
})

describe('API client: an answer', () => {
  test.each([408, 425, 500, 502, 503])('returns a later for status %i', async (status) => {
    answerOnce({ status, headers: { 'retry-after': '30' }, body: '<html>' })
    expect(await createAsk()(read)).toEqual(laterWith(`answered ${status}`, 30))
  })

  test.each<[string, Answer, string]>([
    ['a meaning', { status: 404, body: { message: 'x' } }, 'answered 404: there is no such app'],
    [
      'a complaint',
      { status: 422, body: { id: 'invalid_params', message: 'Unknown type: wbe' } },
      'answered 422: Unknown type: wbe',
    ],
    ['no JSON', { status: 422, body: '<html>' }, 'answered 422'],
    ['JSON of something else', { status: 422, body: ['message'] }, 'answered 422'],
    [
      'control characters',
      { status: 422, body: { message: 'one\r\n\u001B[31mtwo\u202E \u0000' } },
      'answered 422: one two',
    ],
    ['a long text', { status: 422, body: { message: 'word '.repeat(99) } }, 'word word word'],
  ])('refuses a 4xx answer with %s in its words', async (_what, answer, text) => {
    answerOnce(answer)
    const answered = await createAsk()(read)
    expect(answered).toMatchObject({ ok: false, error: { kind: 'refused' } })
    const said = answered.ok ? '' : answered.error.why
    if (text.startsWith('answered')) expect(said).toBe(why(text))
    else expect(said).toContain(text)
    expect(said.length).toBeLessThan(200)
  })

  test.each([
    ['the token that was sent', planted],
    ['what looks like a token', `ghs_${'x'.repeat(36)}`],
    ['what is as long as a token', 'Ab1_'.repeat(20)],
    ['a token that the end cuts', `${'word '.repeat(22)}${planted}`],
  ])('quotes an answer without %s', async (_what, message) => {
    answerOnce({ status: 422, body: { message: `not good: ${message}` } })
    const answered = await createAsk()(read)
    expect(printed(answered)).toContain('not good: ')
    for (const part of [planted.slice(0, 9), 'x'.repeat(9), 'Ab1_Ab1_'])
      expect(printed(answered)).not.toContain(part)
  })

  test('does not quote the answer to a body with secrets', async () => {
    answerOnce({ status: 422, body: { message: 'KEY=hunter22 is not good' } })
    expect(await createAsk()({ ...change, isSecret: true })).toEqual(refusedWith('answered 422'))
  })

  test('maps a status to a failure of the API', async () => {
    const seen: unknown[] = []
    const ask = createAsk({
      toFailure: (failure, { method }, status) => {
        seen.push([failure.kind, method, status])
        return failure
      },
    })
    answerOnce({ status: 409 })
    await ask(change)
    vendor.fate = () => ({ kind: 'lose' })
    await ask(change)
    expect(seen).toEqual([
      ['refused', 'PATCH', 409],
      ['later', 'PATCH', null],
    ])
  })
})

describe('API client: no answer', () => {
  test('times out after the time for all requests and sends nothing more', async () => {
    const clock = () => new Date(now)
    const timeouts: number[] = []
    const watched: Http = (request) => {
      timeouts.push(request.timeoutMilliseconds ?? 0)
      return http(request)
    }
    const ask = createAsk({}, limitTo(watched, 9_000, clock))
    await ask(read)
    now = toInstant(new Date(Date.parse(start) + 8_900))
    vendor.fate = () => ({ kind: 'hang' })
    expect(await ask(read)).toEqual(laterWith('did not answer in time'))
    now = addSeconds(start, 9)
    expect(await ask(read)).toEqual(laterWith('did not answer in time'))
    expect(timeouts).toEqual([9_000, 100])
  })

  test('fails for an answer that is too large', async () => {
    answerOnce({ status: 200, body: 'x'.repeat(101) })
    const ask = createAsk({ maxBodyBytes: 100 })
    expect(await ask(read)).toEqual(laterWith('sent a response that is too large'))
  })

  test('fails for a lost answer', async () => {
    vendor.fate = () => ({ kind: 'lose' })
    expect(await createAsk()(read)).toEqual(laterWith('could not be reached'))
  })
})

describe('API client: a redirect', () => {
  test('follows the redirect of a read without the token to another origin', async () => {
    const other = await startVendor(() => ({ status: 200, body: {} }))
    answerOnce({ status: 302, headers: { location: `${other.url.href}there` } })
    expect(await createAsk()(read)).toMatchObject({ ok: true })
    expect(other.calls.map(({ path, headers }) => [path, headers.authorization])).toEqual([
      ['/there', undefined],
    ])
    await other.stop()
  })

  test('refuses the redirect of a change', async () => {
    answerOnce({ status: 307, headers: { location: '/v3/elsewhere' } })
    const text = 'answered 307: the service redirects to another address'
    expect(await createAsk()(change)).toEqual(refusedWith(text))
    expect(vendor.calls).toHaveLength(1)
  })

  test('refuses a redirect to an address without HTTPS', async () => {
    answerOnce({ status: 302, headers: { location: 'http://vendor.example/' } })
    const text = 'is not an HTTPS address, or redirects to one that is not'
    expect(await createAsk()(read)).toEqual(refusedWith(text))
  })
})
