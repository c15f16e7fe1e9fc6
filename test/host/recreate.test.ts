import { readFileSync } from 'node:fs'
import { get, request } from 'node:http'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { docker } from '../../local/docker/docker.ts'
import { isFull } from '../support/size.ts'
import { waitFor } from '../support/wait.ts'
import { createClock, type Clock } from './clock.ts'
import { askHeld, letGo } from './held.ts'
import { ask, startLoad } from './load.ts'
import { openStage, type Image, type Stage } from './stage.ts'

let stage: Stage
let one: Image
let two: Image
let broken: Image
let clock: Clock
const volume = `landfall-test-${process.pid}`
beforeAll(async () => {
  clock = createClock()
  stage = await openStage()
  one = await stage.publish('one', { DATA: '/data' })
  two = await stage.publish('two', { DATA: '/data' })
  broken = await stage.publish('broken', { FAULT: 'exits' })
})
afterAll(async () => {
  clock.close()
  await stage.close()
  await docker(['volume', 'rm', '--force', volume])
})

const inspect = async (format: string, name: string): Promise<string> =>
  (await docker(['inspect', '--format', format, name])).trim()

test('requests wait and none fails with a volume, and a broken release is replaced by the old one', async () => {
  const app = stage.app('shop')
  const instance = await stage.instance()
  const settings = { strategy: 'recreate', volume: [`${volume}:/data`], hold: 600 }
  const order = { app, settings: { ...settings, stopTimeout: 600 } }
  await instance.deploy({ ...order, generation: 1, fence: 1, ...one })

  const load = startLoad(instance.port)
  await load.flows()
  const held = await askHeld(instance.port, `landfall-${app}.1`)
  const deployed = instance.deploy({ ...order, generation: 2, fence: 2, ...two })
  const route = join(
    instance.root,
    'instance/proxies',
    `127.0.0.1-${instance.port}`,
    `apps/${app}.cfg`,
  )
  await waitFor('new requests are held', () =>
    readFileSync(route, 'utf8').includes('127.0.0.1:1\n'),
  )
  await letGo(`landfall-${app}.1`)
  expect(await held.answer).toBe('one')
  expect(await deployed).toMatchObject({ outcome: 'succeeded', serving: { generation: 2 } })
  const third = await instance.deploy({ ...order, generation: 3, fence: 3, ...broken })
  expect(third).toMatchObject({ outcome: 'failed', reason: 'exited', serving: { generation: 2 } })
  expect(third.tail?.join('\n')).toContain('Cannot find module')
  await load.sees('two')
  const { failed, sent, longestMs } = await load.stop()
  process.stdout.write(
    `recreate: ${failed.length} of ${sent} failed, longest wait ${longestMs} ms\n`,
  )
  expect(failed).toEqual([])
  expect(await ask(instance.port, { path: '/starts' })).toBe('one\ntwo\ntwo')
})

test('a container started by hand is taken over, and runs again where the new release does not serve', async () => {
  const app = stage.app('hand')
  const instance = await stage.instance()
  const name = `landfall-test-hand-${process.pid}`
  // It takes its time to listen: what is told to be back answers.
  const old = await stage.publish('old', { START_DELAY_SECONDS: '1' })
  const options = ['--init', '--restart', 'on-failure:3', '--name', name]
  const publish = ['--publish', `127.0.0.1:${instance.port}:8000`]
  await docker(['run', '--detach', ...options, ...publish, `${old.image}@${old.digest}`])
  try {
    const taken = await instance.deploy({ app, generation: 1, fence: 1, ...one })
    expect(taken).toMatchObject({ outcome: 'failed', reason: 'port_in_use', changed: false })
    expect(taken.message).toContain(`replaces: ${name}`)

    const settings = { replaces: name }
    const refused = await instance.deploy({ app, generation: 2, fence: 2, ...broken, settings })
    expect(refused).toMatchObject({ outcome: 'failed', reason: 'exited', serving: null })
    expect(await ask(instance.port)).toBe('old')
    // The container is stopped before the new one starts, as in test/host/take-over.test.ts.
    if (isFull) {
      const recreate = { ...settings, strategy: 'recreate' }
      const order = { app, generation: 3, fence: 3, ...broken, settings: recreate }
      const held = await instance.deploy(order)
      expect(held).toMatchObject({ outcome: 'failed', reason: 'exited', serving: null })
      expect(await ask(instance.port)).toBe('old')
    }
    const policy =
      '{{.HostConfig.RestartPolicy.Name}}:{{.HostConfig.RestartPolicy.MaximumRetryCount}}'
    expect(await inspect(policy, name)).toBe('on-failure:3')

    const over = await instance.deploy({ app, generation: 4, fence: 4, ...one, settings })
    expect(over).toMatchObject({ outcome: 'succeeded', serving: { generation: 4 } })
    expect(over.steps.map((step) => step.name)).toContain('take-over')
    expect(await ask(instance.port)).toBe('one')
    const format = '{{.State.Status}} {{.HostConfig.RestartPolicy.Name}}'
    expect(await inspect(format, name)).toBe('exited no')

    const back = await instance.deploy({
      app,
      generation: 0,
      fence: 5,
      mode: 'restore',
      ...one,
      settings,
      envelope: null,
    })
    expect(back).toMatchObject({ outcome: 'succeeded', reason: 'restored', serving: null })
    expect(await ask(instance.port)).toBe('old')
    expect(await inspect(policy, name)).toBe('on-failure:3')
  } finally {
    await docker(['rm', '--force', name])
  }
})

test('a worker that ends within its grace period is refused', async () => {
  const app = stage.app('worker')
  const instance = await stage.instance()
  instance.environment = clock.environment
  const settings = { strategy: 'worker', publishPort: [], port: [], grace: 2, healthInterval: 0.5 }
  const deploy = (generation: number, image: Image) =>
    instance.deploy({ app, generation, fence: generation, ...image, settings })
  clock.go()
  const good = await deploy(1, one)
  expect(good).toMatchObject({ outcome: 'succeeded', serving: { generation: 1 } })
  expect(clock.seconds()).toBeGreaterThan(1)
  // However long it takes to end, its time of grace is not over.
  clock.stop()
  const bad = await deploy(2, broken)
  expect(bad).toMatchObject({ outcome: 'failed', reason: 'exited', serving: { generation: 1 } })
  clock.go()
  const next = await deploy(3, two)
  expect(next).toMatchObject({ outcome: 'succeeded', serving: { generation: 3 } })
  const listing = ['ps', '--filter', `label=landfall.app=${app}`, '--format', '{{.Names}}']
  expect((await docker(listing)).trim()).toBe(`landfall-${app}.3`)
})

/** With the example's key and its answer (RFC 6455, section 1.3), which the proxy checks. */
const switching = [
  'HTTP/1.1 101 Switching Protocols',
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=',
  '\r\n',
].join('\r\n')

/** `/download` sends a part and never the rest; an upgrade stays open. On SIGTERM it waits for both, as gunicorn does. */
const streaming = (version: string): readonly string[] => [
  'node',
  '-e',
  `const server = require('http').createServer(({ url }, answer) => {
    if (url === '/download') return answer.write('a part')
    answer.shouldKeepAlive = false
    answer.end('${version}')
  })
  server.on('upgrade', (_, socket) => {
    socket.on('error', () => {}).on('end', () => socket.end())
    socket.write(${JSON.stringify(switching)})
  })
  process.on('SIGTERM', () => server.close(() => process.exit(7)))
  server.listen(8000)`,
]

/** Whether a stream through the proxy was cut. */
interface Stream {
  isCut: boolean
}

const openDownload = (port: number): Promise<Stream> =>
  new Promise((resolve, reject) => {
    const stream: Stream = { isCut: false }
    const cut = (): void => void (stream.isCut = true)
    get({ host: '127.0.0.1', port, path: '/download', agent: false }, (response) => {
      response.once('data', () => resolve(stream)).on('error', cut)
    }).on('error', reject)
  })

const openSocket = (port: number): Promise<Stream> =>
  new Promise((resolve, reject) => {
    const stream: Stream = { isCut: false }
    const headers = {
      connection: 'Upgrade',
      upgrade: 'websocket',
      'sec-websocket-version': '13',
      'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
    }
    request({ host: '127.0.0.1', port, agent: false, headers })
      .on('upgrade', (_, socket) => {
        socket.on('error', () => undefined).on('close', () => (stream.isCut = true))
        resolve(stream)
      })
      .on('response', ({ statusCode = 0 }) => reject(new Error(`answered ${statusCode}`)))
      .on('error', reject)
      .end()
  })

test('a recreate waits for a WebSocket and a download only as long as drain says, then cuts them and says so', async () => {
  const app = stage.app('streams')
  const instance = await stage.instance()
  const settings = { strategy: 'recreate', hold: 600, stopTimeout: 600, drain: 4 }
  const orderOf = (number: number) => ({
    app,
    generation: number,
    fence: number,
    ...one,
    settings: { ...settings, command: streaming(`version ${number}`) },
  })
  expect(await instance.deploy(orderOf(1))).toMatchObject({ outcome: 'succeeded' })
  const streams = [await openDownload(instance.port), await openSocket(instance.port)]
  const load = startLoad(instance.port)
  await load.flows()

  // Time stands still until all others wait; then the four seconds pass.
  clock.stop()
  instance.environment = clock.environment
  const deployed = instance.deploy(orderOf(2))
  const proxy = join(instance.root, 'instance/proxies', `127.0.0.1-${instance.port}`)
  const route = join(proxy, 'apps', `${app}.cfg`)
  await waitFor('new requests are held', () =>
    readFileSync(route, 'utf8').includes('127.0.0.1:1\n'),
  )
  expect(streams).toEqual([{ isCut: false }, { isCut: false }])
  clock.go()
  const answer = await deployed
  expect(answer, answer.output).toMatchObject({ outcome: 'succeeded', serving: { generation: 2 } })
  expect(answer.message).toBe('generation 2 is live; open requests cut after 4 s (drain): 2')
  await waitFor('both streams are cut', () => streams.every(({ isCut }) => isCut))
  // The old container ended by itself, long before its time to stop was over, and no visitor's request failed.
  const code = await docker(['inspect', '--format', '{{.State.ExitCode}}', `landfall-${app}.1`])
  expect(code.trim()).toBe('7')
  await load.sees('version 2')
  const { failed, sent } = await load.stop()
  process.stdout.write(`streams: ${failed.length} of ${sent} failed\n`)
  expect(failed).toEqual([])
  expect(await ask(instance.port)).toBe('version 2')
})
