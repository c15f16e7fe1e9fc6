import { request } from 'node:http'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import * as z from 'zod'
import { type Api, startApi } from '../../local/aws/index.ts'
import { startTestAws, writeFunction, type TestAws } from '../support/local-aws.ts'

const source = `export const handler = async (event) => {
  if (event.rawPath === '/throw') throw new Error('boom')
  return { statusCode: 202, headers: { 'content-type': 'application/json' }, body: JSON.stringify(event) }
}`
const functionName = 'landfall-local-webhook'
const routes = ['POST /hooks/github', 'POST /hooks/docker-hub/{app}/{token}', '$default'].map(
  (routeKey) => ({ routeKey, functionName }),
)

const Seen = z.object({
  version: z.string(),
  routeKey: z.string(),
  rawPath: z.string(),
  headers: z.record(z.string(), z.string()),
  body: z.string().nullish(),
  isBase64Encoded: z.boolean(),
  pathParameters: z.record(z.string(), z.string()).nullish(),
})

describe('the local HTTP API', () => {
  let test: TestAws
  let api: Api

  beforeAll(async () => {
    const functions = [writeFunction('webhook', source)]
    test = await startTestAws({ service: { functions } })
    api = await startApi({ port: 0, routes, client: test.client })
  })
  afterAll(async () => {
    await api.stop()
    await test.stop()
  })

  const post = async (path: string, body: Uint8Array<ArrayBuffer> | string, headers = {}) => {
    const answer = await fetch(api.address + path, { method: 'POST', body, headers })
    return { status: answer.status, seen: Seen.parse(await answer.json()) }
  }

  it('hands JSON over as text, byte for byte, with lower-case header names', async () => {
    const body = '{ "a":\t"ü",\n"a": 1.0 }'
    const { status, seen } = await post('/hooks/github', body, {
      'Content-Type': 'application/json',
      'X-Hub-Signature-256': 'sha256=00',
    })
    expect(status).toBe(202)
    expect(seen).toMatchObject({ version: '2.0', routeKey: 'POST /hooks/github' })
    expect(seen).toMatchObject({ body, isBase64Encoded: false })
    expect(seen.headers).toMatchObject({
      'x-hub-signature-256': 'sha256=00',
      'content-length': String(Buffer.byteLength(body)),
    })
  })

  it('hands a form over in base64, as API Gateway does', async () => {
    const { seen } = await post('/hooks/github', 'payload=%7B%7D', {
      'content-type': 'application/x-www-form-urlencoded',
    })
    expect(seen.isBase64Encoded).toBe(true)
    expect(Buffer.from(seen.body ?? '', 'base64').toString()).toBe('payload=%7B%7D')
  })

  it.each(['application/json', 'application/octet-stream', 'text/plain'])(
    'keeps bytes that are no UTF-8 under %s',
    async (type) => {
      const bytes = Uint8Array.from([0xff, 0xfe, 0x00, 0x7b])
      const { seen } = await post('/hooks/github', bytes, { 'content-type': type })
      expect(seen.isBase64Encoded).toBe(true)
      expect(Buffer.from(seen.body ?? '', 'base64').equals(bytes)).toBe(true)
    },
  )

  it('invents no content type', async () => {
    const seen = await new Promise<z.infer<typeof Seen>>((resolve, reject) => {
      const outgoing = request(`${api.address}/hooks/github`, { method: 'POST' }, (incoming) => {
        const chunks: string[] = []
        incoming.setEncoding('utf8')
        incoming.on('data', (chunk: string) => chunks.push(chunk))
        incoming.on('end', () => resolve(Seen.parse(JSON.parse(chunks.join('')))))
      })
      outgoing.on('error', reject)
      outgoing.end('x')
    })
    expect(seen.headers['content-type']).toBeUndefined()
    expect(seen.isBase64Encoded).toBe(true)
  })

  it('gives path parameters, and sends every other path to the default route', async () => {
    const { seen } = await post('/hooks/docker-hub/shop/abcdef', '{}')
    expect(seen.pathParameters).toEqual({ app: 'shop', token: 'abcdef' })
    const other = Seen.parse(await (await fetch(`${api.address}/nowhere/at/all`)).json())
    expect(other).toMatchObject({ routeKey: '$default', rawPath: '/nowhere/at/all' })
    expect(other.body ?? null).toBeNull()
  })

  it('answers 500 without a word of the error when the function throws, and goes on', async () => {
    const answer = await fetch(`${api.address}/throw`, { method: 'POST', body: '{}' })
    expect(answer.status).toBe(500)
    expect(await answer.json()).toEqual({ message: 'Internal Server Error' })
    expect((await post('/hooks/github', '{}')).status).toBe(202)
  })

  it('says in one line that its port is taken', async () => {
    const port = Number(new URL(api.address).port)
    await expect(startApi({ port, routes, client: test.client })).rejects.toThrow(
      new RegExp(
        `^Port ${port} is taken by process \\d+: .+serve\\.ts; stop it or choose another port\\.$`,
      ),
    )
  })
})
