import { afterAll, beforeAll, expect, it } from 'vitest'
import { createRollCalls } from '../../src/journal/roll-calls.ts'
import { InstanceId } from '../../src/kernel/id.ts'
import { startJournal, type TestJournal } from '../support/journal-table.ts'

let journal: TestJournal
beforeAll(async () => {
  journal = await startJournal()
})
afterAll(() => journal.stop())

it('is empty before the first, and then what was last recorded', async () => {
  const rollCalls = createRollCalls(journal.table)
  expect(await rollCalls.load()).toEqual({ online: [], asked: {} })
  const id = InstanceId.parse('i-0123456789abcdef0')
  await rollCalls.record({ online: [id], asked: { shop: '2026-11-20T10:00:00.000Z' } })
  const last = { online: [], asked: { shop: '2026-11-20T11:00:00.000Z' } }
  await rollCalls.record(last)
  expect(await rollCalls.load()).toEqual(last)
})
