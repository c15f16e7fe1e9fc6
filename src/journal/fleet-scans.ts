import { PutCommand } from '@aws-sdk/lib-dynamodb'
import * as z from 'zod'
import { InstanceId } from '../kernel/id.ts'
import type { FleetScan, FleetScans } from '../rollout/journal.ts'
import { instantSchema, parseItem, schemaVersion } from './item.ts'
import { fleetScanKey } from './keys.ts'
import { readItem, type JournalTable } from './table.ts'

const fleetScanSchema = z.object({
  online: z.array(InstanceId),
  asked: z.record(z.string(), instantSchema),
}) satisfies z.ZodType<FleetScan>

/** Two clocks at one time write about the same; whoever is the last has only looked once more. */
export const createFleetScans = (table: JournalTable): FleetScans => ({
  load: async () => {
    const item = await readItem(table, fleetScanKey)
    return item === null
      ? { online: [], asked: {} }
      : parseItem(fleetScanSchema, fleetScanKey, item)
  },
  record: async ({ online, asked }) => {
    const item = { ...fleetScanKey, schemaVersion, online, asked }
    await table.documents().send(new PutCommand({ TableName: table.name, Item: item }))
  },
})
