import { expect, test } from 'vitest'
import { createHookSecretCaches, type ReadStage } from '../../../src/aws/hook-secrets.ts'
import { createLog } from '../../../src/kernel/log.ts'
import { Redacted } from '../../../src/kernel/redacted.ts'
import { succeed } from '../../../src/kernel/result.ts'
import type { SecretFailure } from '../../../src/secrets/app-secret.ts'
import { failedSecret } from '../../support/failed-secret.ts'

const start = Date.parse('2026-11-20T12:00:00.000Z')

type Failure = SecretFailure['reason']

interface World {
  now: number
  reads: string[]
  value: string
  before: string
  failure: Failure | null
  previous: Failure | null
  lines: string[]
}

/** A source whose secret was made `age` seconds ago, a clock to move and a count of what is read. */
const play = (age: number) => {
  const world: World = {
    now: start,
    reads: [],
    value: 'the-current-value',
    before: 'the-previous-value',
    failure: null,
    previous: null,
    lines: [],
  }
  const createdAt = new Date(start - age * 1000).toISOString()
  const readStage: ReadStage = (_name, stage) => {
    world.reads.push(stage)
    const failure = stage === 'AWSCURRENT' ? world.failure : world.previous
    const value = new Redacted(stage === 'AWSCURRENT' ? world.value : world.before)
    return Promise.resolve(failure === null ? succeed({ value, createdAt }) : failedSecret(failure))
  }
  const sources = { github: { secret: 'github' }, circleci: null, 'docker-hub': null }
  const secrets = createHookSecretCaches(
    sources,
    readStage,
    () => new Date(world.now),
    createLog({}, (line) => world.lines.push(line)),
  )
  return Object.assign(world, {
    load: () => secrets.load('github'),
    refresh: () => secrets.refresh('github'),
    loadUnconfigured: () => secrets.load('circleci'),
    pass: (seconds: number) => {
      world.now += seconds * 1000
    },
  })
}

const hour = 3600
const unavailable = { ok: false, error: 'secret_unavailable' }

test('reads a webhook secret once in five minutes', async () => {
  const world = play(48 * hour)
  const first = await world.load()
  world.pass(299)
  expect(await world.load()).toBe(first)
  expect(world.reads).toEqual(['AWSCURRENT'])
  world.pass(1)
  await world.load()
  expect(world.reads).toHaveLength(2)
})

test('reads a webhook secret once for concurrent callers', async () => {
  const world = play(48 * hour)
  await Promise.all([world.load(), world.load(), world.refresh()])
  expect(world.reads).toHaveLength(1)
})

test('rereads a webhook secret once a minute at most after bad signatures', async () => {
  const world = play(48 * hour)
  const first = await world.load()
  for (let second = 0; second < 59; second += 1) {
    world.pass(1)
    expect(await world.refresh()).toBe(first)
  }
  world.pass(1)
  world.value = 'a-rotated-value-1'
  const second = await world.refresh()
  expect(second.ok && second.value.current.reveal()).toBe('a-rotated-value-1')
  expect(await world.load()).toBe(second)
  expect(world.reads).toHaveLength(2)
})

test('reads the previous webhook secret for as long as it may be accepted', async () => {
  const young = play(24 * hour)
  const loaded = await young.load()
  expect(loaded.ok && loaded.value.previous?.reveal()).toBe('the-previous-value')
  const old = play(24 * hour + 300)
  const settled = await old.load()
  expect(settled.ok && settled.value.previous).toBeNull()
  expect(old.reads).toEqual(['AWSCURRENT'])
})

test('accepts no previous webhook secret once its label is removed', async () => {
  const world = play(hour)
  world.previous = 'secret_missing'
  const loaded = await world.load()
  expect(loaded.ok && loaded.value.previous).toBeNull()
})

test.each(['secret_missing', 'secret_unavailable'] as const)(
  'keeps a failed read (%s) of a webhook secret for ten seconds, with one error in the log',
  async (failure) => {
    const world = play(hour)
    world.failure = failure
    expect(await world.load()).toEqual(unavailable)
    world.failure = null
    world.pass(9)
    expect(await world.load()).toEqual(unavailable)
    expect(await world.refresh()).toEqual(unavailable)
    expect(world.reads).toHaveLength(1)
    expect(world.lines).toHaveLength(1)
    expect(world.lines[0]).toContain('"level":"error"')
    world.pass(1)
    expect(await world.load()).toMatchObject({ ok: true })
    expect(world.lines).toHaveLength(1)
  },
)

test('logs no error for the secret of a source without configuration, which strangers cause', async () => {
  const world = play(hour)
  expect(await world.loadUnconfigured()).toEqual(unavailable)
  expect(world.reads).toEqual([])
  expect(world.lines).toEqual([])
})

test('fails if the previous webhook secret cannot be read', async () => {
  const world = play(hour)
  world.previous = 'secret_unavailable'
  expect(await world.load()).toEqual(unavailable)
})

test('keeps a good webhook secret when a refresh fails', async () => {
  const world = play(48 * hour)
  const first = await world.load()
  world.pass(61)
  world.failure = 'secret_unavailable'
  expect(await world.refresh()).toEqual(unavailable)
  expect(await world.load()).toBe(first)
  expect(await world.refresh()).toBe(first)
  expect(world.reads).toHaveLength(2)
})

test('removes a webhook secret’s last line break, and nothing else', async () => {
  const world = play(48 * hour)
  world.value = ' 0123456\n89ABCDE\r\n'
  const loaded = await world.load()
  expect(loaded.ok && loaded.value.current.reveal()).toBe(' 0123456\n89ABCDE')
})

test('refuses a webhook secret of 15 characters, with an error in the log that names it', async () => {
  const world = play(48 * hour)
  world.value = '0123456789ABCDE\n'
  expect(await world.load()).toEqual(unavailable)
  expect(world.lines.map((line): unknown => JSON.parse(line))).toEqual([
    {
      level: 'error',
      message: 'webhook secret refused',
      source: 'github',
      secret: 'github',
      why: 'shorter than 16 characters',
    },
  ])
  world.value = '0123456789ABCDEF\n'
  world.pass(10)
  expect(await world.load()).toMatchObject({ ok: true })
})

test('accepts no previous webhook secret of 15 characters', async () => {
  const world = play(hour)
  world.before = '0123456789ABCDE'
  const loaded = await world.load()
  expect(loaded.ok && loaded.value.previous).toBeNull()
})
