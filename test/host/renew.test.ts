import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { docker } from '../../local/docker/docker.ts'
import type { HostAnswer, Instance } from './instance.ts'
import { ask, startLoad } from './load.ts'
import { openStage, type Image, type Stage } from './stage.ts'

let stage: Stage
let one: Image
let two: Image
/** The proxy's image as of a later day, by its digest. */
let newer: string

const buildNewer = async (): Promise<string> => {
  const directory = mkdtempSync(join(tmpdir(), 'landfall-newer-'))
  const name = `${stage.address}/tests/haproxy`
  writeFileSync(join(directory, 'Dockerfile'), `FROM ${stage.proxyImage}\nLABEL newer=yes\n`)
  await docker(['build', '--quiet', '--tag', `${name}:newer`, directory])
  rmSync(directory, { recursive: true })
  await docker(['push', '--quiet', `${name}:newer`])
  const format = '{{range .RepoDigests}}{{println .}}{{end}}'
  const digests = await docker(['image', 'inspect', '--format', format, `${name}:newer`])
  return digests.split('\n').find((one) => one.startsWith(`${name}@`)) ?? ''
}

beforeAll(async () => {
  stage = await openStage()
  one = await stage.publish('one')
  two = await stage.publish('two')
  newer = await buildNewer()
})
afterAll(async () => stage.close())

const owner = '000000000000/eu-west-3/local'

const renew = (
  instance: Instance,
  fence: number,
  image = newer,
  edit?: (text: string) => string,
): Promise<HostAnswer> => {
  const NotAfter = String(Math.floor(Date.now() / 1000) + 600)
  const parameters = { Owner: owner, NotAfter, Fence: String(fence), ProxyImage: image }
  return instance.run('renew', parameters, edit).answer
}

const proxyOf = (instance: Instance) => `landfall-proxy-127.0.0.1-${instance.port}`
const imageOf = async (instance: Instance) =>
  (await docker(['inspect', '--format', '{{.Config.Image}}', proxyOf(instance)])).trim()
const proxiesOf = async (instance: Instance) => {
  const filter = `name=^${proxyOf(instance)}`
  const names = await docker(['ps', '--all', '--filter', filter, '--format', '{{.Names}}'])
  return names.trim().split('\n')
}

const deployed = async (title: string) => {
  const app = stage.app(title)
  const instance = await stage.instance()
  await instance.prepare(app)
  const order = { app, generation: 1, fence: 1, ...one }
  expect(await instance.deploy(order)).toMatchObject({ outcome: 'succeeded' })
  return { app, instance, order }
}

test('a renewal closes the port for a moment that it tells, and answers what it was asked before', async () => {
  const { instance, order } = await deployed('renewed')
  await docker(['pull', '--quiet', newer])
  const load = startLoad(instance.port)
  await load.flows()
  const slow = ask(instance.port, { path: '/slow?seconds=0.6' })
  const answer = await renew(instance, 1)
  expect(await slow).toBe('one')
  expect(answer).toMatchObject({ outcome: 'succeeded', reason: 'deployed', changed: true })
  const gapMs = /"gapMs":(\d+)/.exec(answer.output)?.[1]
  const { failed, sent } = await load.stop()
  process.stdout.write(
    `proxy renewed: closed for ${gapMs} ms, ${failed.length} of ${sent} failed\n`,
  )
  expect(answer.message).toBe(`1 renewed, the port closed for ${gapMs} ms at most`)
  // A connection that is refused, or closed while idle: no request was taken and then dropped with an error of its own.
  expect(failed.filter((one) => !/ECONNREFUSED|ECONNRESET|socket hang up/.test(one))).toEqual([])
  expect(await ask(instance.port)).toBe('one')
  expect(await imageOf(instance)).toBe(newer)
  expect(await proxiesOf(instance)).toEqual([proxyOf(instance)])
  const next = { ...order, generation: 2, fence: 2, ...two }
  expect(await instance.deploy(next)).toMatchObject({ outcome: 'succeeded' })
  expect(await imageOf(instance)).toBe(newer)
  expect(await renew(instance, 1)).toMatchObject({ reason: 'already_live', changed: false })
  expect(await renew(instance, 2)).toMatchObject({ reason: 'already_live', changed: false })
  const late = await renew(instance, 1, stage.proxyImage)
  expect(late).toMatchObject({ outcome: 'refused', reason: 'superseded_fence', fenceSeen: 2 })
  const byTag = await renew(instance, 3, 'docker.io/library/haproxy:3.2')
  expect(byTag).toMatchObject({ outcome: 'refused', reason: 'order_invalid' })
  expect(await ask(instance.port)).toBe('two')
})

test('an image that is no proxy replaces nothing, and one that does not answer is taken back', async () => {
  const { instance } = await deployed('kept')
  const load = startLoad(instance.port)
  await load.flows()
  const none = await renew(instance, 1, `${one.image}@${one.digest}`)
  expect(none).toMatchObject({ outcome: 'failed', reason: 'switch_failed', changed: false })
  expect((await load.stop()).failed).toEqual([])
  const deaf = (text: string) => {
    expect(text).toContain('\nproxy_answers\n}')
    return text.replace('\nproxy_answers\n}', '\nfalse\n}')
  }
  const mute = await renew(instance, 2, newer, (text) =>
    deaf(text).replace('remaining 10)" next_answers', 'remaining 1)" next_answers'),
  )
  expect(mute).toMatchObject({ outcome: 'failed', reason: 'switch_failed' })
  expect(await ask(instance.port)).toBe('one')
  expect(await imageOf(instance)).toBe(instance.proxyImage)
  expect(await proxiesOf(instance)).toEqual([proxyOf(instance)])
})

const places: Readonly<Record<string, readonly [line: string, isBefore: boolean]>> = {
  'before the port is closed': ['stop_proxy\n', true],
  'with the port closed': ['stop_proxy\n', false],
  'with the new one started': ['docker start "$proxy-next" >/dev/null\n', false],
  'between two names': ['docker rename "$proxy-next" "$proxy"\n', true],
}

test.each(Object.keys(places))('killed %s, the next deployment repairs it', async (place) => {
  const { instance, order } = await deployed(`killed-${Object.keys(places).indexOf(place)}`)
  const [line = '', isBefore = true] = places[place] ?? []
  const killed = await renew(instance, 1, newer, (text) => {
    // The document has no spaces before a line.
    const at = `\n${line}`
    expect(text.split(at)).toHaveLength(2)
    return text.replace(at, isBefore ? `\nkill -9 0${at}` : `${at}kill -9 0\n`)
  })
  expect(killed).toMatchObject({ outcome: 'none', code: null })
  const next = { ...order, generation: 2, fence: 2, ...two }
  expect(await instance.deploy(next)).toMatchObject({ outcome: 'succeeded' })
  expect(await ask(instance.port)).toBe('two')
  expect(await renew(instance, 1)).toMatchObject({ outcome: 'succeeded' })
  expect(await imageOf(instance)).toBe(newer)
  expect(await proxiesOf(instance)).toEqual([proxyOf(instance)])
  expect(await ask(instance.port)).toBe('two')
})
