import { request } from 'node:http'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { docker } from '../../local/docker/docker.ts'
import type { Instance } from './instance.ts'
import { openStage, type Stage } from './stage.ts'

let stage: Stage
let instance: Instance
let version: string
beforeAll(async () => {
  stage = await openStage()
  instance = await stage.instance()
  const image = await stage.publish('limits')
  const order = { app: stage.app('limits'), generation: 1, fence: 1, ...image }
  expect(await instance.deploy(order)).toMatchObject({ outcome: 'succeeded' })
  const proxy = `landfall-proxy-127.0.0.1-${instance.port}`
  version = await docker(['exec', proxy, 'haproxy', '-v'])
})
afterAll(() => stage.close())

interface Sent {
  readonly path: string
  readonly body?: Buffer
  readonly headers?: Readonly<Record<string, string>>
}

/** The answer's status, or how the connection ended without one. */
const send = ({ path, body, headers = {} }: Sent): Promise<number | string> =>
  new Promise((resolve) => {
    const { port } = instance
    const length = body === undefined ? {} : { 'content-length': body.length }
    const options = {
      port,
      path,
      host: '127.0.0.1',
      agent: false,
      method: body === undefined ? 'GET' : 'POST',
      headers: { ...headers, ...length },
    }
    const sent = request(options, (response) => {
      response.resume()
      response.on('end', () => resolve(response.statusCode ?? 0))
      response.on('error', (error) => resolve(error.message))
    })
    sent.on('error', (error) => resolve(error.message))
    sent.end(body)
  })

test('an answer that comes before the end of an upload reaches the client', async ({ skip }) => {
  skip(version.includes('version 2.'), 'HAProxy 2 loses some of these answers')
  const body = Buffer.alloc(3_000_000)
  const statuses = await Promise.all(
    Array.from({ length: 20 }, () => send({ path: '/early', body })),
  )
  expect(new Set(statuses)).toEqual(new Set([413]))
})

test('the proxy refuses a request with more than 15 KB of headers itself, and a longer answer is a 502', async () => {
  const long = (bytes: number) => ({ 'x-long': 'x'.repeat(bytes) })
  expect(await send({ path: '/', headers: long(14_000) })).toBe(200)
  // 431 from HAProxy 3 on.
  expect([400, 431]).toContain(await send({ path: '/', headers: long(17_000) }))
  expect(await send({ path: '/long-header?bytes=14000' })).toBe(200)
  expect(await send({ path: '/long-header?bytes=17000' })).toBe(502)
})
