import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { createCarryRecords } from '../../src/journal/carries.ts'
import { addSeconds } from '../../src/kernel/clock.ts'
import type { CarryOrder, CarryProgress } from '../../src/targets/carry.ts'
import { createCarryWorld, digestOf } from '../support/carry-world.ts'
import { startJournal, type TestJournal } from '../support/journal-table.ts'

let journal: TestJournal
let count = 0
/** One for each test. */
let order: CarryOrder
beforeAll(async () => {
  journal = await startJournal()
})
afterAll(() => journal.stop())
beforeEach(() => {
  count += 1
  order = createCarryWorld().orderOf(digestOf('one'), { heroku: `shop-${count}` })
})

const at = '2026-11-20T10:00:00.000Z'
const carrying = (seconds = 0): CarryProgress => ({
  status: 'carrying',
  at: addSeconds(at, seconds),
  blobs: 4,
  blobsThere: seconds,
  sentBytes: 0,
})
const carried: CarryProgress = {
  ...carrying(5),
  status: 'carried',
  image: digestOf('image'),
  release: null,
}
const records = () => createCarryRecords(journal.table)

it('knows nothing of an order before the first run, and then what was last noted', async () => {
  expect(await records().load(order)).toBeNull()
  expect(await records().claim(order, 'a', carrying())).toBe(true)
  expect(await records().load(order)).toEqual(carrying())
  expect(await records().record(order, 'a', carried)).toBe(true)
  expect(await records().load(order)).toEqual(carried)
})

it('lets one run work at a time, and the same one claim twice', async () => {
  const claims = ['a', 'b', 'c'].map((run) => records().claim(order, run, carrying()))
  expect((await Promise.all(claims)).filter(Boolean)).toHaveLength(1)
  const [first, second] = ['x', 'y']
  const other = { ...order, process: 'worker' }
  expect(await records().claim(other, first, carrying())).toBe(true)
  expect(await records().claim(other, second, carrying(59))).toBe(false)
  expect(await records().claim(other, first, carrying(59))).toBe(true)
})

it('lets a run take over from one that is dead, which writes no more', async () => {
  await records().claim(order, 'a', carrying())
  expect(await records().claim(order, 'b', carrying(60))).toBe(true)
  expect(await records().record(order, 'a', carrying(61))).toBe(false)
  expect(await records().load(order)).toEqual(carrying(60))
})

it('lets a run begin where the last one has ended', async () => {
  await records().claim(order, 'a', carrying())
  await records().record(order, 'a', carried)
  expect(await records().claim(order, 'b', carrying(6))).toBe(true)
})

it.each([
  ['digest', (old: CarryOrder): CarryOrder => ({ ...old, digest: digestOf('two') })],
  ['command', (old: CarryOrder): CarryOrder => ({ ...old, release: ['migrate'] })],
  ['attempt', (old: CarryOrder): CarryOrder => ({ ...old, attempt: 7 })],
])('lets an order for another %s take the place of one that is under way', async (_, change) => {
  await records().claim(order, 'a', carrying())
  const newer = change(order)
  expect(await records().claim(newer, 'b', carrying(1))).toBe(true)
  expect(await records().record(order, 'a', carrying(2))).toBe(false)
  expect(await records().load(order)).toBeNull()
  expect(await records().load(newer)).toEqual(carrying(1))
})
