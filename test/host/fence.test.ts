import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { docker } from '../../local/docker/docker.ts'
import { inFull } from '../support/size.ts'
import { waitFor } from '../support/wait.ts'
import { askHeld, letGo, waitUntilHeld } from './held.ts'
import type { HostAnswer, Instance, Order } from './instance.ts'
import { ask, startLoad } from './load.ts'
import { openStage, type Image, type Stage } from './stage.ts'

let stage: Stage
let instance: Instance
let app: string
let one: Image
let two: Image
let first: HostAnswer
/** What the tests of this file, one after the other, have given out last, and what serves then. */
let fence = 7
let newest = 2
let live = 2

beforeAll(async () => {
  stage = await openStage()
  instance = await stage.instance()
  app = stage.app('shop')
  one = await stage.publish('one')
  two = await stage.publish('two')
  first = await instance.deploy(firstOrder())
})
afterAll(async () => stage.close())

/** Never reached; the same for each release, since another one is a reload. */
const patient = { stopTimeout: 600 }

const firstOrder = (): Order => ({
  app,
  generation: 2,
  fence: 7,
  ...one,
  settings: { ...patient, numbered: 1000 },
})

/** The next number and fence, unless it is a number of before. */
const nextOrder = (image: Image, more: Partial<Order> = {}): Order => {
  fence += 1
  if (more.generation === undefined) newest += 1
  const order = { app, generation: newest, fence, ...image, ...more }
  return { ...order, settings: { ...patient, ...more.settings } }
}

const deploy = (image: Image, more: Partial<Order> = {}): Promise<HostAnswer> =>
  instance.deploy(nextOrder(image, more))

const expectLive = (answer: HostAnswer, generation: number): void => {
  expect(answer).toMatchObject({ outcome: 'succeeded', serving: { generation } })
  live = generation
}

const nameOf = (generation: number): string => `landfall-${app}.${generation}`

const state = (name: string): string => readFileSync(join(instance.root, app, name), 'utf8').trim()

test('a lower fence is refused, an equal one gets the recorded result, a higher one finds the release live', async () => {
  expect(first).toMatchObject({ outcome: 'succeeded', serving: { generation: 2 } })
  const lower = await instance.deploy({ app, generation: 1, fence: 6, ...two })
  expect(lower).toMatchObject({
    outcome: 'refused',
    reason: 'superseded_fence',
    fenceSeen: 7,
    changed: false,
  })
  const equal = await instance.deploy(firstOrder())
  expect(equal.output).toBe(first.output)
  fence = 9
  const higher = await instance.deploy({ ...firstOrder(), fence })
  expect(higher).toMatchObject({ outcome: 'succeeded', reason: 'already_live', changed: false })
  expect(await ask(instance.port)).toBe('one')
  // Settings of a live release are not compared, so two targets of an app cannot share an instance.
  const settings = { ...patient, numbered: 1000, healthPath: '/of-another-target' }
  fence = 10
  const other = await instance.deploy({ ...firstOrder(), fence, settings })
  expect(other).toMatchObject({ outcome: 'succeeded', reason: 'already_live', changed: false })
})

test('a number and a fence that a restored journal repeats are not taken for the earlier ones', async () => {
  const inspect = ['inspect', '--format', '{{.State.StartedAt}}', nameOf(2)]
  const started = await docker(inspect)
  const settings = { ...patient, numbered: 2000 }
  // The same fence, an equal image with other settings, and another image: none is told what came of the first.
  for (const [image, more] of [
    [one, 0],
    [one, 1],
    [two, 1],
    [two, 2],
  ] as const)
    expect(
      await instance.deploy({ app, generation: 2, ...image, fence: fence + more, settings }),
    ).toMatchObject({
      outcome: 'refused',
      reason: 'superseded_fence',
      message: 'generation 2 is another release here',
      serving: { generation: 2, digest: one.digest },
      changed: false,
    })
  expect(await docker(inspect)).toBe(started)
  fence += 2
  expectLive(await deploy(two, { settings }), 3)
  // What brings a release back does not give it its number, and goes on as it did.
  const same = await deploy(two, { generation: 3 })
  expect(same).toMatchObject({ outcome: 'succeeded', reason: 'already_live' })
  expect(await ask(instance.port)).toBe('two')
})

test('two commands of one fence at the same time act once and answer alike', async () => {
  const order = nextOrder(one, { envelope: ['env A=b'] })
  const [left, right] = await Promise.all([instance.deploy(order), instance.deploy(order)])
  expectLive(left, newest)
  expect(right.output).toBe(left.output)
})

test('a restore starts the kept container without an envelope and loses no request', async () => {
  const load = startLoad(instance.port)
  await load.flows()
  const began = Date.now()
  const back = await deploy(two, { generation: newest - 1, mode: 'restore', envelope: null })
  process.stdout.write(`restore from the kept container: ${Date.now() - began} ms\n`)
  expect(back.reason).toBe('restored')
  expectLive(back, newest - 1)
  expect(back.steps.find((step) => step.name === 'pull')).toMatchObject({ status: 'skipped' })
  await load.sees('two')
  expect((await load.stop()).failed).toEqual([])
})

test('a restore without an envelope starts no container with an empty environment', async () => {
  const gone = newest
  await docker(['rm', nameOf(gone)])
  const refusal = {
    outcome: 'refused',
    reason: 'secret_missing',
    message: 'no envelope and no kept container',
    changed: false,
    serving: { generation: live },
  }
  const restored = await deploy(one, { generation: gone, mode: 'restore', envelope: null })
  expect(restored).toMatchObject(refusal)
  expect(await deploy(one, { envelope: null })).toMatchObject(refusal)
  expect(await ask(instance.port)).toBe('two')
})

test('a restore starts a container from the image where the kept one is gone', async () => {
  const gone = live + 1
  expectLive(await deploy(one, { generation: gone, mode: 'restore' }), gone)
  expect(await ask(instance.port)).toBe('one')
})

test('a deployment gives way to a newer fence before the switch', async () => {
  const held = await stage.publish('held', { START_HELD: '1' })
  const late = deploy(held)
  const name = nameOf(newest)
  await waitUntilHeld(name, 'the start')
  const newer = deploy(two)
  await waitFor('the newer fence is seen', () => state('fence') === String(fence))
  await letGo(name)
  expect(await late).toMatchObject({
    outcome: 'failed',
    reason: 'superseded_fence',
    serving: { generation: live },
  })
  expectLive(await newer, newest)
})

test('a deployment that waits for the last request of the old release gives way to a newer fence', async () => {
  const busy = await askHeld(instance.port, nameOf(live))
  const draining = deploy(one)
  await waitFor('the next release is live', () => state('live').startsWith(`${newest} `))
  expectLive(await deploy(two, { generation: live, mode: 'restore' }), live)
  expect((await draining).steps.find((step) => step.name === 'drain')).toMatchObject({
    status: 'skipped',
  })
  await letGo(nameOf(live))
  expect(await busy.answer).toBe('two')
})

/** What supersedes a deployment that still drains; `earlier` is a release from before the one that it waits for. */
const orders: readonly (readonly [string, (earlier: number) => Promise<HostAnswer>])[] = [
  ['deployment', () => deploy(two, { settings: { predeploy: ['true'] } })],
  [
    'restore of an earlier release',
    (earlier) => deploy(two, { generation: earlier, mode: 'restore' }),
  ],
]
let earlier = 0
const attempted = (): string => (existsSync(join(instance.root, app, 'run')) ? state('run') : '')
test.each(inFull(orders, orders.slice(0, 1)))(
  'a %s that supersedes a drain lets the old release finish before it takes its slot',
  async (_, order) => {
    const drained = live
    const busy = await askHeld(instance.port, nameOf(drained))
    const draining = deploy(one)
    const between = newest
    await waitFor('the next release is live', () => state('live').startsWith(`${between} `))
    const newer = order(earlier)
    const ordered = earlier === 0 ? newest : earlier
    expect((await draining).steps.find((step) => step.name === 'drain')).toMatchObject({
      status: 'skipped',
    })
    await waitFor('the newer command is under way', () => attempted().startsWith(`${ordered} `))
    expect(state('live').startsWith(`${between} `)).toBe(true)
    await letGo(nameOf(drained))
    expect(await busy.answer).toBe('two')
    const answer = await newer
    expectLive(answer, ordered)
    const names = answer.steps.map(({ name }) => name)
    expect(names.slice(0, names.indexOf('predeploy'))).toContain('drain')
    const running = ['inspect', '--format', '{{.State.Running}}', nameOf(drained)]
    expect(await docker(running)).toBe('false\n')
    expect(await ask(instance.port)).toBe('two')
    earlier = drained
  },
)

test('a late command, another owner and a foreign envelope change nothing', async () => {
  const serving = { generation: live }
  const past = Math.floor(Date.now() / 1000) - 1
  const late = { outcome: 'refused', reason: 'too_late', changed: false, code: 1 }
  expect(await deploy(one, { notAfter: past })).toMatchObject({ ...late, serving })
  const other = await deploy(one, { owner: '111111111111/eu-west-3/prod' })
  expect(other).toMatchObject({ outcome: 'refused', reason: 'owned_by_other', serving })
  const send = async (change: (parameters: Record<string, string>) => Record<string, string>) =>
    instance.run('deploy', change(await instance.parameters(nextOrder(one))))
  const invalid = { outcome: 'refused', reason: 'envelope_invalid', changed: false, serving }
  const forOther = await send((all) => ({ ...all, Generation: String(newest + 1) }))
  expect(forOther).toMatchObject(invalid)
  const withoutEnvelope = ([name]: readonly [string, string]): boolean => name !== 'Envelope'
  const old = await send((all) => Object.fromEntries(Object.entries(all).filter(withoutEnvelope)))
  expect(old).toMatchObject({ outcome: 'refused', reason: 'agent_too_old' })
  const damaged = await send(({ Envelope = '', ...rest }) => ({
    ...rest,
    Envelope: Envelope.slice(0, -40),
  }))
  expect(damaged).toMatchObject(invalid)
  expect(await ask(instance.port)).toBe('two')
})

test('a cloned instance creates its own key and refuses an envelope for the original', async () => {
  const old = instance.certificate
  const refusal = { outcome: 'refused', reason: 'key_changed', serving: { generation: live } }
  instance.id = 'i-0000c10e'
  expect(await deploy(one)).toMatchObject(refusal)
  await instance.prepare()
  expect(Buffer.from(instance.certificate)).not.toEqual(Buffer.from(old))
  const fresh = instance.certificate
  instance.certificate = old
  expect(await deploy(one)).toMatchObject(refusal)
  instance.certificate = fresh
  expectLive(await deploy(one), newest)
})

test('an address pair that a lost state directory had is not given to another app', async () => {
  writeFileSync(join(instance.root, 'instance', 'slots'), '')
  const order = { app: stage.app('other'), generation: 1, fence: 1, ...one }
  const settings = { ...patient, host: ['b.example.com'] }
  expect(await instance.deploy({ ...order, settings })).toMatchObject({ outcome: 'succeeded' })
  expect(await ask(instance.port)).toBe('one')
})
