import { readFileSync } from 'node:fs'
import { get, request } from 'node:http'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { docker } from '../../local/docker/docker.ts'
import { waitFor } from '../support/wait.ts'
import { createClock, type Clock } from './clock.ts'
import type { Instance } from './instance.ts'
import { ask, startLoad } from './load.ts'
import { openStage, type Image, type Stage } from './stage.ts'

let stage: Stage
let instance: Instance
let image: Image
let clock: Clock

beforeAll(async () => {
  clock = createClock()
  stage = await openStage()
  instance = await stage.instance()
  image = await stage.publish('streams')
})
afterAll(async () => {
  clock.close()
  await stage.close()
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
  const settings = { strategy: 'recreate', hold: 600, stopTimeout: 600, drain: 4 }
  const orderOf = (number: number) => ({
    app,
    generation: number,
    fence: number,
    ...image,
    settings: { ...settings, command: streaming(`version ${number}`) },
  })
  expect(await instance.deploy(orderOf(1))).toMatchObject({ outcome: 'succeeded' })
  const streams = [await openDownload(instance.port), await openSocket(instance.port)]
  const load = startLoad(instance.port)
  await load.flows()

  // Time stands still until all others wait; then the four seconds pass.
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
