import * as z from 'zod'
import type { RecordName, RecordSeen, SeenName } from '../delivery/seen.ts'
import { hookKinds } from '../deployment/seen.ts'
import type { Seen, SeenNameRecords } from '../rollout/journal.ts'
import { parseJson } from '../kernel/json.ts'
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

/** The item is read at every look at the app, and people who may push can send any number. */
const mostNames = { others: 20, all: 40 }

const SeenNameSchema: z.ZodType<SeenName> = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('workflow'),
    ci: z.enum(['github', 'circleci']),
    workflow: z.string(),
    workflowPath: z.string().nullable(),
  }),
  z.object({ kind: z.literal('branch'), branch: z.string() }),
])

/** For `webhook`. A set, so that repetitions and concurrent writers add nothing twice. */
export const createRecordName =
  (table: JournalTable): RecordName =>
  async (app, name, isExpected) => {
    await updateItem(table, itemKey.seen(app), {
      UpdateExpression: 'SET app = :app, schemaVersion = :schemaVersion ADD #names :names',
      ConditionExpression: `${isOurs} AND (attribute_not_exists(#names) OR size(#names) < :most)`,
      ExpressionAttributeNames: { '#names': 'names' },
      ExpressionAttributeValues: {
        ':app': app,
        ':schemaVersion': schemaVersion,
        ':names': new Set([JSON.stringify(name)]),
        ':most': isExpected ? mostNames.all : mostNames.others,
      },
    })
  }

/** A name that this version does not know is skipped. */
const readNames = (names: unknown): readonly SeenName[] =>
  names instanceof Set
    ? [...names].flatMap((name) => parseJson(SeenNameSchema, String(name)) ?? [])
    : []

/** For the functions that only read. A kind that this version does not know is skipped. */
export const createSeen = (table: JournalTable): Seen & SeenNameRecords => ({
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
  loadNames: async (app) => {
    const item = await readItem(table, itemKey.seen(app))
    const names = readNames(item?.['names'])
    return {
      workflows: names.flatMap((name) => (name.kind === 'workflow' ? [name] : [])),
      branches: names.flatMap((name) => (name.kind === 'branch' ? [name.branch] : [])),
    }
  },
})
