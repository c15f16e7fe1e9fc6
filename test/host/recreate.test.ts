import { readFileSync } from 'node:fs'
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
