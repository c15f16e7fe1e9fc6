import { UpdateCommand } from '@aws-sdk/lib-dynamodb'
import * as z from 'zod'
import type { RecordSeen } from '../delivery/seen.ts'
import { hookKinds } from '../deployment/seen.ts'
import type { Seen } from '../rollout/journal.ts'
import { isWritten } from './conditional.ts'
import { instantSchema, isOurs, parseItem, schemaVersion, SchemaVersionUnknown } from './item.ts'
import { seenKey } from './keys.ts'
import { readItem, type JournalTable } from './table.ts'

/** An attribute for each kind, so that two at the same moment need not know of each other. */
const seenAttribute = (kind: string): string => `seen:${kind}`

const seenSchema = z.record(z.string(), z.unknown())

/** What the webhook notes. */
export const createRecordSeen =
  (table: JournalTable): RecordSeen =>
  async (app, kind, at) => {
    const order = new UpdateCommand({
      TableName: table.name,
      Key: seenKey(app),
      UpdateExpression: 'SET app = :app, schemaVersion = :schemaVersion, #seen = :at',
      ConditionExpression: isOurs,
      ExpressionAttributeNames: { '#seen': seenAttribute(kind) },
      ExpressionAttributeValues: { ':app': app, ':schemaVersion': schemaVersion, ':at': at },
    })
    if (!(await isWritten(table.documents().send(order))))
      throw new SchemaVersionUnknown(seenKey(app))
  }

/** What everybody else reads. A kind that this version does not know is passed over. */
export const createSeen = (table: JournalTable): Seen => ({
  load: async (app) => {
    const key = seenKey(app)
    const item = await readItem(table, key)
    if (item === null) return {}
    const noted = parseItem(seenSchema, key, item)
    return Object.fromEntries(
      hookKinds.flatMap((kind) => {
        const at = instantSchema.safeParse(noted[seenAttribute(kind)])
        return at.success ? [[kind, at.data] as const] : []
      }),
    )
  },
})
