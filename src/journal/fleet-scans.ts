import * as z from 'zod'
import { InstanceId } from '../kernel/id.ts'
import type { FleetScan, FleetScans } from '../rollout/journal.ts'
import { instantSchema, parseItem, schemaVersion } from './item.ts'
import { itemKey } from './keys.ts'
import { putItem, readItem, type JournalTable } from './table.ts'

const fleetScanSchema: z.ZodType<FleetScan> = z.object({
  online: z.array(InstanceId),
  asked: z.record(z.string(), instantSchema),
})

/** Unconditional: two ticks at one time write nearly the same, and a lost scan is only repeated. */
export const createFleetScans = (table: JournalTable): FleetScans => ({
  load: async () => {
    const key = itemKey.fleetScan()
    const item = await readItem(table, key)
    return item === null ? { online: [], asked: {} } : parseItem(fleetScanSchema, key, item)
  },
  record: async ({ online, asked }) => {
    await putItem(table, { ...itemKey.fleetScan(), schemaVersion, online, asked })
  },
})
