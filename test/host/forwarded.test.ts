import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { connect } from 'node:net'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import * as z from 'zod'
import { docker, run } from '../../local/docker/docker.ts'
import type { Edit } from './edit.ts'
import type { Instance } from './instance.ts'
import { ask, startLoad } from './load.ts'
import { openStage, type Image, type Stage } from './stage.ts'
import { median } from '../../bench/statistics.ts'
import { waitFor } from '../support/wait.ts'
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

/** Of other proxies; what a client says there is the app's to believe. */
const others = {
  Forwarded: 'for=203.0.113.7;proto=https',
  'X-Real-IP': '203.0.113.7',
  'X-Forwarded-Ssl': 'on',
  'x-FORWARDED-server': 'elsewhere',
  'X-Forwarded-Prefix': '/elsewhere',
  'X-Forwarded-Scheme': 'https',
}

const othersAsSent = Object.fromEntries(
  Object.entries(others).map(([name, value]) => [name.toLowerCase(), value]),
)

/** What of it reaches the app, asked from `from`: the machine itself, or inside a container's network. */
const whatArrives = (
  from: readonly string[],
  address: string,
  options: readonly string[] = [],
): Record<string, string> => {
  const headers = Object.entries({ ...forged, ...others }).flatMap(([name, value]) => [
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
  const names = Object.keys({ ...forged, ...others }).map((name) => name.toLowerCase())
  const urls = names.map((name) => `http://${address}/header?name=${name}`)
  const lines = execFileSync(program, [...args, ...urls], { encoding: 'utf8' }).split('\n')
  const all = names.map((name, index) => [name, lines[index] ?? ''] as const)
  return Object.fromEntries(all.filter(([, value]) => value !== 'not sent'))
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
    ...othersAsSent,
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
  const [app, instance] = await start('')
  const { port } = instance
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

  const [balancer, cdn] = ['10.251.77.9', '198.51.100.9']
  for (const one of [balancer, cdn]) {
    await run('ip', ['address', 'add', `${one}/32`, 'dev', 'lo'])
    onTestFinished(async () => void (await run('ip', ['address', 'del', `${one}/32`, 'dev', 'lo'])))
  }
  const behind = {
    publishAddress: '',
    host: 'cdn.example.com',
    trusted: ['192.0.2.0/24', `${cdn}/32`],
  }
  const settled = { app: stage.app('behind'), generation: 1, fence: 1, ...image, settings: behind }
  expect(await instance.deploy(settled)).toMatchObject({ outcome: 'succeeded' })
  const asks = (from: string, host: string) =>
    whatArrives([], address, ['--interface', from, '--header', `Host: ${host}`])['x-forwarded-for']
  expect(asks(cdn, 'cdn.example.com')).toBe(`203.0.113.7, ${cdn}`)
  // Instead of the private addresses, and for that app only.
  expect(asks(balancer, 'cdn.example.com')).toBe(balancer)
  expect(asks(cdn, 'open.example.com')).toBe(cdn)
  expect(whatArrives([], address, ['--interface', balancer])).toEqual({
    'x-forwarded-for': `203.0.113.7, ${balancer}`,
    'x-forwarded-proto': 'https',
    'x-forwarded-host': 'elsewhere.example.com',
    'x-forwarded-port': '443',
    ...othersAsSent,
  })
})

/** Read as one of the proxy's own by a server that takes `-` and `_` for the same, as WSGI does. */
const twins = {
  X_Forwarded_Proto: 'https',
  X_Forwarded_For: '6.6.6.6',
  X_Forwarded_Host: 'elsewhere.example.com',
  'X-Forwarded_Port': '443',
}

/** Ways to write one of these names, many of which are one variable for WSGI. */
const spellings = fc.sample(
  fc
    .record({
      name: fc.constantFrom(...Object.keys({ ...forged, ...others })),
      marks: fc.array(fc.constantFrom('_', '_', '-', '.', '+', '__'), { minLength: 5 }),
      capitals: fc.array(fc.boolean(), { minLength: 9 }),
    })
    .map(({ name, marks, capitals }) =>
      name
        .replaceAll(/[a-z]/gi, (letter, at: number) =>
          capitals[at % capitals.length] === true ? letter.toUpperCase() : letter.toLowerCase(),
        )
        .replaceAll('-', (mark, at: number) => marks[at % marks.length] ?? mark),
    ),
  150,
)

/** What Python's `wsgiref` makes of it. */
const readEnvironment = (
  port: number,
  sent: readonly (readonly [string, string])[] = Object.entries(twins),
): Record<string, string> => {
  const headers = sent.flatMap(([name, value]) => ['--header', `${name}: ${value}`])
  const args = ['--silent', '--max-time', '10', ...headers, `http://127.0.0.1:${port}/environ`]
  const environment: unknown = JSON.parse(execFileSync('curl', args, { encoding: 'utf8' }))
  const all = z.record(z.string(), z.string()).parse(environment)
  return Object.fromEntries(
    Object.entries(all).filter(([name]) => /FORWARDED|REAL|ELSEWHERE/.test(name)),
  )
}

/** The files of a proxy as commit 79cb2824 wrote them. */
const before = readFileSync(join(import.meta.dirname, 'proxy-before.sh'), 'utf8')
const asBefore: Edit = (script) => script.replace(/\nmain\n$/, () => `\n${before}\nmain\n`)

/** Posts over kept connections, without a pause, until it is told to stop; what failed, and how many were sent. */
const startPosts = (port: number, host: string) => {
  const ending = new AbortController()
  const agent = new Agent({ keepAlive: true, maxSockets: 4 })
  const failed: string[] = []
  let sent = 0
  const clients = Array.from({ length: 4 }, async () => {
    while (!ending.signal.aborted) {
      sent += 1
      await ask(port, { agent, host, method: 'POST' }).catch((error: unknown) =>
        failed.push(String(error)),
      )
    }
  })
  return async () => {
    ending.abort()
    await Promise.all(clients)
    agent.destroy()
    return { failed, sent }
  }
}

const rounds = 12
/** By how many connections to the app the requests of one client come: 24 GET, and 24 others by none of those. */
const countConnections = async (port: number, host: string) => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const gets = new Set<string>()
  const others = new Set<string>()
  const send = (method: string) => ask(port, { agent, host, method, path: '/connection' })
  for (let round = 0; round < rounds; round += 1) {
    for (const method of ['GET', 'GET']) gets.add(await send(method))
    for (const method of ['POST', 'PUT']) others.add(await send(method))
  }
  agent.destroy()
  return { gets: gets.size, others: [...others].filter((one) => !gets.has(one)).length }
}

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
  expect(await instance.deploy(orderOf(1), asBefore)).toMatchObject({ outcome: 'succeeded' })
  const second = 'second.example.com'
  const besides = {
    generation: 1,
    fence: 1,
    ...image,
    settings: { publishAddress: '', host: second },
  }
  const neighbour = { app: stage.app('second'), ...besides }
  expect(await instance.deploy(neighbour, asBefore)).toMatchObject({ outcome: 'succeeded' })
  const gateway = await inspect(`landfall-proxy-${port}`, networks('Gateway'))
  const host = `127.0.0.1:${port}`
  expect(readEnvironment(port)).toEqual({
    HTTP_X_FORWARDED_PROTO: 'https,http',
    HTTP_X_FORWARDED_FOR: `6.6.6.6,${gateway}`,
    HTTP_X_FORWARDED_HOST: `elsewhere.example.com,${host}`,
    HTTP_X_FORWARDED_PORT: `443,${port}`,
  })

  expect(await countConnections(port, second)).toEqual({ gets: 2 * rounds, others: 2 * rounds })
  const loads = [startLoad(port), startLoad(port, second)]
  const posts = [startPosts(port, host), startPosts(port, second)]
  for (const load of loads) await load.flows()
  const after = await instance.deploy(orderOf(2))
  const loaded = await Promise.all([
    ...loads.map((load) => load.stop()),
    ...posts.map((stop) => stop()),
  ])
  const failed = loaded.flatMap((one) => one.failed)
  const sent = loaded.reduce((sum, one) => sum + one.sent, 0)
  expect(after).toMatchObject({ outcome: 'succeeded', reason: 'deployed' })
  expect(readEnvironment(port)).toEqual({
    HTTP_X_FORWARDED_PROTO: 'http',
    HTTP_X_FORWARDED_FOR: gateway,
    HTTP_X_FORWARDED_HOST: host,
    HTTP_X_FORWARDED_PORT: String(port),
  })
  expect(failed).toEqual([])
  process.stdout.write(`a new file of the proxy: ${failed.length} of ${sent} requests failed\n`)
  expect(sent).toBeGreaterThan(0)
  // Also for the app that was not deployed.
  const now = await countConnections(port, second)
  expect(now.gets).toBeLessThan(2 * rounds)
  expect(now.others).toBe(2 * rounds)

  // HAProxy takes about a hundred headers.
  for (let at = 0; at < spellings.length; at += 50) {
    const sent = spellings.slice(at, at + 50).map((name) => [name, 'planted'] as const)
    expect(Object.values(readEnvironment(port, sent)).join()).not.toContain('planted')
  }
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

test('an event of a stream arrives when it is sent, and not with the next one', async () => {
  const [app, { port }] = inner
  const address = await inspect(`landfall-${app}.1`, networks('IPAddress'))
  const delays = (host: string, at: number): Promise<readonly number[]> =>
    new Promise((resolve, reject) => {
      const late: number[] = []
      request({ host, port: at, path: '/events', agent: false }, (response) => {
        response.on('data', (data: Buffer) => {
          for (const [, sent] of data.toString().matchAll(/data: (\d+)/g))
            late.push(Date.now() - Number(sent))
          if (late.length >= 21) response.destroy()
        })
        response.on('close', () => resolve(late)).on('error', () => resolve(late))
      })
        .on('error', reject)
        .end()
    })
  const [direct, proxied] = await Promise.all([delays(address, 8000), delays('127.0.0.1', port)])
  process.stdout.write(`events: ${median(proxied)} ms late, ${median(direct)} ms without a proxy\n`)
  // Held back for the next, half of them are more than 100 ms late.
  expect(median(proxied)).toBeLessThan(median(direct) + 50)
})

test.each([
  ['a short body reaches the app when it is whole', 10, false],
  ['a long upload reaches the app as it comes', 100_000, true],
])('%s', async (_, length, isPassedOn) => {
  const [app, { port }] = inner
  const begun = async (): Promise<number> =>
    (await docker(['logs', `landfall-${app}.1`])).split('an upload begins').length
  const before = await begun()
  const socket = connect(port, '127.0.0.1')
  let answer = ''
  socket.on('data', (data: Buffer) => (answer += data.toString()))
  socket.write(`POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: ${length}\r\n\r\n1`)
  if (isPassedOn) await waitFor('the app has the request', async () => (await begun()) > before)
  // Another request has gone the whole way meanwhile.
  else expect(await ask(port)).toBe('headers')
  expect((await begun()) > before).toBe(isPassedOn)
  socket.write(Buffer.alloc(length - 1))
  await waitFor('the answer', () => answer.includes(`\r\n\r\n`) && answer.includes(`${length}\n`))
  socket.destroy()
})

test('the proxy refuses a request with more than 15 KB of headers itself, and a longer answer is a 502', async () => {
  const long = (bytes: number) => ({ 'x-long': 'x'.repeat(bytes) })
  expect(await send({ path: '/', headers: long(14_000) })).toBe(200)
  // 431 from HAProxy 3 on.
  expect([400, 431]).toContain(await send({ path: '/', headers: long(17_000) }))
  expect(await send({ path: '/long-header?bytes=14000' })).toBe(200)
  expect(await send({ path: '/long-header?bytes=17000' })).toBe(502)
})
