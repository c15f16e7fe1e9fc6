import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { waitFor } from '../support/wait.ts'
import { createClock, type Clock } from './clock.ts'
import { replaceText } from './edit.ts'
import { askHeld, waitUntilListening } from './held.ts'
import type { HostAnswer, Instance, Order } from './instance.ts'
import { ask } from './load.ts'
import { openStage, type Image, type Stage } from './stage.ts'

let stage: Stage
let instance: Instance
let app: string
let one: Image
let two: Image
let clock: Clock
let generation = 1
/** The same for each release: another one is a reload, which cuts what the proxy before it has open. */
const stopTimeout = 10

beforeAll(async () => {
  stage = await openStage()
  one = await stage.publish('one')
  two = await stage.publish('two')
  instance = await stage.instance()
  app = stage.app('shop')
  const order = { app, generation, fence: generation, ...one, settings: { stopTimeout } }
  expect(await instance.deploy(order)).toMatchObject({ outcome: 'succeeded' })
})
beforeEach(() => {
  clock = createClock()
  instance.environment = clock.environment
})
afterEach(() => clock.close())
afterAll(async () => stage.close())

const deploy = (image: Image, more: Order['settings'] = {}): Promise<HostAnswer> => {
  generation += 1
  const settings = { stopTimeout, ...more }
  return instance.deploy({ app, generation, fence: generation, ...image, settings })
}

/** Deploys while the old release has a request that it never answers; once it has switched, time goes on. */
const deployOverRequest = async (image: Image, settings: Order['settings'] = {}) => {
  const endless = await askHeld(instance.port, `landfall-${app}.${generation}`)
  const deployed = deploy(image, settings)
  const live = join(instance.root, app, 'live')
  await waitFor('the next release is live', () =>
    readFileSync(live, 'utf8').startsWith(`${generation} `),
  )
  clock.go()
  const began = Date.now()
  const answer = await deployed
  await expect(endless.answer).rejects.toThrow()
  return { ...answer, seconds: (Date.now() - began) / 1000 }
}

const took = ({ steps }: HostAnswer, name: string): number =>
  steps.find((step) => step.name === name)?.ms ?? -1

test('the last requests of the old release finish before it is stopped', async () => {
  const answer = await deployOverRequest(two)
  expect(answer).toMatchObject({ outcome: 'succeeded', serving: { generation } })
  // The scripts count in whole seconds.
  expect(took(answer, 'drain')).toBeGreaterThan((stopTimeout - 1) * 1000)
  expect(took(answer, 'drain')).toBeLessThanOrEqual(stopTimeout * 1000 + 200)
  expect(took(answer, 'retire')).toBe(0)
  // Docker's own time between asking the app to stop and ending it is a real one: five seconds after such a drain
  // (test/unit/host/scripts.test.ts).
  expect(answer.seconds).toBeGreaterThan(4)
})

test('no wait exceeds the time of the command, and a switch stays', async () => {
  const answer = await deployOverRequest(one, { timeout: 9 })
  expect(answer).toMatchObject({ outcome: 'succeeded', serving: { generation } })
  expect(clock.seconds()).toBeGreaterThan(7)
  expect(clock.seconds()).toBeLessThanOrEqual(9.2)
})

test('a restore has its share of the time', async () => {
  const sick = await stage.publish('sick', { FAULT: 'never_healthy' })
  const serving = { generation }
  const times = { healthTimeout: 60, healthInterval: 1, hold: 60, timeout: 24 }
  const deployed = deploy(sick, { strategy: 'recreate', ...times })
  // The old release is stopped by then, and only the new one's check is left.
  await waitUntilListening(`landfall-${app}.${generation}`)
  clock.go()
  const answer = await deployed
  expect(answer).toMatchObject({ reason: 'unhealthy', serving })
  expect(answer.steps.at(-1)?.ms).toBeLessThanOrEqual(17_000)
  expect(clock.seconds()).toBeLessThanOrEqual(24.2)
  expect(await ask(instance.port)).toBe('one')
})

test('a Docker Engine that never answers ends as docker_unavailable', async () => {
  // Waited out in full: a second shows as much as twenty.
  const hasten = replaceText(/timeout ("\$\(remaining 20\)"|20) (?=docker info )/g, 'timeout 1 ')
  const sockets: Socket[] = []
  const server = createServer((socket) => sockets.push(socket)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const port = typeof address === 'object' ? address?.port : 0
  const deaf = await stage.instance()
  deaf.environment = { DOCKER_HOST: `tcp://127.0.0.1:${port ?? 0}` }
  const order = { app: stage.app('deaf'), generation: 1, fence: 1, ...one }
  const [prepared, deployed] = await Promise.all([
    deaf.prepare(undefined, hasten),
    deaf.deploy(order, hasten),
  ])
  expect(prepared).toMatchObject({ outcome: 'failed', reason: 'docker_unavailable' })
  expect(deployed).toMatchObject({ outcome: 'failed', reason: 'docker_unavailable' })
  expect(deployed.message).toContain('no answer within 20 s')
  for (const socket of sockets) socket.destroy()
  server.close()
})
