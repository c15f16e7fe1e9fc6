import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { Agent } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { docker } from '../../local/docker/docker.ts'
import { inFull, isFull } from '../support/size.ts'
import { waitFor } from '../support/wait.ts'
import { replaceText } from './edit.ts'
import { askHeld, letGo } from './held.ts'
import type { HostAnswer, Instance, Order } from './instance.ts'
import { ask, startLoad } from './load.ts'
import { openStage, type Image, type Stage } from './stage.ts'

let stage: Stage
let instance: Instance
let app: string
let one: Image
let two: Image
let first: HostAnswer
/** The newest release of the app that the tests of this file deploy to, one after the other. */
let generation = 1
/** Connections to the app that no request uses stay open, and a deployment does not wait for them. */
const keepIdle = replaceText('pool-purge-delay 250ms', 'pool-purge-delay 1h')
/** The same for each release, since another one is a reload; never reached. */
const settings = { publishAddress: '', stopTimeout: 600 }
const pem = '-----BEGIN KEY-----\nabc\n-----END KEY-----\n'

beforeAll(async () => {
  stage = await openStage()
  instance = await stage.instance()
  app = stage.app('shop')
  one = await stage.publish('one')
  two = await stage.publish('two')
  const envelope = [`env PEM=${pem}`, 'env PLAIN=a=b "c" $d', 'env SENTRY_ENVIRONMENT=mine']
  const order = { app, generation, fence: generation, ...one, settings, envelope }
  first = await instance.deploy(order, keepIdle)
})
afterAll(async () => stage.close())

const deploy = (image: Image, more: Order['settings'] = {}): Promise<HostAnswer> => {
  generation += 1
  const order = { app, generation, fence: generation, ...image }
  return instance.deploy({ ...order, settings: { ...settings, ...more } })
}

const inspect = async (format: string, name: string): Promise<string> =>
  (await docker(['inspect', '--format', format, name])).trim()

const environmentOf = async (number: number): Promise<unknown> =>
  JSON.parse(await inspect('{{json .Config.Env}}', `landfall-${app}.${number}`))

test('the first deployment answers through the proxy', async () => {
  expect(first).toMatchObject({ outcome: 'succeeded', reason: 'deployed', code: 0, changed: true })
  expect(first.serving).toEqual({ generation: 1, digest: one.digest })
  expect(first.output.length).toBeLessThan(2400)
  expect(await ask(instance.port)).toBe('one')
})

test('responses do not reveal the slot', async () => {
  const response = await fetch(`http://127.0.0.1:${instance.port}/`)
  expect([...response.headers.keys()].filter((name) => name.startsWith('landfall'))).toEqual([])
})

test("values of several lines, and Landfall's variables, reach the container", async () => {
  expect(await environmentOf(1)).toEqual(
    expect.arrayContaining([
      `PEM=${pem}`,
      'PLAIN=a=b "c" $d',
      'SENTRY_ENVIRONMENT=mine',
      `SENTRY_RELEASE=${app}@${'c0ffee'.padEnd(40, '0')}`,
      `LANDFALL_APP=${app}`,
      'LANDFALL_GENERATION=1',
    ]),
  )
})

test('a value of several lines under a name that controls the loader is refused', async () => {
  generation += 1
  const order = { app, generation, fence: generation, ...one, envelope: ['env LD_PRELOAD=a\nb'] }
  expect(await instance.deploy(order)).toMatchObject({
    outcome: 'refused',
    reason: 'envelope_invalid',
    changed: false,
  })
})

test('a second deployment loses no request, and the old release answers its open requests', async () => {
  const load = startLoad(instance.port)
  await load.flows()
  const held = await askHeld(instance.port, `landfall-${app}.1`)
  const deployed = deploy(two, { commit: '' })
  await load.sees('two')
  await letGo(`landfall-${app}.1`)
  expect(await held.answer).toBe('one')
  expect(await deployed).toMatchObject({
    outcome: 'succeeded',
    serving: { generation, digest: two.digest },
  })
  const { failed, bodies } = await load.stop()
  expect(failed).toEqual([])
  expect(Object.keys(bodies).sort()).toEqual(['one', 'two'])
  expect(await inspect('{{.State.Status}}', `landfall-${app}.1`)).toBe('exited')
})

test('a release without a commit is named by its digest', async () => {
  expect(await environmentOf(generation)).toContain(
    `SENTRY_RELEASE=${app}@${two.digest.slice(7, 19)}`,
  )
})

/** The worker changes with each reload. */
const proxyProcesses = (): Promise<string> =>
  docker(['top', `landfall-proxy-${instance.port}`, '-o', 'pid,args'])

const switches = inFull(20, 2)

test(`a proxy survives ${switches} switches of one app under load, none of them a reload`, async () => {
  const before = await proxyProcesses()
  const load = startLoad(instance.port)
  await load.flows()
  const slow = isFull ? ask(instance.port, { path: '/slow?seconds=10' }) : Promise.resolve('two')
  for (let number = 0; number < switches; number += 1)
    expect(await deploy(number % 2 === 0 ? one : two, { keep: 2 })).toMatchObject({
      outcome: 'succeeded',
    })
  expect(await slow).toBe('two')
  const { failed, sent, longestMs } = await load.stop()
  process.stdout.write(
    `${switches} blue-green deployments: ${failed.length} of ${sent} failed, longest ${longestMs} ms\n`,
  )
  expect(failed).toEqual([])
  expect(await proxyProcesses()).toBe(before)
  const listing = ['ps', '--all', '--filter', `label=landfall.app=${app}`]
  const names = (await docker([...listing, '--format', '{{.Names}}'])).trim().split('\n')
  const kept = [generation - 1, generation].map((number) => `landfall-${app}.${number}`)
  expect(names.sort()).toEqual(kept.sort())
})

/** Notes what the script asks of the engine and of the proxy; one call a line. */
const noteCalls = async (during: () => Promise<unknown>): Promise<readonly string[]> => {
  const directory = mkdtempSync(join(tmpdir(), 'landfall-calls-'))
  const log = join(directory, 'log')
  for (const program of ['docker', 'nsenter']) {
    const note = `#!/bin/bash\nread -r line <<<"\${*//[[:space:]]/ }"\nprintf '%s\\n' "${program} $line" >>${log}\n`
    const script = `${note}PATH=/usr/sbin:/usr/bin:/sbin:/bin\nexec ${program} "$@"\n`
    writeFileSync(join(directory, program), script, { mode: 0o700 })
  }
  instance.environment = { PATH: `${directory}:/usr/sbin:/usr/bin:/sbin:/bin` }
  await during()
  instance.environment = {}
  const lines = readFileSync(log, 'utf8').split('\n').filter(Boolean)
  rmSync(directory, { recursive: true })
  return lines
}

test('a deployment calls docker fourteen times at most before the new release answers', async () => {
  const image = await stage.publish('three')
  const calls = await noteCalls(async () =>
    expect(await deploy(image)).toMatchObject({ outcome: 'succeeded' }),
  )
  const untilSwitch = calls.slice(
    0,
    calls.findIndex((call) => call.includes('set server')),
  )
  const toDocker = untilSwitch.filter((call) => call.startsWith('docker '))
  expect(toDocker.filter((call) => call.startsWith('docker pull '))).toHaveLength(1)
  expect(toDocker.length, toDocker.join('\n')).toBeLessThanOrEqual(14)
})

/** Creates a file `waits` while a worker from before a reload has not ended. */
const tellWaiting = replaceText(
  'while has_old_worker &&',
  'while has_old_worker && : >"$root/waits" &&',
)

describe('a proxy that two apps share', () => {
  let shared: Instance
  let left: string
  const order = { generation: 1, fence: 1 }
  const at = (host: string) => ({ host: [host] })
  beforeAll(async () => {
    shared = await stage.instance()
    left = stage.app('a')
    const begun = await shared.deploy({
      app: left,
      ...order,
      ...one,
      settings: at('a.example.com'),
    })
    expect(begun).toMatchObject({ outcome: 'succeeded' })
  })

  test('two apps share a proxy by host, and an app with the same hosts is refused', async () => {
    const [right, third] = [stage.app('b'), stage.app('c')]
    const load = startLoad(shared.port, 'a.example.com')
    await load.flows()
    const settings = at('b.example.com')
    const joined = await shared.deploy({ app: right, ...order, ...two, settings })
    expect((await load.stop()).failed).toEqual([])
    expect(joined).toMatchObject({ outcome: 'succeeded' })
    expect(await ask(shared.port, { host: 'a.example.com' })).toBe('one')
    for (const host of [
      'B.example.com:80',
      'b.EXAMPLE.com',
      'b.example.com.',
      'b.example.com.:8443',
    ])
      expect(await ask(shared.port, { host }), host).toBe('two')
    const path = 'http://B.example.com/'
    expect(await ask(shared.port, { host: 'b.example.com', path })).toBe('two')
    for (const host of [
      'else.example.com',
      '[::1]:80',
      '*',
      'b.example.com.else',
      'b.example.com, b.example.com',
    ])
      await expect(ask(shared.port, { host }), host).rejects.toThrow(/^40[04] /)
    const taken = at('a.example.com')
    const rival = await shared.deploy({ app: third, ...order, ...two, settings: taken })
    expect(rival).toMatchObject({ outcome: 'failed', reason: 'port_in_use', changed: false })
    expect(await ask(shared.port, { host: 'a.example.com' })).toBe('one')
  })

  test('a connection kept through a reload and a switch is still answered', async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    const host = 'a.example.com'
    expect(await ask(shared.port, { agent, host })).toBe('one')
    // Another `hold` is a reload. The old worker keeps the connection, knows of the old container only, and ends with
    // its next answer.
    const settings = { ...at(host), hold: 20 }
    const next = { app: left, generation: 2, fence: 2, ...two, settings }
    const deployed = shared.deploy(next, tellWaiting)
    const waits = join(shared.root, 'waits')
    await waitFor('the deployment waits for the old worker', () => existsSync(waits))
    expect(await ask(shared.port, { agent, host })).toBe('one')
    expect(await deployed).toMatchObject({ outcome: 'succeeded' })
    expect(await ask(shared.port, { agent, host })).toBe('two')
    agent.destroy()
  })
})
