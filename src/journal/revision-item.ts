import * as z from 'zod'
import { isToCompare, type Revision } from '../deployment/revision.ts'
import type { Instant } from '../kernel/clock.ts'
import { AppName, Commit, Digest, RevisionId } from '../kernel/id.ts'
import { instantSchema, parseItem, reasonSchema, schemaVersion } from './item.ts'
import { itemKey, openAttributes, type ItemKey } from './keys.ts'
import { expiresAt } from './lifetime.ts'
import { originSchema } from './origin-schema.ts'
import { askedSchema, imageSchema } from './tags.ts'
import { putItem, readItem, type Item, type JournalTable } from './table.ts'

const revisionSchema: z.ZodType<Revision> = z.object({
  app: AppName,
  id: RevisionId,
  commit: Commit.nullable().default(null),
  status: z.enum(['waiting', 'deployed', 'superseded', 'refused', 'expired']),
  reason: reasonSchema.nullable().default(null),
  firstSeenAt: instantSchema,
  waitingSince: instantSchema,
  ci: z.record(
    z.string(),
    z.object({
      kind: z.literal('ci'),
      ci: z.enum(['github', 'circleci']),
      workflow: z.string(),
      workflowId: z.string().nullable().default(null),
      runId: z.string(),
      runNumber: z.number().int().nonnegative(),
      attempt: z.number().int().nonnegative(),
      createdAt: instantSchema,
      conclusion: z.enum(['success', 'failure']),
      origin: originSchema,
    }),
  ),
  push: z
    .object({ kind: z.literal('push'), pushedAt: instantSchema, origin: originSchema })
    .nullable()
    .default(null),
  image: imageSchema.nullable().default(null),
  digest: Digest.nullable().default(null),
  asked: askedSchema.nullable().default(null),
  moved: Digest.nullable().default(null),
  lookedUp: askedSchema.extend({ trouble: z.string().nullable() }).nullable().default(null),
  lacked: z.array(z.string()).nullable().default(null),
  version: z.number().int().positive(),
})

/**
 * Each workflow's run is an attribute of the item itself (`ci:github:CI`): an update cannot write
 * into a map that is not there yet.
 */
const ciPrefix = 'ci:'

export const ciAttribute = (workflow: string): string => `${ciPrefix}${workflow}`

export const fromRevisionItem = (key: ItemKey, item: Item): Revision => {
  const runs = Object.entries(item).filter(([name]) => name.startsWith(ciPrefix))
  const ci = Object.fromEntries(runs.map(([name, run]) => [name.slice(ciPrefix.length), run]))
  return parseItem(revisionSchema, key, { ...item, ci })
}

const toOpen = (revision: Omit<Revision, 'ci'>, now: Instant): Item => {
  const { app, id, status, reason } = revision
  const isDue = isToCompare(revision)
  const listed = openAttributes.revision(app, id)
  if (status !== 'waiting')
    return { expiresAt: expiresAt(now, 'endedRevision'), ...(isDue ? listed : {}) }
  return reason === 'manual' && !isDue ? openAttributes.resting(app, id) : listed
}

/** Null is left out: the first evidence of a kind is written where its attribute is missing. */
export const toRevisionItem = ({ ci, ...revision }: Revision, now: Instant): Item => ({
  ...itemKey.revision(revision.app, revision.id),
  schemaVersion,
  ...Object.fromEntries(Object.entries(revision).filter(([, value]) => value !== null)),
  ...Object.fromEntries(Object.entries(ci).map(([name, run]) => [ciAttribute(name), run])),
  ...toOpen(revision, now),
})

export const readRevision = async (
  table: JournalTable,
  app: AppName,
  id: RevisionId,
): Promise<Revision | null> => {
  const key = itemKey.revision(app, id)
  const item = await readItem(table, key)
  return item && fromRevisionItem(key, item)
}

/**
 * Writes a revision one version higher than it was read, unless the stored one has changed. After a lost
 * answer it may say `conflict` for our own write: reading again finds it done.
 */
export const replaceRevision = async (
  table: JournalTable,
  revision: Revision,
  now: Instant,
): Promise<'recorded' | 'conflict'> => {
  const item = toRevisionItem({ ...revision, version: revision.version + 1 }, now)
  const isWritten = await putItem(table, item, {
    ConditionExpression: '#version = :read',
    ExpressionAttributeNames: { '#version': 'version' },
    ExpressionAttributeValues: { ':read': revision.version },
  })
  return isWritten ? 'recorded' : 'conflict'
}
