import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { docker } from '../../local/docker/docker.ts'
import { inFull } from '../support/size.ts'
import { replaceText, type Edit } from './edit.ts'
import type { HostAnswer, Instance } from './instance.ts'
import { ask, startLoad } from './load.ts'
import { openStage, type Image, type Stage } from './stage.ts'

let stage: Stage
let one: Image
let two: Image
/** The proxy's image as of a later day, by its digest. */
let newer: string
/** One proxy is renewed by the tests of this file, one after the other. */
let instance: Instance
let app: string
let generation = 0
/** Of the newest renewal. */
let fence = 0

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
  instance = await stage.instance()
  app = stage.app('renewed')
  await deploy(one)
})
afterAll(async () => stage.close())

const owner = '000000000000/eu-west-3/local'

const renewAs = (number: number, image: string, edit?: Edit): Promise<HostAnswer> => {
  const NotAfter = String(Math.floor(Date.now() / 1000) + 600)
  const parameters = { Owner: owner, NotAfter, Fence: String(number), ProxyImage: image }
  return instance.run('renew', parameters, edit)
}
const renew = (image: string, edit?: Edit): Promise<HostAnswer> => {
  fence += 1
  return renewAs(fence, image, edit)
}

/** There is one proxy, which is of this image, and it answers for this release. */
const expectProxy = async (image: string, text: string): Promise<void> => {
  const proxy = `landfall-proxy-127.0.0.1-${instance.port}`
  const listing = ['ps', '--all', '--filter', `name=^${proxy}`, '--format', '{{.Names}}']
  expect((await docker(listing)).trim()).toBe(proxy)
  const runs = await docker(['inspect', '--format', '{{.Config.Image}}', proxy])
  expect(runs.trim()).toBe(image)
  expect(await ask(instance.port)).toBe(text)
}

const deploy = async (image: Image): Promise<void> => {
  generation += 1
  const order = { app, generation, fence: generation, ...image }
  expect(await instance.deploy(order)).toMatchObject({ outcome: 'succeeded' })
}

test('a renewal closes the port for a moment that it tells, and answers what it was asked before', async () => {
  await docker(['pull', '--quiet', newer])
  const load = startLoad(instance.port)
  await load.flows()
  const slow = ask(instance.port, { path: '/slow?seconds=0.6' })
  const answer = await renew(newer)
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
  await expectProxy(newer, 'one')
  await deploy(two)
  await expectProxy(newer, 'two')
  expect(await renewAs(1, newer)).toMatchObject({ reason: 'already_live', changed: false })
  expect(await renew(newer)).toMatchObject({ reason: 'already_live', changed: false })
  const late = await renewAs(1, stage.proxyImage)
  expect(late).toMatchObject({ outcome: 'refused', reason: 'superseded_fence', fenceSeen: 2 })
  const byTag = await renew('docker.io/library/haproxy:3.2')
  expect(byTag).toMatchObject({ outcome: 'refused', reason: 'order_invalid' })
  await expectProxy(newer, 'two')
})

test('an image that is no proxy replaces nothing, and one that does not answer is taken back', async () => {
  const load = startLoad(instance.port)
  await load.flows()
  const none = await renew(`${one.image}@${one.digest}`)
  expect(none).toMatchObject({ outcome: 'failed', reason: 'switch_failed', changed: false })
  expect((await load.stop()).failed).toEqual([])
  const deaf = replaceText('\nproxy_answers\n}', '\nfalse\n}')
  const hasten = replaceText('remaining 10)" next_answers', 'remaining 1)" next_answers')
  const mute = await renew(stage.proxyImage, (script) => hasten(deaf(script)))
  expect(mute).toMatchObject({ outcome: 'failed', reason: 'switch_failed' })
  // What the new one has printed, which HAProxy ends so where it has started.
  expect(mute.message).toMatch(/ does not answer with the new image: .*Loading success/)
  await expectProxy(newer, 'two')
})

interface Place {
  readonly line: string
  readonly isBefore: boolean
  /** Whether the next deployment finds the new proxy, or the one before. */
  readonly isRenewed: boolean
}
const places: Readonly<Record<string, Place>> = {
  'before the port is closed': { line: 'stop_proxy\n', isBefore: true, isRenewed: false },
  'with the port closed': { line: 'stop_proxy\n', isBefore: false, isRenewed: false },
  'with the new one started': {
    line: 'docker start "$proxy-next" >/dev/null\n',
    isBefore: false,
    isRenewed: true,
  },
  'between two names': {
    line: 'docker rename "$proxy-next" "$proxy"\n',
    isBefore: true,
    isRenewed: true,
  },
}
const killed = inFull(Object.keys(places), ['with the port closed', 'between two names'])

test.each(killed)('killed %s, the next deployment repairs it', async (place) => {
  const { line, isBefore, isRenewed } = places[place] ?? expect.unreachable()
  const isEven = killed.indexOf(place) % 2 === 0
  const [from, to] = isEven ? [newer, stage.proxyImage] : [stage.proxyImage, newer]
  const [image, text] = isEven ? ([one, 'one'] as const) : ([two, 'two'] as const)
  await renew(from)
  const died = await renew(to, (script) => {
    // The document has no spaces before a line.
    const at = `\n${line}`
    expect(script.split(at)).toHaveLength(2)
    return script.replace(at, isBefore ? `\nkill -9 0${at}` : `${at}kill -9 0\n`)
  })
  expect(died).toMatchObject({ outcome: 'none', code: null })
  await deploy(image)
  await expectProxy(isRenewed ? to : from, text)
  // The same command once more.
  expect(await renewAs(fence, to)).toMatchObject({ outcome: 'succeeded' })
  await expectProxy(to, text)
})
