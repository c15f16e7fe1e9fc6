import { afterAll, beforeAll, expect, test } from 'vitest'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { docker } from '../../local/docker/docker.ts'
import { inFull } from '../support/size.ts'
import type { Instance } from './instance.ts'
import { ask } from './load.ts'
import { openStage, type Image, type Stage } from './stage.ts'

let stage: Stage
let one: Image
let two: Image
let instance: Instance
/** Both tests change its only release by hand. */
let app: string
beforeAll(async () => {
  stage = await openStage()
  one = await stage.publish('one')
  two = await stage.publish('two')
  instance = await stage.instance()
  app = stage.app('drift')
})
afterAll(async () => stage.close())

test('prepare reports what serves, and the same order repairs what was changed by hand', async () => {
  expect(await instance.prepare(app)).toMatchObject({ outcome: 'succeeded', serving: null })
  const order = { app, generation: 4, ...one }
  await instance.deploy({ ...order, fence: 1 })
  const serving = { generation: 4, digest: one.digest }
  const name = `landfall-${app}.4`
  const proxy = `landfall-proxy-127.0.0.1-${instance.port}`
  const hands: Record<string, () => Promise<unknown>> = {
    'a stopped container': () => docker(['stop', '--time', '1', name]),
    'a removed container': () => docker(['rm', '--force', name]),
    'another image under its name': async () => {
      const image = `${two.image}@${two.digest}`
      await docker(['pull', '--quiet', image])
      await docker(['rm', '--force', name])
      await docker(['run', '--detach', '--name', name, '--label', `landfall.app=${app}`, image])
    },
    'a stopped proxy': () => docker(['stop', '--time', '1', proxy]),
    'a removed proxy': () => docker(['rm', '--force', proxy]),
  }
  const usual = ['a stopped container', 'another image under its name', 'a removed proxy']
  expect((await instance.prepare(app)).serving).toEqual(serving)
  for (const [index, what] of inFull(Object.keys(hands), usual).entries()) {
    await hands[what]?.()
    expect(await instance.prepare(app), what).toMatchObject({ outcome: 'succeeded', serving: null })
    const mended = await instance.deploy({ ...order, fence: index + 2 })
    expect(mended, what).toMatchObject({ outcome: 'succeeded', serving, changed: true })
    expect(await ask(instance.port), what).toBe('one')
  }
  expect((await instance.prepare(app)).serving).toEqual(serving)
  const again = await instance.deploy({ ...order, fence: 9 })
  expect(again).toMatchObject({ reason: 'already_live', changed: false })
})

test("a proxy that is made again has the stage's image, also with a release from before that named a tag", async () => {
  const proxy = `landfall-proxy-127.0.0.1-${instance.port}`
  const settings = join(instance.root, app, 'releases/4/settings')
  const tagged = readFileSync(settings, 'utf8').replace(
    /proxyImage=[^\0]+/,
    'proxyImage=haproxy:3.2',
  )
  expect(tagged).toContain('proxyImage=haproxy:3.2')
  writeFileSync(settings, tagged)
  await docker(['rm', '--force', proxy, `landfall-${app}.4`])
  await docker([
    'run',
    '--detach',
    '--name',
    `landfall-${app}.4`,
    '--network',
    'none',
    `${one.image}@${one.digest}`,
    'false',
  ])
  const broken = {
    app,
    generation: 5,
    fence: 10,
    ...two,
    settings: { healthPath: '/none', healthTimeout: 1 },
  }
  expect(await instance.deploy(broken)).toMatchObject({ outcome: 'failed' })
  expect((await docker(['inspect', '--format', '{{.Config.Image}}', proxy])).trim()).toBe(
    instance.proxyImage,
  )
})
