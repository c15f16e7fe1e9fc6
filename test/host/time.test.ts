import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ask } from './load.ts'
import { openStage, type Image, type Stage } from './stage.ts'

let stage: Stage
let one: Image
let two: Image
beforeAll(async () => {
  stage = await openStage()
  one = await stage.publish('one')
  two = await stage.publish('two')
})
afterAll(async () => stage.close())

const timed = async <Value>(work: Promise<Value>): Promise<[Value, number]> => {
  const began = Date.now()
  const value = await work
  return [value, (Date.now() - began) / 1000]
}

/** What the machine's own work takes besides every wait: a dozen calls of docker, a slow test machine. */
const slackSeconds = 12

/** A request that no wait outlasts; whatever becomes of it. */
const askForever = (port: number): Promise<unknown> =>
  ask(port, { path: '/slow?seconds=90' }).catch(() => undefined)

test('the old release is waited for once, then stopped', async () => {
  const app = stage.app('once')
  const instance = await stage.instance()
  await instance.deploy({ app, generation: 1, fence: 1, ...one })
  void askForever(instance.port)
  await sleep(300)
  const settings = { stopTimeout: 4 }
  const { outcome, steps } = await instance.deploy({
    app,
    generation: 2,
    fence: 2,
    ...two,
    settings,
  })
  const took = (name: string) => steps.find((step) => step.name === name)?.ms ?? 0
  expect(outcome).toBe('succeeded')
  expect(took('drain')).toBeGreaterThan(3000)
  expect(took('drain')).toBeLessThan(6000)
  expect(took('retire')).toBeGreaterThan(3000)
  expect(took('retire')).toBeLessThan(7500)
})

test('no wait outlasts the time of the command, and what was switched stays so', async () => {
  const app = stage.app('capped')
  const instance = await stage.instance()
  await instance.deploy({ app, generation: 1, fence: 1, ...one })
  void askForever(instance.port)
  await sleep(300)
  const settings = { stopTimeout: 60, timeout: 15 }
  const [answer, seconds] = await timed(
    instance.deploy({ app, generation: 2, fence: 2, ...two, settings }),
  )
  expect(answer).toMatchObject({ outcome: 'succeeded', serving: { generation: 2 } })
  expect(seconds).toBeLessThan(15 + slackSeconds)
})

test('the way back has its part of that time', async () => {
  const app = stage.app('reserve')
  const instance = await stage.instance()
  const settings = { strategy: 'recreate', healthTimeout: 60, hold: 60 }
  await instance.deploy({ app, generation: 1, fence: 1, ...one, settings })
  const sick = await stage.publish('sick', { FAULT: 'never_healthy' })
  const [answer, seconds] = await timed(
    instance.deploy({
      app,
      generation: 2,
      fence: 2,
      ...sick,
      settings: { ...settings, timeout: 24 },
    }),
  )
  expect(answer).toMatchObject({ reason: 'unhealthy', serving: { generation: 1 } })
  expect(answer.steps.at(-1)?.ms).toBeLessThan(17_000)
  expect(seconds).toBeLessThan(24 + slackSeconds)
  expect(await ask(instance.port)).toBe('one')
})

test('a Docker Engine that takes the connection and never answers is docker_unavailable', async () => {
  const sockets: Socket[] = []
  const server = createServer((socket) => sockets.push(socket)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const port = typeof address === 'object' ? address?.port : 0
  const instance = await stage.instance()
  instance.environment = { DOCKER_HOST: `tcp://127.0.0.1:${port ?? 0}` }
  const order = { app: stage.app('deaf'), generation: 1, fence: 1, ...one }
  const [prepared, deployed] = await Promise.all([instance.prepare(), instance.deploy(order)])
  expect(prepared).toMatchObject({ outcome: 'failed', reason: 'docker_unavailable' })
  expect(deployed).toMatchObject({ outcome: 'failed', reason: 'docker_unavailable' })
  expect(deployed.message).toContain('no answer within 20 s')
  for (const socket of sockets) socket.destroy()
  server.close()
})
