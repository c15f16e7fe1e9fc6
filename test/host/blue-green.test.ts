import { Agent } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { docker } from '../../local/docker/docker.ts'
import { ask, startLoad } from './load.ts'
import { openStage, type Stage } from './stage.ts'

let stage: Stage
beforeAll(async () => {
  stage = await openStage()
})
afterAll(async () => stage.close())

test('the first deployment answers through the proxy, a second one loses no request', async () => {
  const app = stage.app('shop')
  const instance = await stage.instance()
  const [one, two] = [await stage.publish('one'), await stage.publish('two')]
  const first = await instance.deploy({
    app,
    generation: 1,
    fence: 3,
    ...one,
    settings: { publishAddress: '' },
  })
  expect(first).toMatchObject({ outcome: 'succeeded', reason: 'deployed', code: 0, changed: true })
  expect(first.serving).toEqual({ generation: 1, digest: one.digest })
  expect(first.output.length).toBeLessThan(2400)
  expect(await ask(instance.port)).toBe('one')

  const load = startLoad(instance.port)
  await sleep(500)
  const slow = load.slow(10)
  await sleep(200)
  const second = await instance.deploy({
    app,
    generation: 2,
    fence: 4,
    ...two,
    settings: { publishAddress: '' },
  })
  expect(await slow).toBe('one')
  const { failed, sent, bodies } = await load.stop()
  expect(second).toMatchObject({
    outcome: 'succeeded',
    serving: { generation: 2, digest: two.digest },
  })
  expect(failed).toEqual([])
  expect(sent).toBeGreaterThan(500)
  expect(Object.keys(bodies).sort()).toEqual(['one', 'two'])
  const kept = await docker(['inspect', '--format', '{{.State.Status}}', `landfall-${app}.1`])
  expect(kept.trim()).toBe('exited')
})

test('a client sees no mark of the slot', async () => {
  const app = stage.app('mark')
  const instance = await stage.instance()
  await instance.deploy({ app, generation: 1, fence: 1, ...(await stage.publish('one')) })
  const response = await fetch(`http://127.0.0.1:${instance.port}/`)
  expect([...response.headers.keys()].filter((name) => name.startsWith('landfall'))).toEqual([])
})

test('two apps share a proxy by host; one that wants the same hosts is refused', async () => {
  const [first, second, third] = [stage.app('a'), stage.app('b'), stage.app('c')]
  const instance = await stage.instance()
  const [one, two] = [await stage.publish('one'), await stage.publish('two')]
  const at = (host: string) => ({ settings: { host: [host] } })
  await instance.deploy({ app: first, generation: 1, fence: 1, ...one, ...at('a.example.com') })
  const load = startLoad(instance.port, 'a.example.com')
  const joined = await instance.deploy({
    app: second,
    generation: 1,
    fence: 1,
    ...two,
    ...at('b.example.com'),
  })
  expect((await load.stop()).failed).toEqual([])
  expect(joined).toMatchObject({ outcome: 'succeeded' })
  expect(await ask(instance.port, { host: 'a.example.com' })).toBe('one')
  expect(await ask(instance.port, { host: 'B.example.com:80' })).toBe('two')
  await expect(ask(instance.port, { host: 'else.example.com' })).rejects.toThrow('404')
  const rival = await instance.deploy({
    app: third,
    generation: 1,
    fence: 1,
    ...two,
    ...at('a.example.com'),
  })
  expect(rival).toMatchObject({ outcome: 'failed', reason: 'port_in_use', changed: false })
  expect(await ask(instance.port, { host: 'a.example.com' })).toBe('one')
})

test('values of several lines, and the variables we add, reach the container', async () => {
  const app = stage.app('env')
  const instance = await stage.instance()
  const image = await stage.publish('env')
  const pem = '-----BEGIN KEY-----\nabc\n-----END KEY-----\n'
  const envelope = [`env PEM=${pem}`, 'env PLAIN=a=b "c" $d', 'env SENTRY_ENVIRONMENT=mine']
  expect(await instance.deploy({ app, generation: 1, fence: 1, ...image, envelope })).toMatchObject(
    { outcome: 'succeeded' },
  )
  const environmentOf = async (generation: number): Promise<unknown> => {
    const name = `landfall-${app}.${generation}`
    return JSON.parse(await docker(['inspect', '--format', '{{json .Config.Env}}', name]))
  }
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
  await instance.deploy({ app, generation: 2, fence: 2, ...image, settings: { commit: '' } })
  expect(await environmentOf(2)).toContain(`SENTRY_RELEASE=${app}@${image.digest.slice(7, 19)}`)
  const steering = await instance.deploy({
    app,
    generation: 3,
    fence: 3,
    ...image,
    envelope: ['env LD_PRELOAD=a\nb'],
  })
  expect(steering).toMatchObject({ outcome: 'refused', reason: 'envelope_invalid', changed: false })
})

test('a fresh proxy survives twenty switches of one app, none of them a reload', async () => {
  const app = stage.app('many')
  const instance = await stage.instance()
  const images = [await stage.publish('even'), await stage.publish('odd')]
  const order = (generation: number) => ({
    app,
    generation,
    fence: generation,
    ...(images[generation % 2] ?? images[0]),
    settings: { keep: 2 },
  })
  await instance.deploy({ image: '', digest: '', ...order(1) })
  const load = startLoad(instance.port)
  for (let generation = 2; generation <= 21; generation += 1)
    expect(await instance.deploy({ image: '', digest: '', ...order(generation) })).toMatchObject({
      outcome: 'succeeded',
    })
  const { failed, sent, longestMs } = await load.stop()
  process.stdout.write(
    `20 blue-green deployments: ${failed.length} of ${sent} failed, longest ${longestMs} ms\n`,
  )
  expect(failed).toEqual([])
  const names = (
    await docker(['ps', '--all', '--filter', `label=landfall.app=${app}`, '--format', '{{.Names}}'])
  )
    .trim()
    .split('\n')
  expect(names.sort()).toEqual([`landfall-${app}.20`, `landfall-${app}.21`])
})

test('a client that keeps its connection through a reload and a switch is answered afterwards', async () => {
  const app = stage.app('idle')
  const instance = await stage.instance()
  const [one, two] = [await stage.publish('before'), await stage.publish('after')]
  await instance.deploy({ app, generation: 1, fence: 1, ...one })
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  expect(await ask(instance.port, { agent })).toBe('before')
  // Another `hold` is a reload. The old worker keeps the connection and knows of the old container only.
  const settings = { hold: 20 }
  const second = await instance.deploy({ app, generation: 2, fence: 2, ...two, settings })
  expect(second).toMatchObject({ outcome: 'succeeded' })
  expect(await ask(instance.port, { agent })).toBe('after')
  agent.destroy()
})
