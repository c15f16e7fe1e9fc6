import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { IncomingHttpHeaders, RequestListener } from 'node:http'
import { expect, test, vi } from 'vitest'
import * as z from 'zod'
import { http, openHttp } from '../../../src/kernel/http.ts'
import { Redacted } from '../../../src/kernel/redacted.ts'
import { useServers } from '../../support/serve.ts'

const serve = useServers()

const megabyte = 1024 * 1024
async function* megabytes(count: number) {
  for (let index = 0; index < count; index += 1)
    yield await Promise.resolve(new Uint8Array(megabyte))
}

/** Counts what comes, and answers with its headers. */
const counting = (seen: {
  bytes: number
  headers: IncomingHttpHeaders
  ended: boolean
}): RequestListener => {
  return (request, response) => {
    seen.headers = request.headers
    request.on('data', (chunk: Buffer) => {
      seen.bytes += chunk.length
    })
    request.on('end', () => {
      seen.ended = true
      response.end('ok')
    })
  }
}
const nothingSeen = () => ({ bytes: 0, headers: {}, ended: false })

test('sends a body as it comes, with its length and without chunked encoding', async () => {
  const seen: Parameters<typeof counting>[0] = nothingSeen()
  const url = await serve(counting(seen))
  const upload = { bytes: 3 * megabyte, chunks: megabytes(3) }
  const sent = await http({ method: 'PUT', url, upload, authorization: new Redacted('hunter2') })
  expect(sent).toMatchObject({ ok: true, value: { status: 200 } })
  expect(seen.bytes).toBe(3 * megabyte)
  expect(seen.headers).toMatchObject({
    'content-length': `${3 * megabyte}`,
    authorization: 'hunter2',
  })
  expect(seen.headers['transfer-encoding']).toBeUndefined()
})

const Collect = z.custom<() => void>((value) => typeof value === 'function')
/** What is left is kept by somebody: by itself the collector waits until it has much to do. */
const readKeptBytes = (): number => {
  setFlagsFromString('--expose-gc')
  Collect.parse(runInNewContext('gc'))()
  return process.memoryUsage().arrayBuffers
}

test('keeps nothing of a body that it has sent', async () => {
  const url = await serve(counting(nothingSeen()))
  const before = readKeptBytes()
  let most = 0
  let count = 0
  async function* watched() {
    for await (const chunk of megabytes(400)) {
      count += 1
      if (count % 100 === 0) most = Math.max(most, readKeptBytes() - before)
      yield chunk
    }
  }
  const upload = { bytes: 400 * megabyte, chunks: watched() }
  expect(await http({ method: 'PUT', url, upload, timeoutMilliseconds: 60_000 })).toMatchObject({
    ok: true,
  })
  expect(most).toBeLessThan(50 * megabyte)
})

test.each([
  ['ends before its length', 2],
  ['is longer than it said', 4],
])('fails where a body %s', async (_, count) => {
  const seen = nothingSeen()
  const url = await serve(counting(seen))
  const upload = { bytes: 3 * megabyte, chunks: megabytes(count) }
  expect(await http({ method: 'PUT', url, upload })).toMatchObject({
    ok: false,
    error: { kind: 'unreachable' },
  })
})

test('fails where a body throws, and the receiver does not get its end', async () => {
  const seen = nothingSeen()
  const url = await serve(counting(seen))
  async function* broken() {
    yield await Promise.resolve(new Uint8Array(megabyte))
    throw new Error('a secret')
  }
  const sent = await http({ method: 'PUT', url, upload: { bytes: 3 * megabyte, chunks: broken() } })
  expect(sent).toEqual({ ok: false, error: { kind: 'unreachable', host: url.host } })
  expect(seen.ended).toBe(false)
})

test('fails where what is sent would have to be sent elsewhere', async () => {
  const url = await serve((request, response) => {
    request.resume()
    response.writeHead(307, { location: '/there' }).end()
  })
  const upload = { bytes: megabyte, chunks: megabytes(1) }
  expect(await http({ method: 'PUT', url, upload })).toMatchObject({ ok: false })
})

test('opens a response that is larger than any it reads whole', async () => {
  const url = await serve((_, response) => response.end(Buffer.alloc(3 * megabyte)))
  const opened = await openHttp({ method: 'GET', url })
  if (!opened.ok) throw new Error('not opened')
  let bytes = 0
  for await (const chunk of opened.value.chunks) bytes += chunk.byteLength
  expect([opened.value.status, bytes]).toEqual([200, 3 * megabyte])
})

test('takes the authorization off where a response lies at another origin', async () => {
  const other = await serve((request, response) =>
    response.end(request.headers.authorization ?? 'none'),
  )
  const url = await serve((_, response) => response.writeHead(307, { location: other.href }).end())
  const opened = await openHttp({ method: 'GET', url, authorization: new Redacted('hunter2') })
  if (!opened.ok) throw new Error('not opened')
  const texts: string[] = []
  for await (const chunk of opened.value.chunks) texts.push(Buffer.from(chunk).toString())
  expect(texts.join('')).toBe('none')
})

test('ends a request that is closed, read or not', async () => {
  const closed: string[] = []
  const url = await serve((request, response) => {
    response.on('close', () => closed.push(request.url ?? ''))
    response.write(Buffer.alloc(megabyte))
  })
  const opened = await openHttp({ method: 'GET', url })
  if (!opened.ok) throw new Error('not opened')
  opened.value.close()
  await expect(opened.value.chunks[Symbol.asyncIterator]().next()).rejects.toThrow()
  await expect.poll(() => closed).toEqual(['/'])
})

test('says that the time was over, also where the rest does not come', async () => {
  const url = await serve((request, response) => {
    if (request.url === '/') response.write('some')
  })
  // The time is over when the test says so, however long the machine takes for the first bytes.
  const time = new AbortController()
  vi.spyOn(AbortSignal, 'timeout').mockReturnValueOnce(time.signal)
  const opened = await openHttp({ method: 'GET', url })
  if (!opened.ok) throw new Error('not opened')
  const read = async () => {
    for await (const chunk of opened.value.chunks) {
      expect(chunk.byteLength).toBe(4)
      time.abort()
    }
  }
  await expect(read()).rejects.toThrow()
  const late = await openHttp({
    method: 'GET',
    url: new URL('/never', url),
    timeoutMilliseconds: 50,
  })
  expect(late).toEqual({ ok: false, error: { kind: 'timeout', host: url.host } })
})
