import type { RequestListener } from 'node:http'
import { expect, test } from 'vitest'
import { http, type HttpRequest } from '../../../src/kernel/http.ts'
import { Redacted } from '../../../src/kernel/redacted.ts'
import { useServers } from '../../support/serve.ts'

const serve = useServers()

const echo: RequestListener = (request, response) =>
  response.end(JSON.stringify([request.method, request.url, request.headers.authorization ?? null]))

const ask = async (url: URL, more: Partial<HttpRequest> = {}): Promise<unknown> => {
  const answered = await http({
    method: 'GET',
    url,
    authorization: new Redacted('hunter2'),
    ...more,
  })
  return answered.ok ? JSON.parse(Buffer.from(answered.value.body).toString()) : answered.error
}

const redirectTo =
  (location: string, status = 307): RequestListener =>
  (request, response) => {
    if (request.url === '/') response.writeHead(status, { location }).end('')
    else echo(request, response)
  }

test('sends the authorization to the origin of the request', async () => {
  expect(await ask(await serve(echo))).toEqual(['GET', '/', 'hunter2'])
})

test('keeps the authorization on a redirect within the origin', async () => {
  expect(await ask(await serve(redirectTo('/there')))).toEqual(['GET', '/there', 'hunter2'])
})

test('removes the authorization on a redirect to another origin', async () => {
  const other = await serve(echo)
  expect(await ask(await serve(redirectTo(`${other.href}there`)))).toEqual(['GET', '/there', null])
})

test('says who responded where a redirect led to another origin', async () => {
  const other = await serve(echo)
  const there = `${other.href}there`
  const elsewhere = await http({ method: 'GET', url: await serve(redirectTo(there)) })
  expect(elsewhere).toMatchObject({ ok: true, value: { redirectedTo: new URL(there) } })
  const within = await http({ method: 'GET', url: await serve(redirectTo('/there')) })
  expect(within.ok && within.value.redirectedTo).toBeUndefined()
})

test('does not follow the redirect of a request that changes something', async () => {
  const url = await serve(redirectTo('/there'))
  const answered = await http({ method: 'POST', url, body: 'once' })
  expect(answered).toMatchObject({ ok: true, value: { status: 307 } })
})

test('returns the redirect of a read that does not want it followed', async () => {
  const url = await serve(redirectTo('/there'))
  const answered = await http({ method: 'GET', url, redirects: 'return' })
  expect(answered).toMatchObject({ ok: true, value: { status: 307 } })
})

test('gives up on circular redirects', async () => {
  const url = await serve((_request, response) => response.writeHead(302, { location: '/' }).end())
  expect(await ask(url)).toEqual({ kind: 'redirect_refused', host: url.host })
})

test.each(['http://example.com/', 'file:///etc/passwd', 'http://169.254.169.254/latest'])(
  'does not follow a redirect to %s',
  async (location) => {
    const url = await serve(redirectTo(location))
    expect(await ask(url)).toEqual({ kind: 'redirect_refused', host: url.host })
  },
)

test('uses plain HTTP to this machine only', async () => {
  expect(await ask(new URL('http://registry.example/'))).toEqual({
    kind: 'redirect_refused',
    host: 'registry.example',
  })
})

test('refuses a body above the limit and stops reading it', async () => {
  const closed = Promise.withResolvers<void>()
  const url = await serve((_request, response) => {
    // It has no end of its own.
    const timer = setInterval(() => response.write('x'.repeat(1000)), 1)
    response.on('close', () => {
      clearInterval(timer)
      closed.resolve()
    })
  })
  const limits = { maxBodyBytes: 5000, timeoutMilliseconds: 50_000 }
  expect(await ask(url, limits)).toEqual({ kind: 'body_too_large', host: url.host })
  await closed.promise
})

test.each([
  ['does not answer', () => undefined],
  ['stops in the middle of its body', (_request, response) => response.write('x')],
] as const satisfies readonly (readonly [string, RequestListener])[])(
  'times out where a server %s',
  async (_what, listener) => {
    const url = await serve(listener)
    const more = { timeoutMilliseconds: 100 }
    expect(await ask(url, more)).toEqual({ kind: 'timeout', host: url.host })
  },
)

test('names the host only where nothing answers', async () => {
  const url = new URL('http://127.0.0.1:1/hooks/secret-token?key=secret')
  expect(await ask(url)).toEqual({ kind: 'unreachable', host: '127.0.0.1:1' })
})
