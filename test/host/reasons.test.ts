import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { docker } from '../../local/docker/docker.ts'
import { inFull } from '../support/size.ts'
import { endCheckAtAnswer, replaceText, type Edit } from './edit.ts'
import { canRestartEngine } from './engine.ts'
import type { HostAnswer, Instance, Order } from './instance.ts'
import { openStage, type Image, type Stage } from './stage.ts'

// What is told of a situation: its reason, and how the message begins or ends.

let stage: Stage
let instance: Instance
/** Has no proxy. */
let other: Instance
let app: string
/** The container of the release that serves. */
let live = ''
let image: Image
let generation = 0
const directory = mkdtempSync(join(tmpdir(), 'landfall-reasons-'))
let envelope: readonly string[] = []

beforeAll(async () => {
  stage = await openStage()
  instance = await stage.instance()
  other = await stage.instance()
  app = stage.app('shop')
  image = await stage.publish('one')
  const [key, cert] = ['key.pem', 'cert.pem'].map((name) => join(directory, name))
  const request = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=x']
  execFileSync('openssl', [...request, '-keyout', key ?? '', '-out', cert ?? ''], {
    stdio: 'ignore',
  })
  const read = (path = ''): string => execFileSync('cat', [path], { encoding: 'utf8' }).trim()
  envelope = [`env KEY=${read(key)}`, `env CERT=${read(cert)}`]
})
afterAll(async () => {
  await stage.close()
  rmSync(directory, { recursive: true })
})

const nextOrder = (more: Partial<Order> = {}): Order => {
  generation += 1
  return { app, generation, fence: generation, ...image, envelope, ...more }
}

const deploy = (more: Partial<Order> = {}): Promise<HostAnswer> => instance.deploy(nextOrder(more))

type Settings = NonNullable<Order['settings']>

const node = (script: string): Settings => ({ command: ['node', '-e', script] })

/** More than its limit in a moment, and not by the garbage collector's leave. */
const fill = 'const all = []; setInterval(() => all.push(Buffer.alloc(8e6, 1)), 5)'
const listen = '.listen(8000, "0.0.0.0")'

type Row = [string, Settings, string, RegExp]

/** Each of a mechanism that another row shows in the usual size too. */
const further: readonly Row[] = [
  [
    'the container is killed for its limit of memory',
    { ...node(fill), healthTimeout: 60, memory: '96m' },
    'out_of_memory',
    /^the container exited .*; a process in it was killed for want of memory \(its limit: 96m\)$/,
  ],
]

test.each<Row>([
  ...inFull(further, []),
  [
    'the predeploy is killed for its limit of memory',
    { predeploy: ['node', '-e', fill], memory: '96m' },
    'out_of_memory',
    /^node ended with code 137; a process in it was killed for want of memory/,
  ],
  [
    'the predeploy is killed by another',
    { predeploy: ['sh', '-c', 'echo gone; kill -9 $$'] },
    'predeploy_failed',
    /^sh ended with code 137: gone$/,
  ],
  [
    'a volume cannot be mounted',
    { volume: ['/tmp:/proc/landfall'], strategy: 'recreate' },
    'start_failed',
    /^the container cannot be started: .*\/proc\/landfall/,
  ],
  [
    'the program is not in the image',
    { command: ['not-there'] },
    'exited',
    /^the container exited .*: .* exec not-there failed: No such file or directory$/,
  ],
])('%s', async (_, settings, reason, message) => {
  const answer = await deploy({ settings })
  expect(answer).toMatchObject({ outcome: 'failed', reason, serving: null })
  expect(answer.message).toMatch(message)
})

/** test/unit/host/scripts.test.ts asks such servers too. */
const furtherAnswers: readonly Row[] = [
  [
    'the app closes each connection',
    node(`require('net').createServer((socket) => socket.destroy())${listen}`),
    'unhealthy',
    /^the connection to port 8000 is closed without an answer$/,
  ],
  [
    'the app speaks another protocol',
    node(`require('net').createServer((socket) => socket.write('SSH-2.0-x\\r\\n'))${listen}`),
    'unhealthy',
    /^what answers on port 8000 is not HTTP$/,
  ],
]

test.each<[...Row, Edit?]>([
  ...inFull(furtherAnswers, []),
  [
    'a worker process in the container is killed for its limit of memory',
    {
      ...node(
        `require('child_process').spawn('node', ['-e', ${JSON.stringify(fill)}]).on('exit', () =>
           require('http').createServer((_, answer) => answer.writeHead(502).end('no worker'))${listen})`,
      ),
      memory: '128m',
    },
    'out_of_memory',
    /^the last answer was 502 no worker; a process in it was killed for want of memory/,
  ],
  [
    'the app speaks TLS',
    node(`const { KEY: key, CERT: cert } = process.env
      require('https').createServer({ key, cert }, (_, answer) => answer.end())${listen}`),
    'unhealthy',
    /^port 8000 speaks TLS; let it speak HTTP$/,
  ],
  [
    'the app does not answer in time',
    node(`require('http').createServer(() => undefined)${listen}`),
    'unhealthy',
    /^no answer on port 8000 within 1 s$/,
    // Waited out in full.
    replaceText('health_timeout_each=5', 'health_timeout_each=1'),
  ],
])('%s', async (_, settings, reason, message, edit = (script) => script) => {
  const answer = await instance.deploy(nextOrder({ settings }), (script) =>
    endCheckAtAnswer(edit(script)),
  )
  expect(answer).toMatchObject({ outcome: 'failed', reason, serving: null })
  expect(answer.message).toMatch(message)
})

test('what Docker warns of is not taken for what it answers', async () => {
  const home = join(directory, 'home')
  mkdirSync(join(home, '.docker'), { recursive: true })
  writeFileSync(join(home, '.docker/config.json'), '{ not JSON')
  instance.environment = { HOME: home }
  onTestFinished(() => void (instance.environment = {}))
  const answer = await deploy({ settings: { command: ['sh', '-c', 'echo bye; exit 3'] } })
  expect(answer).toMatchObject({ reason: 'exited' })
  expect(answer.message).toMatch(/^the container exited .*: bye$/)
  const limited = ['inspect', '--format', '{{.HostConfig.LogConfig.Config}}']
  expect(await deploy()).toMatchObject({ outcome: 'succeeded' })
  live = `landfall-${app}.${generation}`
  expect(await docker([...limited, live])).toContain('max-size:10m')
})

test('an address that another container has is named, not the line with which Docker ends', async () => {
  const format = '{{(index .NetworkSettings.Networks "landfall").IPAMConfig.IPv4Address}}'
  const own = (await docker(['inspect', '--format', format, live])).trim()
  const next = own.replace(/\d+$/, (last) => String(Number(last) + 1))
  const stranger = `stranger-${process.pid}`
  const place = ['--network', 'landfall', '--ip', next, '--entrypoint', 'sleep']
  const name = `${image.image}@${image.digest}`
  await docker(['run', '--detach', '--init', '--name', stranger, ...place, name, '600'])
  onTestFinished(async () => void (await docker(['rm', '--force', stranger])))
  const answer = await deploy()
  expect(answer).toMatchObject({ outcome: 'failed', reason: 'start_failed' })
  expect(answer.message).toMatch(/^the container cannot be started: .*Address already in use$/)
})

test.skipIf(!canRestartEngine())(
  'a proxy that cannot be started is named with the cause, here the chains of the firewall',
  async () => {
    const rename = (from: string, to: string) =>
      execFileSync('iptables', ['--wait', '--table', 'nat', '-E', from, to])
    rename('DOCKER', 'HIDDEN')
    onTestFinished(() => void rename('HIDDEN', 'DOCKER'))
    const order = { app: stage.app('walled'), generation: 1, fence: 1, ...image }
    const answer = await other.deploy(order)
    expect(answer).toMatchObject({ outcome: 'failed', reason: 'switch_failed', serving: null })
    expect(answer.message).toMatch(/^the proxy landfall-proxy-\S+ does not start: /)
    expect(answer.message).toMatch(/No chain\/target\/match by that name\.$/)
  },
)

test('an image of the proxy that ends at once is told with what it printed', async () => {
  const build = mkdtempSync(join(directory, 'proxy-'))
  writeFileSync(join(build, 'haproxy'), '#!/bin/sh\necho wrong architecture >&2\nexit 3\n', {
    mode: 0o755,
  })
  const dockerfile = `FROM ${stage.proxyImage}\nCOPY haproxy /bin/haproxy\n`
  writeFileSync(join(build, 'Dockerfile'), dockerfile)
  const name = `${stage.address}/tests/no-proxy`
  await docker(['build', '--quiet', '--tag', `${name}:1`, build])
  await docker(['push', '--quiet', `${name}:1`])
  const format = '{{range .RepoDigests}}{{println .}}{{end}}'
  const digests = await docker(['image', 'inspect', '--format', format, `${name}:1`])
  const proxyImage = digests.split('\n').find((one) => one.startsWith(`${name}@`)) ?? ''
  const order = { app: stage.app('no-proxy'), generation: 1, fence: 1, ...image }
  const hasten = replaceText('"$(remaining 10)" proxy_answers', '"$(remaining 1)" proxy_answers')
  const answer = await other.deploy({ ...order, settings: { proxyImage } }, hasten)
  expect(answer).toMatchObject({ outcome: 'failed', reason: 'switch_failed', serving: null })
  expect(answer.message).toMatch(
    /^the proxy landfall-proxy-\S+ does not start: wrong architecture$/,
  )
})

test('a pull that the time of the run ends is told as that', async () => {
  const silent = createServer(() => undefined).listen(0, '127.0.0.1')
  onTestFinished(() => {
    silent.closeAllConnections()
    silent.close()
  })
  await once(silent, 'listening')
  const address = silent.address()
  const port = typeof address === 'object' ? address?.port : 0
  const order = nextOrder({ image: `localhost:${port}/none`, settings: { timeout: 12 } })
  // Waited out in full.
  const edit = replaceText('"$(remaining)" docker pull', '"$(remaining 1)" docker pull')
  const answer = await instance.deploy(order, edit)
  expect(answer).toMatchObject({ outcome: 'failed', reason: 'pull_failed' })
  expect(answer.message).toMatch(/^cut off after \d+ s; the timeout is 12 s/)
})

test('a container in the network of the host is named where a port is taken', async () => {
  const holder = `holder-${process.pid}`
  const script = `require('net').createServer().listen(${other.port}, '127.0.0.1', () => console.log('up'))`
  const name = `${image.image}@${image.digest}`
  await docker([
    'run',
    '--detach',
    '--init',
    '--name',
    holder,
    '--network',
    'host',
    name,
    'node',
    '-e',
    script,
  ])
  onTestFinished(async () => void (await docker(['rm', '--force', holder])))
  await expect.poll(() => docker(['logs', holder]), { timeout: 30_000 }).toContain('up')
  const order = { app: stage.app('late'), generation: 1, fence: 1, ...image }
  const answer = await other.deploy(order)
  expect(answer).toMatchObject({ outcome: 'failed', reason: 'port_in_use' })
  expect(answer.message).toContain(`by a container in the network of the host: ${holder}`)
})

test('a command that is too late names the clock of the instance', async () => {
  const answer = await deploy({ notAfter: Math.floor(Date.now() / 1000) - 5 })
  expect(answer).toMatchObject({ outcome: 'refused', reason: 'too_late' })
  expect(answer.message).toMatch(/^the command arrived after its time; the clock here says 20\d\d-/)
})

test.skipIf(!canRestartEngine())('a full file system of the state is told as that', async () => {
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', other.root])
  onTestFinished(() => void execFileSync('umount', ['--lazy', other.root]))
  await other.prepare()
  execFileSync(
    'sh',
    ['-c', `mkdir -p "$0/late/scratch"; cat /dev/zero >"$0/filled"; true`, other.root],
    { stdio: 'ignore' },
  )
  const filled = join(other.root, 'filled')
  truncateSync(filled, statSync(filled).size - 8192)
  const answer = await other.deploy({ app: 'late', generation: 1, fence: 1, ...image })
  expect(answer).toMatchObject({ outcome: 'failed', reason: 'disk_full', serving: null })
})
