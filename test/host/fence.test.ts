import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { docker } from '../../local/docker/docker.ts'
import { waitUntil } from '../support/local-aws.ts'
import { ask, startLoad } from './load.ts'
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

const runningOf = (app: string): Promise<string> =>
  docker(['ps', '--filter', `label=landfall.app=${app}`, '--format', '{{.Names}}'])

test('a lower fence is refused, an equal one told again, a higher one finds it live already', async () => {
  const app = stage.app('fence')
  const instance = await stage.instance()
  const first = await instance.deploy({ app, generation: 2, fence: 7, ...one })
  const lower = await instance.deploy({ app, generation: 1, fence: 6, ...two })
  expect(lower).toMatchObject({
    outcome: 'refused',
    reason: 'superseded_fence',
    fenceSeen: 7,
    changed: false,
  })
  const equal = await instance.deploy({ app, generation: 2, fence: 7, ...one })
  expect(equal.output).toBe(first.output)
  const higher = await instance.deploy({ app, generation: 2, fence: 9, ...one })
  expect(higher).toMatchObject({ outcome: 'succeeded', reason: 'already_live', changed: false })
  expect(await ask(instance.port)).toBe('one')
})

test('a number and a fence that a restored journal gives out again are not taken for those of before', async () => {
  const app = stage.app('reused')
  const instance = await stage.instance()
  const order = { app, generation: 2, fence: 5 }
  await instance.deploy({ ...order, ...one, settings: { numbered: 1000 } })
  const name = `landfall-${app}.2`
  const started = await docker(['inspect', '--format', '{{.State.StartedAt}}', name])
  // The same fence, an equal image with other settings, and another image: none is told what came of the first.
  for (const [image, fence] of [
    [one, 5],
    [one, 6],
    [two, 6],
    [two, 7],
  ] as const)
    expect(
      await instance.deploy({ ...order, ...image, fence, settings: { numbered: 2000 } }),
    ).toMatchObject({
      outcome: 'refused',
      reason: 'superseded_fence',
      message: 'generation 2 is another release here',
      serving: { generation: 2, digest: one.digest },
      changed: false,
    })
  expect(await docker(['inspect', '--format', '{{.State.StartedAt}}', name])).toBe(started)
  const next = { ...order, ...two, fence: 8, settings: { numbered: 2000 } }
  const renumbered = await instance.deploy({ ...next, generation: 3 })
  expect(renumbered).toMatchObject({ outcome: 'succeeded', serving: { generation: 3 } })
  // What brings a release back does not give it its number, and goes on as it did.
  const same = await instance.deploy({ ...next, generation: 3, fence: 9, settings: {} })
  expect(same).toMatchObject({ outcome: 'succeeded', reason: 'already_live' })
  expect(await ask(instance.port)).toBe('two')
}, 60_000)

test('two commands of one fence at the same time act once and answer alike', async () => {
  const app = stage.app('twins')
  const instance = await stage.instance()
  const order = { app, generation: 1, fence: 1, ...one }
  const [left, right] = await Promise.all([instance.deploy(order), instance.deploy(order)])
  expect(left.output).toBe(right.output)
})

test('who holds the lock gives way to a newer fence, before the switch and while it drains', async () => {
  const app = stage.app('way')
  const instance = await stage.instance()
  await instance.deploy({ app, generation: 1, fence: 1, ...one })
  const slow = await stage.publish('slow', { START_DELAY_SECONDS: '3' })
  const late = instance.deploy({ app, generation: 2, fence: 2, ...slow })
  // Between the start of its container and the switch it has the lock, for three seconds.
  await waitUntil(async () => (await runningOf(app)).includes(`landfall-${app}.2`))
  const newer = instance.deploy({ app, generation: 3, fence: 3, ...two })
  expect(await late).toMatchObject({
    outcome: 'failed',
    reason: 'superseded_fence',
    serving: { generation: 1 },
  })
  expect(await newer).toMatchObject({ outcome: 'succeeded', serving: { generation: 3 } })
  const busy = ask(instance.port, { path: '/slow?seconds=10' })
  await sleep(200)
  const draining = instance.deploy({ app, generation: 4, fence: 4, ...one })
  // It has switched, and drains for as long as the request lasts.
  await waitUntil(async () => (await ask(instance.port)) === 'one')
  const back = await instance.deploy({ app, generation: 3, fence: 5, mode: 'restore', ...two })
  expect(back).toMatchObject({ outcome: 'succeeded', serving: { generation: 3 } })
  expect((await draining).steps.find((step) => step.name === 'drain')).toMatchObject({
    status: 'skipped',
  })
  expect(await busy).toBe('two')
})

test('a late command, another owner, a foreign key and a foreign envelope change nothing', async () => {
  const app = stage.app('refusals')
  const instance = await stage.instance()
  const order = { app, generation: 1, fence: 1, ...one }
  const late = { outcome: 'refused', reason: 'too_late', changed: false, code: 1 }
  expect(
    await instance.deploy({ ...order, notAfter: Math.floor(Date.now() / 1000) - 1 }),
  ).toMatchObject(late)
  await instance.deploy(order)
  const other = await instance.deploy({ ...order, fence: 2, owner: '111111111111/eu-west-3/prod' })
  expect(other).toMatchObject({
    outcome: 'refused',
    reason: 'owned_by_other',
    serving: { generation: 1 },
  })
  const parameters = await instance.parameters({ ...order, generation: 2, fence: 3 })
  const forOther = await instance.run('deploy', { ...parameters, Generation: '3' }).answer
  expect(forOther).toMatchObject({ outcome: 'refused', reason: 'envelope_invalid', changed: false })
  const { Envelope: _, ...old } = parameters
  expect(await instance.run('deploy', old).answer).toMatchObject({
    outcome: 'refused',
    reason: 'agent_too_old',
  })
  const damaged = parameters['Envelope']?.slice(0, -40) ?? ''
  expect(
    await instance.run('deploy', { ...parameters, Fence: '4', Envelope: damaged }).answer,
  ).toMatchObject({ outcome: 'refused', reason: 'envelope_invalid' })
  expect(await ask(instance.port)).toBe('one')
})

test('a machine cloned from this one makes a key of its own and refuses what was sealed for the other', async () => {
  const app = stage.app('clone')
  const instance = await stage.instance()
  await instance.deploy({ app, generation: 1, fence: 1, ...one })
  const old = instance.certificate
  instance.id = 'i-0000c10e'
  const order = { app, generation: 2, fence: 2, ...two }
  expect(await instance.deploy(order)).toMatchObject({
    outcome: 'refused',
    reason: 'key_changed',
    serving: { generation: 1 },
  })
  await instance.prepare()
  expect(Buffer.from(instance.certificate)).not.toEqual(Buffer.from(old))
  const fresh = instance.certificate
  instance.certificate = old
  expect(await instance.deploy(order)).toMatchObject({ outcome: 'refused', reason: 'key_changed' })
  instance.certificate = fresh
  expect(await instance.deploy(order)).toMatchObject({
    outcome: 'succeeded',
    serving: { generation: 2 },
  })
})

test('without an envelope only a kept container is started, never one with an empty environment', async () => {
  const app = stage.app('bare')
  const instance = await stage.instance()
  const first = { app, generation: 1, fence: 1, ...one, envelope: ['env A=b'] }
  expect(await instance.deploy(first)).toMatchObject({ outcome: 'succeeded' })
  const second = { app, generation: 2, fence: 2, ...two }
  expect(await instance.deploy(second)).toMatchObject({ outcome: 'succeeded' })
  const bare = { app, envelope: null, ...one }
  expect(
    await instance.deploy({ ...bare, generation: 1, fence: 3, mode: 'restore' }),
  ).toMatchObject({ outcome: 'succeeded', serving: { generation: 1 } })
  await docker(['rm', `landfall-${app}.2`])
  const refusal = {
    outcome: 'refused',
    reason: 'secret_missing',
    message: 'no envelope and no kept container',
    changed: false,
    serving: { generation: 1 },
  }
  expect(
    await instance.deploy({ ...bare, ...two, generation: 2, fence: 4, mode: 'restore' }),
  ).toMatchObject(refusal)
  expect(await instance.deploy({ ...bare, ...two, generation: 3, fence: 5 })).toMatchObject(refusal)
  expect(await ask(instance.port)).toBe('one')
})

test('restoring what was live takes the kept container; without it, the image', async () => {
  const app = stage.app('restore')
  const instance = await stage.instance()
  await instance.deploy({ app, generation: 1, fence: 1, ...one })
  await instance.deploy({ app, generation: 2, fence: 2, ...two })
  const load = startLoad(instance.port)
  const began = Date.now()
  const back = await instance.deploy({ app, generation: 1, fence: 3, mode: 'restore', ...one })
  process.stdout.write(`restore from the kept container: ${Date.now() - began} ms\n`)
  expect(back).toMatchObject({
    outcome: 'succeeded',
    reason: 'restored',
    serving: { generation: 1 },
  })
  expect(back.steps.find((step) => step.name === 'pull')).toMatchObject({ status: 'skipped' })
  expect((await load.stop()).failed).toEqual([])
  await docker(['rm', `landfall-${app}.2`])
  const again = await instance.deploy({ app, generation: 2, fence: 4, mode: 'restore', ...two })
  expect(again).toMatchObject({ outcome: 'succeeded', serving: { generation: 2 } })
  expect(await ask(instance.port)).toBe('two')
})

test('what a lost state directory forgot is not given to another app', async () => {
  const app = stage.app('lost')
  const instance = await stage.instance()
  await instance.deploy({ app, generation: 1, fence: 1, ...one })
  rmSync(join(instance.root, 'instance', 'slots'))
  writeFileSync(join(instance.root, 'instance', 'slots'), '')
  const answer = await instance.deploy({
    app: stage.app('other'),
    generation: 1,
    fence: 1,
    ...two,
    settings: { host: ['b.example.com'] },
  })
  expect(answer).toMatchObject({ outcome: 'succeeded' })
  expect(await ask(instance.port)).toBe('one')
})
