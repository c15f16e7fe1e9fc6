import { PutCommand } from '@aws-sdk/lib-dynamodb'
import * as z from 'zod'
import { InstanceId } from '../kernel/id.ts'
import type { RollCall, RollCalls } from '../rollout/journal.ts'
import { instantSchema, parseItem, schemaVersion } from './item.ts'
import { rollCallKey } from './keys.ts'
import { readItem, type JournalTable } from './table.ts'

const rollCallSchema = z.object({
  online: z.array(InstanceId),
  asked: z.record(z.string(), instantSchema),
}) satisfies z.ZodType<RollCall>

/** Two clocks at one time write about the same; whoever is the last has only looked once more. */
export const createRollCalls = (table: JournalTable): RollCalls => ({
  load: async () => {
    const item = await readItem(table, rollCallKey)
    return item === null ? { online: [], asked: {} } : parseItem(rollCallSchema, rollCallKey, item)
  },
  record: async ({ online, asked }) => {
    const item = { ...rollCallKey, schemaVersion, online, asked }
    await table.documents().send(new PutCommand({ TableName: table.name, Item: item }))
  },
})
