import { execFileSync } from 'node:child_process'
import { request } from 'node:http'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import * as z from 'zod'
import { docker, run } from '../../local/docker/docker.ts'
import { replaceText } from './edit.ts'
import type { Instance } from './instance.ts'
import { startLoad } from './load.ts'
import { openStage, type Image, type Stage } from './stage.ts'
import { pushWsgiImage } from './wsgi-image.ts'

let stage: Stage
let image: Image
/** An app behind a loopback address, and its instance. */
let inner: readonly [string, Instance]
beforeAll(async () => {
  stage = await openStage()
  image = await stage.publish('headers')
  inner = await start('127.0.0.1')
})
afterAll(async () => stage.close())

const forged = {
  'X-Forwarded-For': '203.0.113.7',
  'X-Forwarded-Proto': 'https',
  'X-Forwarded-Host': 'elsewhere.example.com',
  'X-Forwarded-Port': '443',
}

/** What of it reaches the app, asked from `from`: the machine itself, or inside a container's network. */
const whatArrives = (
  from: readonly string[],
  address: string,
  options: readonly string[] = [],
): Record<string, string> => {
  const headers = Object.entries(forged).flatMap(([name, value]) => [
    '--header',
    `${name}: ${value}`,
  ])
  const [program = 'curl', ...args] = [
    ...from,
    'curl',
    '--silent',
    '--max-time',
    '10',
    ...options,
    ...headers,
  ]
  const names = Object.keys(forged).map((name) => name.toLowerCase())
  const urls = names.map((name) => `http://${address}/header?name=${name}`)
  const lines = execFileSync(program, [...args, ...urls], { encoding: 'utf8' }).split('\n')
  return Object.fromEntries(names.map((name, index) => [name, lines[index] ?? '']))
}

const inspect = async (name: string, format: string): Promise<string> =>
  (await docker(['inspect', '--format', format, name])).trim()

const networks = (field: string): string =>
  `{{(index .NetworkSettings.Networks "landfall").${field}}}`

const start = async (publishAddress: string): Promise<readonly [string, Instance]> => {
  const app = stage.app(publishAddress === '' ? 'open' : 'inner')
  const instance = await stage.instance()
  const order = { app, generation: 1, fence: 1, ...image, settings: { publishAddress } }
  expect(await instance.deploy(order)).toMatchObject({ outcome: 'succeeded' })
  return [app, instance]
}

/** As seen by a container of the app, which has a private address as a load balancer has. */
const inside = async (app: string): Promise<readonly string[]> => [
  'nsenter',
  `--net=/proc/${await inspect(`landfall-${app}.1`, '{{.State.Pid}}')}/ns/net`,
]

test('headers of the own TLS proxy reach the app behind a loopback address, and those of a container do not', async () => {
  const [app, { port }] = inner
  const { 'x-forwarded-for': client, ...arrived } = whatArrives([], `127.0.0.1:${port}`)
  expect(client).toMatch(/^203\.0\.113\.7, /)
  expect(arrived).toEqual({
    'x-forwarded-proto': 'https',
    'x-forwarded-host': 'elsewhere.example.com',
    'x-forwarded-port': '443',
  })
  const address = `${await inspect(`landfall-proxy-127.0.0.1-${port}`, networks('IPAddress'))}:8080`
  expect(whatArrives(await inside(app), address)).toEqual({
    'x-forwarded-for': await inspect(`landfall-${app}.1`, networks('IPAddress')),
    'x-forwarded-proto': 'http',
    'x-forwarded-host': address,
    'x-forwarded-port': String(port),
  })
})

test('forwarded headers of a load balancer are trusted, and those of direct clients are not, nor those of containers', async () => {
  const [app, { port }] = await start('')
  const proxy = `landfall-proxy-${port}`
  const address = `${await inspect(proxy, networks('IPAddress'))}:8080`
  const gateway = await inspect(proxy, networks('Gateway'))
  const untrusted = {
    'x-forwarded-for': gateway,
    'x-forwarded-proto': 'http',
    'x-forwarded-port': String(port),
  }
  // Through the published port as Docker forwards it, and straight from the gateway's own address.
  expect(whatArrives([], `127.0.0.1:${port}`)).toEqual({
    ...untrusted,
    'x-forwarded-host': `127.0.0.1:${port}`,
  })
  expect(whatArrives([], address)).toEqual({ ...untrusted, 'x-forwarded-host': address })

  const own = await inspect(`landfall-${app}.1`, networks('IPAddress'))
  const ofContainer = { ...untrusted, 'x-forwarded-for': own, 'x-forwarded-host': address }
  expect(whatArrives(await inside(app), address)).toEqual(ofContainer)

  const balancer = '10.251.77.9'
  await run('ip', ['address', 'add', `${balancer}/32`, 'dev', 'lo'])
  onTestFinished(
    async () => void (await run('ip', ['address', 'del', `${balancer}/32`, 'dev', 'lo'])),
  )
  expect(whatArrives([], address, ['--interface', balancer])).toEqual({
    'x-forwarded-for': `203.0.113.7, ${balancer}`,
    'x-forwarded-proto': 'https',
    'x-forwarded-host': 'elsewhere.example.com',
    'x-forwarded-port': '443',
  })
})

/** Read as one of the proxy's own by a server that takes `-` and `_` for the same, as WSGI does. */
const twins = {
  X_Forwarded_Proto: 'https',
  X_Forwarded_For: '6.6.6.6',
  X_Forwarded_Host: 'elsewhere.example.com',
  'X-Forwarded_Port': '443',
}

/** What Python's `wsgiref` makes of it. */
const readEnvironment = (port: number): Record<string, string> => {
  const headers = Object.entries(twins).flatMap(([name, value]) => [
    '--header',
    `${name}: ${value}`,
  ])
  const args = ['--silent', '--max-time', '10', ...headers, `http://127.0.0.1:${port}/environ`]
  const environment: unknown = JSON.parse(execFileSync('curl', args, { encoding: 'utf8' }))
  const all = z.record(z.string(), z.string()).parse(environment)
  return Object.fromEntries(Object.entries(all).filter(([name]) => name.includes('FORWARDED')))
}

const withoutOption = replaceText('option http-restrict-req-hdr-names delete\n', '')

test('an existing proxy deletes the twins of its headers after the next deployment, and no request fails', async () => {
  const wsgi = await stage.publishBy(pushWsgiImage, 'wsgi')
  const app = stage.app('wsgi')
  const instance = await stage.instance()
  const { port } = instance
  const settings = { publishAddress: '', healthTimeout: 60 }
  const orderOf = (generation: number) => ({
    app,
    generation,
    fence: generation,
    ...wsgi,
    settings,
  })
  expect(await instance.deploy(orderOf(1), withoutOption)).toMatchObject({ outcome: 'succeeded' })
  const gateway = await inspect(`landfall-proxy-${port}`, networks('Gateway'))
  const host = `127.0.0.1:${port}`
  expect(readEnvironment(port)).toEqual({
    HTTP_X_FORWARDED_PROTO: 'https,http',
    HTTP_X_FORWARDED_FOR: `6.6.6.6,${gateway}`,
    HTTP_X_FORWARDED_HOST: `elsewhere.example.com,${host}`,
    HTTP_X_FORWARDED_PORT: `443,${port}`,
  })

  const load = startLoad(port)
  const after = await instance.deploy(orderOf(2))
  const { sent, failed } = await load.stop()
  expect(after).toMatchObject({ outcome: 'succeeded', reason: 'deployed' })
  expect(readEnvironment(port)).toEqual({
    HTTP_X_FORWARDED_PROTO: 'http',
    HTTP_X_FORWARDED_FOR: gateway,
    HTTP_X_FORWARDED_HOST: host,
    HTTP_X_FORWARDED_PORT: String(port),
  })
  expect(failed).toEqual([])
  process.stdout.write(`the proxy's new option: ${failed.length} of ${sent} requests failed\n`)
  expect(sent).toBeGreaterThan(0)
})

test('behind a loopback address, a header whose name has an underscore or a dot is deleted too', async () => {
  const [, { port }] = inner
  const ask = ['--silent', '--header', 'X_Forwarded_Proto: https', '--header', 'X.Y: 1']
  for (const name of ['x_forwarded_proto', 'x.y']) {
    const url = `http://127.0.0.1:${port}/header?name=${name}`
    expect(execFileSync('curl', [...ask, url], { encoding: 'utf8' }).trim()).toBe('not sent')
  }
})

interface Sent {
  readonly path: string
  readonly body?: Buffer
  readonly headers?: Readonly<Record<string, string>>
}

/** The answer's status, or how the connection ended without one. */
const send = ({ path, body, headers = {} }: Sent): Promise<number | string> =>
  new Promise((resolve) => {
    const [, { port }] = inner
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
  const [, { port }] = inner
  const proxy = `landfall-proxy-127.0.0.1-${port}`
  const version = await docker(['exec', proxy, 'haproxy', '-v'])
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
