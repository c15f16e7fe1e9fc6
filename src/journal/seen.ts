import * as z from 'zod'
import type { RecordSeen } from '../delivery/seen.ts'
import { hookKinds } from '../deployment/seen.ts'
import type { Seen } from '../rollout/journal.ts'
import { instantSchema, isOurs, parseItem, schemaVersion, SchemaVersionUnknown } from './item.ts'
import { itemKey } from './keys.ts'
import { readItem, updateItem, type JournalTable } from './table.ts'

/** An attribute for each kind, so that concurrent writers do not touch each other's. */
const seenAttribute = (kind: string): string => `seen:${kind}`

/** For `webhook`, which only writes. */
export const createRecordSeen =
  (table: JournalTable): RecordSeen =>
  async (app, kind, at) => {
    const key = itemKey.seen(app)
    const isRecorded = await updateItem(table, key, {
      UpdateExpression: 'SET app = :app, schemaVersion = :schemaVersion, #seen = :at',
      ConditionExpression: isOurs,
      ExpressionAttributeNames: { '#seen': seenAttribute(kind) },
      ExpressionAttributeValues: { ':app': app, ':schemaVersion': schemaVersion, ':at': at },
    })
    if (!isRecorded) throw new SchemaVersionUnknown(key)
  }

/** For the functions that only read. A kind that this version does not know is skipped. */
export const createSeen = (table: JournalTable): Seen => ({
  load: async (app) => {
    const key = itemKey.seen(app)
    const item = await readItem(table, key)
    if (item === null) return {}
    const noted = parseItem(z.record(z.string(), z.unknown()), key, item)
    return Object.fromEntries(
      hookKinds.flatMap((kind) => {
        const at = instantSchema.safeParse(noted[seenAttribute(kind)])
        return at.success ? [[kind, at.data] as const] : []
      }),
    )
  },
})
