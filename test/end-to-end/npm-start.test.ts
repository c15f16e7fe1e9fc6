import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, afterEach, describe, expect, it } from 'vitest'
import { freePort } from '../../local/docker/free-port.ts'
import { listTree, stillRunning, type Seen } from '../support/processes.ts'
import { inFull } from '../support/size.ts'

const project = join(import.meta.dirname, '../..')
const directory = mkdtempSync(join(tmpdir(), 'landfall-npm-start-'))
const config = join(directory, 'landfall.yml')
// No target on an instance: no Docker Engine is asked.
writeFileSync(
  config,
  `sources:
  github: { secret: landfall/local/github }
apps:
  shop:
    repository: acme/shop
    image: acme/shop
    requires: [{ ci: github, workflow: CI }]
    targets:
      - render: { service: srv-000000000000000000g0, token: landfall/local/render }
`,
)

const patience = { timeout: 240_000, interval: 50 }
const ports = {
  'api-port': await freePort(),
  'aws-port': await freePort(),
  'registry-port': await freePort(),
}

interface Started {
  readonly npm: ChildProcess
  readonly pid: number
  readonly lines: readonly string[]
  /** Exit code and signal. */
  readonly ended: Promise<unknown[]>
}

const launched: number[] = []

/** As a terminal does it: npm leads a process group of its own. */
const npmStart = (options: Readonly<Record<string, string | number>>): Started => {
  const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)])
  const npm = spawn('npm', ['start', '--', ...args], { cwd: project, detached: true })
  const lines: string[] = []
  for (const input of [npm.stdout, npm.stderr])
    createInterface({ input }).on('line', (line) => lines.push(line))
  const pid = npm.pid ?? 0
  launched.push(pid)
  return { npm, pid, lines, ended: once(npm, 'close') }
}

const state = join(directory, 'state')
const start = (): Started => npmStart({ config, 'state-dir': state, ...ports })

const untilReady = async ({ pid, lines }: Started): Promise<readonly Seen[]> => {
  const message = 'npm start prints ready'
  await expect.poll(() => lines, { ...patience, message }).toContain('ready')
  const tree = listTree(pid)
  // Otherwise it would prove little that nothing of it is left.
  const commands = tree.map(({ command }) => command).join('\n')
  for (const part of ['npm', 'local/start.ts', 'api-gateway/serve.ts', 'docker-registry'])
    expect(commands).toContain(part)
  return tree
}

const isServed = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, 'localhost')
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
    socket.once('connect', () => socket.destroy())
  })

const listServed = async (): Promise<readonly number[]> => {
  const served: number[] = []
  for (const port of Object.values(ports)) if (await isServed(port)) served.push(port)
  return served
}

const expectNothingLeft = async (tree: readonly Seen[]): Promise<void> => {
  const hasEnded = { ...patience, message: 'every process that npm start started has ended' }
  await expect.poll(() => stillRunning(tree), hasEnded).toEqual([])
  // The last threads of a process that was killed may hold its sockets a moment longer than it is seen.
  await expect.poll(listServed, { ...patience, message: 'its ports are free' }).toEqual([])
}

const findStack = (tree: readonly Seen[]): number =>
  tree.find(({ command }) => command.startsWith('node local/start.ts'))?.pid ?? 0

/** What a test that failed leaves; of one that passed there is nothing. */
afterEach(() => {
  for (const pid of launched.splice(0).flatMap((one) => listTree(one).map((each) => each.pid)))
    process.kill(pid, 'SIGKILL')
})
afterAll(() => rmSync(directory, { recursive: true, force: true }))

describe('npm start', () => {
  it.each(inFull(['SIGTERM', 'SIGINT'] as const, ['SIGINT'] as const))(
    'ends with all that it started on %s to its process group',
    async (signal) => {
      const started = start()
      const tree = await untilReady(started)
      process.kill(-started.pid, signal)
      await expectNothingLeft(tree)
      expect(await started.ended).toEqual([0, null])
    },
  )

  it('ends with all that it started on SIGTERM to npm alone', async () => {
    const started = start()
    const tree = await untilReady(started)
    process.kill(started.pid, 'SIGTERM')
    await expectNothingLeft(tree)
    expect(await started.ended).toEqual([0, null])
  })

  it('ends with all that it started on SIGKILL to npm alone', async () => {
    const started = start()
    const tree = await untilReady(started)
    process.kill(started.pid, 'SIGKILL')
    await expectNothingLeft(tree)
  })

  it('ends with all that it started on SIGTERM while it starts', async () => {
    const started = start()
    const find = (): string =>
      listTree(started.pid)
        .map(({ command }) => command)
        .join('\n')
    const message = 'npm start starts its registry'
    await expect.poll(find, { ...patience, interval: 10, message }).toContain('docker-registry')
    const tree = listTree(started.pid)
    process.kill(started.pid, 'SIGTERM')
    await expectNothingLeft(tree)
    expect(await started.ended).toEqual([0, null])
  })
})

describe('a second npm start', () => {
  it('names the stack that has the ports, and a killed stack leaves nothing', async () => {
    const first = start()
    const tree = await untilReady(first)
    const stack = findStack(tree)
    const owner = new RegExp(`${state} \\(process ${stack}: node local/start\\.ts .*\\)`)
    const refused = async (options: Readonly<Record<string, string | number>>): Promise<string> => {
      const second = npmStart({ config, ...options })
      expect(await second.ended).toEqual([1, null])
      // npm's own two lines, each between empty ones, come first.
      const said = second.lines.filter((line) => line !== '' && !line.startsWith('> '))
      expect(said).toHaveLength(1)
      return said[0] ?? ''
    }
    const same = await refused({ 'state-dir': state, ...ports })
    expect(same).toMatch(owner)
    expect(same).toContain(`Port ${ports['api-port']} is taken by the local stack`)

    const others = { 'api-port': 0, 'aws-port': 0, 'registry-port': 'none' }
    expect(await refused({ 'state-dir': state, ...others })).toMatch(owner)

    process.kill(stack, 'SIGKILL')
    await expectNothingLeft(tree)
  })
})
