import { afterAll, beforeAll, expect, it } from 'vitest'
import { createFleetScans } from '../../src/journal/fleet-scans.ts'
import { InstanceId } from '../../src/kernel/id.ts'
import { startJournal, type TestJournal } from '../support/journal-table.ts'

let journal: TestJournal
beforeAll(async () => {
  journal = await startJournal()
})
afterAll(() => journal.stop())

it('is empty before the first, and then what was last recorded', async () => {
  const fleetScans = createFleetScans(journal.table)
  expect(await fleetScans.load()).toEqual({ online: [], asked: {} })
  const id = InstanceId.parse('i-0123456789abcdef0')
  await fleetScans.record({ online: [id], asked: { shop: '2026-11-20T10:00:00.000Z' } })
  const last = { online: [], asked: { shop: '2026-11-20T11:00:00.000Z' } }
  await fleetScans.record(last)
  expect(await fleetScans.load()).toEqual(last)
})
