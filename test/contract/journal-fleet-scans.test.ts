import { expect, it } from 'vitest'
import { createFleetScans } from '../../src/journal/fleet-scans.ts'
import { InstanceId } from '../../src/kernel/id.ts'
import { useJournal } from '../support/journal-table.ts'

const journal = await useJournal()

it('returns an empty fleet scan before the first, then the last one recorded', async () => {
  const fleetScans = createFleetScans(journal.table)
  expect(await fleetScans.load()).toEqual({ online: [], asked: {} })
  const id = InstanceId.parse('i-0123456789abcdef0')
  await fleetScans.record({ online: [id], asked: { shop: '2026-11-20T10:00:00.000Z' } })
  const last = { online: [], asked: { shop: '2026-11-20T11:00:00.000Z' } }
  await fleetScans.record(last)
  expect(await fleetScans.load()).toEqual(last)
})
