import { describe, expect, test } from 'vitest'
import { createHerokuRecords } from '../../src/journal/heroku.ts'
import { Digest, Fence, Generation } from '../../src/kernel/id.ts'
import type { HerokuDeploy, HerokuRelease } from '../../src/targets/heroku/record.ts'
import { createHerokuMemory } from '../support/heroku-stage.ts'
import { digestOf } from '../support/service-stage.ts'
import { useJournal } from '../support/journal-table.ts'

const journal = await useJournal()

const place = { app: 'oc-lettings', process: 'web' }
const at = '2026-11-20T10:00:00.000Z'
const deployOf = (writes: number, fence = 42): HerokuDeploy => ({
  fence: Fence.parse(fence),
  writes,
  begunAt: at,
  at,
  before: 41,
  quietUntil: null,
  isCancelled: false,
  hasReleaseImage: false,
  images: null,
  carriedAt: null,
  mustCarry: false,
  isNewAttempt: false,
  request: { what: 'rollback', at, to: 7 },
  version: null,
  restartedAt: null,
})
const release: HerokuRelease = {
  generation: Generation.parse(7),
  digest: digestOf('a'),
  images: { image: Digest.parse(`sha256:${'c'.repeat(64)}`), release: null },
  id: '01234567-89ab-cdef-0123-456789abcdef',
  version: 42,
  at,
}

describe.each([
  ['in the journal', () => createHerokuRecords(journal.table)],
  ['in memory', createHerokuMemory],
])('the records of Heroku %s', (_, create) => {
  test('let the one of two writers win that wrote first', async () => {
    const records = create()
    const there = { ...place, app: `race-${crypto.randomUUID().slice(0, 8)}` }
    expect(await records.loadDeploy(there)).toBeNull()
    expect(await records.writeDeploy(there, deployOf(1))).toBe(true)
    expect(await records.writeDeploy(there, deployOf(1, 43))).toBe(false)
    expect(await records.writeDeploy(there, deployOf(2, 44))).toBe(true)
    expect(await records.writeDeploy(there, deployOf(2, 45))).toBe(false)
    expect(await records.loadDeploy(there)).toEqual(deployOf(2, 44))
  })

  test('are kept apart by app and process type', async () => {
    const records = create()
    const other = { ...place, process: 'worker' }
    await records.writeDeploy(other, deployOf(1))
    expect(await records.loadDeploy({ ...place, app: 'another' })).toBeNull()
    expect(await records.loadDeploy(other)).toEqual(deployOf(1))
  })

  test('give a release back by number and digest, and none of another digest', async () => {
    const records = create()
    const { generation, digest } = release
    await records.recordRelease(place, release)
    expect(await records.loadRelease(place, { generation, digest })).toEqual(release)
    expect(await records.loadRelease(place, { generation, digest: digestOf('b') })).toBeNull()
    const next = { generation: Generation.parse(8), digest }
    expect(await records.loadRelease(place, next)).toBeNull()
  })
})
