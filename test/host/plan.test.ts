import { once } from 'node:events'
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { docker } from '../../local/docker/docker.ts'
import { freePort } from '../../local/docker/free-port.ts'
import { parseHostPlan, type HostPlan } from '../../src/targets/ec2/result.ts'
import { traceHost } from '../support/trace.ts'
import type { Edit } from './edit.ts'
import { Instance, type HostAnswer, type Order } from './instance.ts'
import { openStage, type Image, type Stage } from './stage.ts'
import { usualEngine } from './usual-engine.ts'

let stage: Stage
let one: Image
let app: string
let instance: Instance
const own: Instance[] = []
const stranger = `landfall-test-stranger-${process.pid}`
const bin = mkdtempSync(join(tmpdir(), 'landfall-plan-bin-'))

beforeAll(async () => {
  stage = await openStage()
  one = await stage.publish('one')
  app = stage.app('shop')
})
beforeEach(async () => {
  // Nobody has ever prepared it.
  instance = new Instance('i-000000aa', await freePort())
  instance.proxyImage = stage.proxyImage
  own.push(instance)
})
afterEach(async () => {
  await docker(['rm', '--force', stranger])
})
afterAll(async () => {
  for (const each of own) await each.clean([app])
  rmSync(bin, { recursive: true })
  await stage.close()
})

const orderOf = (more: Partial<Order> = {}): Order => ({
  app,
  generation: 1,
  fence: 1,
  ...one,
  ...more,
})

/** Looks, and holds the answer against what stood there before and after. */
const look = async (
  more: Partial<Order> = {},
  edit?: Edit,
): Promise<{ answer: HostAnswer; plan: HostPlan | null }> => {
  const before = await traceHost(instance.root)
  const answer = await instance.plan(orderOf(more), edit)
  expect(await traceHost(instance.root)).toEqual(before)
  expect(answer.output.length).toBeLessThan(2400)
  return { answer, plan: parseHostPlan(answer.output) }
}

const lookAt = async (more: Partial<Order> = {}, edit?: Edit) => {
  const { answer, plan } = await look(more, edit)
  if (plan === null) throw new Error(answer.output)
  return plan
}

/** A container run by hand, as the team's own pipeline does it today. */
const runByHand = async (): Promise<void> => {
  const publish = `127.0.0.1:${instance.port}:8000`
  await docker(['run', '-d', '--name', stranger, '-p', publish, `${one.image}@${one.digest}`])
}

test('plan leaves nothing on an instance that Landfall never used', async () => {
  const plan = await lookAt()
  expect(plan).toMatchObject({
    outcome: 'succeeded',
    serving: null,
    missing: [],
    owner: '',
    pulled: false,
    holder: '',
    replacesRuns: false,
    losses: [],
    obstacles: [],
  })
  expect(plan.docker).toMatch(/^\d+\.\d+/)
  expect(plan.machine).toMatch(/^(x86_64|aarch64)$/)
  expect(plan.freeBytes).toBeGreaterThan(1e8)
  expect(plan.memoryBytes).toBeGreaterThan(1e7)
  expect(readdirSync(instance.root)).toEqual([])
  rmSync(instance.root, { recursive: true })
  await lookAt()
  expect(existsSync(instance.root)).toBe(false)
})

test('plan reports after a deployment what serves, its owner and that the image exists', async () => {
  await instance.prepare()
  const deployed = await instance.deploy(orderOf())
  expect(deployed, deployed.message).toMatchObject({ outcome: 'succeeded' })
  expect(await lookAt()).toMatchObject({
    serving: { generation: 1, digest: one.digest },
    owner: '000000000000/eu-west-3/local',
    pulled: true,
    holder: `landfall-proxy-127.0.0.1-${instance.port}`,
    proxy: stage.proxyImage.replace(/^.*@/, ''),
    obstacles: [],
  })
  const other = await lookAt({ owner: '000000000000/eu-west-3/prod' })
  expect(other.obstacles).toEqual([
    {
      reason: 'owned_by_other',
      message: 'this app is deployed here by 000000000000/eu-west-3/local',
    },
  ])
  // Another app on the same port and without hosts of its own.
  const rival = await lookAt({ app: stage.app('rival') })
  expect(rival.obstacles).toMatchObject([{ reason: 'port_in_use' }])
  expect(rival.obstacles[0]?.message).toContain(`${app} serves the same hosts`)
  // The proxy of other apps is nothing to take over.
  const wider = await lookAt({ app: stage.app('wider'), settings: { publishAddress: '' } })
  expect(wider.obstacles).toEqual([
    {
      reason: 'port_in_use',
      message: `port ${instance.port} is taken by the proxy of other apps; write  publish: 127.0.0.1:${instance.port}  or choose another port`,
    },
  ])
  await instance.clean([app])
})

test('plan names a container started by hand and the line to add', async () => {
  await runByHand()
  const taken = await lookAt()
  expect(taken.holder).toBe(stranger)
  expect(taken.obstacles).toEqual([
    {
      reason: 'port_in_use',
      message: `port ${instance.port} is taken by the container ${stranger}; if your app runs in it, add the line  replaces: ${stranger}`,
    },
  ])
  const replaced = await lookAt({ settings: { replaces: stranger } })
  expect(replaced).toMatchObject({ holder: stranger, replacesRuns: true, obstacles: [] })
  // The same words that a deployment ends with.
  await instance.prepare()
  const refused = await instance.deploy(orderOf())
  expect(refused.message).toBe(taken.obstacles[0]?.message)
})

test('plan tells a container on another address or protocol from one that has the port', async () => {
  const publish = [`127.0.0.2:${instance.port}:8000`, `127.0.0.1:${instance.port}:8000/udp`]
  const options = publish.flatMap((one) => ['-p', one])
  await docker(['run', '-d', '--name', stranger, ...options, `${one.image}@${one.digest}`])
  expect(await lookAt()).toMatchObject({ holder: '', obstacles: [] })
  const everywhere = await lookAt({ settings: { publishAddress: '' } })
  expect(everywhere).toMatchObject({ holder: stranger, obstacles: [{ reason: 'port_in_use' }] })
})

test('plan reports a program outside Docker', async () => {
  const server = createServer().listen(instance.port, '127.0.0.1')
  await once(server, 'listening')
  const { obstacles } = await lookAt()
  server.close()
  expect(obstacles).toEqual([
    {
      reason: 'port_in_use',
      message: `port ${instance.port} is taken by a program outside Docker`,
    },
  ])
})

test('plan checks no port for a worker', async () => {
  await runByHand()
  const settings = { strategy: 'worker', port: '', publishAddress: '', publishPort: '' }
  expect(await lookAt({ settings })).toMatchObject({ holder: '', obstacles: [] })
})

test('plan names a missing network and the command that creates it', async () => {
  const { obstacles } = await lookAt({ settings: { network: ['bridge', 'no-such-network'] } })
  expect(obstacles).toEqual([
    {
      reason: 'start_failed',
      message:
        'the network no-such-network is not there; run: docker network create no-such-network',
    },
  ])
})

/** All that the machine's own directories have, but for some programs. */
const without = (tools: readonly string[]): ((text: string) => string) => {
  const directory = mkdtempSync(join(bin, 'programs-'))
  const names = ['/bin', '/sbin', '/usr/bin', '/usr/sbin'].flatMap((from) =>
    readdirSync(from).map((name) => [name, join(from, name)] as const),
  )
  for (const [name, path] of new Map(names))
    if (!tools.includes(name)) symlinkSync(path, join(directory, name))
  instance.environment = { PATH: directory }
  return (text) => text.replace(':/usr/sbin:/usr/bin:/sbin:/bin"', '"')
}

test('plan says what to install on an instance without Docker', async () => {
  const { missing } = await lookAt({}, without(['docker']))
  expect(missing).toEqual(['docker (apt-get install docker.io, or dnf install docker)'])
})

test('plan says what to install on an instance without curl, openssl, flock, grep and nsenter', async () => {
  const tools = ['curl', 'openssl', 'flock', 'grep', 'nsenter']
  expect((await lookAt({}, without(tools))).missing).toEqual([
    'curl (apt-get install curl, or dnf install curl)',
    'openssl (apt-get install openssl, or dnf install openssl)',
    'flock (apt-get install util-linux, or dnf install util-linux)',
    'grep (apt-get install grep, or dnf install grep)',
    'nsenter (apt-get install util-linux, or dnf install util-linux)',
  ])
})

test('plan reports a full disk, unless the image exists already', async () => {
  const df = join(bin, 'df')
  writeFileSync(df, '#!/bin/sh\necho Avail\necho 12\n')
  chmodSync(df, 0o755)
  instance.environment = { PATH: `${bin}:/usr/sbin:/usr/bin:/sbin:/bin` }
  const two = await stage.publish('two')
  const plan = await lookAt(two)
  expect(plan.freeBytes).toBe(12)
  expect(plan.obstacles).toMatchObject([{ reason: 'disk_full' }])
  expect(plan.obstacles[0]?.message).toMatch(/^only 12 MB are free in \//)
  await docker(['pull', '--quiet', `${two.image}@${two.digest}`])
  expect(await lookAt(two)).toMatchObject({ pulled: true, obstacles: [] })
  rmSync(df)
})

test('plan reports an engine that is stopped or unreachable', async () => {
  instance.environment = { DOCKER_HOST: `tcp://127.0.0.1:${await freePort()}` }
  expect(await lookAt()).toMatchObject({
    docker: '',
    pulled: false,
    obstacles: [
      {
        reason: 'docker_unavailable',
        message: 'the Docker Engine does not answer; run: systemctl enable --now docker',
      },
    ],
  })
})

test('plan reports that Docker does not start at boot', async () => {
  const own = mkdtempSync(join(bin, 'systemd-'))
  const script = '#!/bin/sh\ncase "$*" in is-system-running) echo running ;; *) exit 1 ;; esac\n'
  writeFileSync(join(own, 'systemctl'), script, { mode: 0o755 })
  instance.environment = usualEngine(own)
  const { obstacles } = await lookAt()
  expect(obstacles).toMatchObject([{ reason: 'docker_unavailable' }])
  expect(obstacles[0]?.message).toContain('systemctl enable docker')
})

test.each(['App', 'Owner', 'NotAfter', 'Settings'])(
  'an agent that is too old to set %s is refused, and so is another form of it',
  async (name) => {
    const { [name]: value = '', ...rest } = await instance.planParameters(orderOf())
    const before = await traceHost(instance.root)
    const bad = ['', '$(touch /tmp/landfall-test-injected)', `${value}\n`]
    const [old, ...malformed] = await Promise.all([
      instance.run('plan', rest),
      ...bad.map((text) => instance.run('plan', { ...rest, [name]: text })),
    ])
    expect(old).toMatchObject({ outcome: 'refused', reason: 'agent_too_old', code: 1 })
    for (const [index, answer] of malformed.entries())
      expect(answer, bad[index]).toMatchObject({ outcome: 'refused', reason: 'order_invalid' })
    expect(await traceHost(instance.root)).toEqual(before)
    expect(existsSync('/tmp/landfall-test-injected')).toBe(false)
  },
)

test('plan refuses a late command and settings of another version', async () => {
  expect((await look({ notAfter: 1 })).answer).toMatchObject({ reason: 'too_late' })
  const { answer } = await look({ settings: { privileged: 'true' } })
  expect(answer).toMatchObject({ reason: 'order_invalid', message: 'unknown setting privileged' })
})

test('the longest answer of plan fits into a listing of SSM', async () => {
  const name = (index: number): string => `${index}`.padEnd(200, 'x')
  const variables = [1, 2, 3, 4, 5, 6, 7].flatMap((index) => ['-e', `V${name(index)}=planted`])
  await docker(['create', '--name', stranger, ...variables, `${one.image}@${one.digest}`])
  const network = [1, 2, 3, 4, 5, 6, 7].map(name)
  const settings = { network, replaces: stranger, envName: ['DEBUG'] }
  const { answer, plan } = await look({ settings }, without(['curl']))
  expect(answer.output.length).toBeLessThan(2400)
  expect(plan?.obstacles).toHaveLength(4)
  expect(plan?.losses).toHaveLength(4)
  expect(answer.output).not.toContain('planted')
})
