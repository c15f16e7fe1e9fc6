import * as z from 'zod'
import type { Instant } from '../kernel/clock.ts'
import { isGood, type PageAccess, type PageSession, type SignInLink } from '../page/access.ts'
import { instantSchema, parseItem, schemaVersion } from './item.ts'
import { itemKey, linkPartition, sessionPartition, type ItemKey } from './keys.ts'
import { expiresAt } from './lifetime.ts'
import { queryItems } from './list.ts'
import { putItem, readItem, toItemKey, updateItem, type JournalTable } from './table.ts'

const pageSessionSchema: z.ZodType<PageSession> = z.object({
  hash: z.string(),
  role: z.enum(['view', 'operate']),
  by: z.string(),
  at: instantSchema,
  endsAt: instantSchema,
})

const signInLinkSchema: z.ZodType<SignInLink> = z.intersection(
  pageSessionSchema,
  z.object({ sessionSeconds: z.number(), spentAt: instantSchema.nullable() }),
)

const readGranted = async <Value>(
  table: JournalTable,
  schema: z.ZodType<Value>,
  key: ItemKey,
): Promise<Value | null> => {
  const item = await readItem(table, key)
  return item && parseItem(schema, key, item)
}

const recordGranted = async (
  table: JournalTable,
  key: ItemKey,
  granted: PageSession | SignInLink,
  kind: 'signInLink' | 'pageSession',
): Promise<void> => {
  const item = { ...key, schemaVersion, ...granted, expiresAt: expiresAt(granted.endsAt, kind) }
  // A token is new each time; what is there already is not replaced.
  await putItem(table, item, { ConditionExpression: 'attribute_not_exists(pk)' })
}

/** Whether it was good until now. */
const endGranted = (table: JournalTable, key: ItemKey, now: Instant): Promise<boolean> =>
  updateItem(table, key, {
    UpdateExpression: 'SET endsAt = :now, endedAt = :now',
    ConditionExpression: 'endsAt > :now',
    ExpressionAttributeValues: { ':now': now },
  })

const endPartition = async (table: JournalTable, pk: string, now: Instant): Promise<number> => {
  const items = await queryItems(table, {
    KeyConditionExpression: 'pk = :pk',
    ExpressionAttributeValues: { ':pk': pk },
    ConsistentRead: true,
  })
  let ended = 0
  for (const item of items) {
    const key = toItemKey(item)
    const { endsAt } = parseItem(pageSessionSchema, key, item)
    const isSpent = typeof item['spentAt'] === 'string'
    if (!isSpent && isGood({ endsAt }, now) && (await endGranted(table, key, now))) ended += 1
  }
  return ended
}

export const createPageAccess = (table: JournalTable): PageAccess => ({
  offer: (link) => recordGranted(table, itemKey.signInLink(link.hash), link, 'signInLink'),
  loadLink: (hash) => readGranted(table, signInLinkSchema, itemKey.signInLink(hash)),
  // `at` of a spending may be from before an `endAll`, so the time alone does not tell that the link was ended.
  spend: (hash, now) =>
    updateItem(table, itemKey.signInLink(hash), {
      UpdateExpression: 'SET spentAt = :now',
      ConditionExpression: 'spentAt = :unspent AND endsAt > :now AND attribute_not_exists(endedAt)',
      ExpressionAttributeValues: { ':now': now, ':unspent': null },
    }),
  recordSession: (session) =>
    recordGranted(table, itemKey.pageSession(session.hash), session, 'pageSession'),
  loadSession: (hash) => readGranted(table, pageSessionSchema, itemKey.pageSession(hash)),
  endSession: async (hash, now) => {
    await endGranted(table, itemKey.pageSession(hash), now)
  },
  // The links first: a session is recorded before its link is spent, so that none is made behind this.
  endAll: async (now) =>
    (await endPartition(table, linkPartition, now)) +
    (await endPartition(table, sessionPartition, now)),
})
