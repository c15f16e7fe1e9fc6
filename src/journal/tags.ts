import { UpdateCommand } from '@aws-sdk/lib-dynamodb'
import * as z from 'zod'
import { askedAgain, type Asked, type ImageEvidence } from '../deployment/revision.ts'
import type { AppName } from '../kernel/id.ts'
import { isWritten } from './conditional.ts'
import { instantSchema, parseItem, schemaVersion } from './item.ts'
import { tagKey, tagOpen } from './keys.ts'
import type { Tags } from '../rollout/journal.ts'
import { readItem, type JournalTable } from './table.ts'

/** The image's part of a revision, and the whole of what a tag without a commit says. */
export const imageSchema = z.object({
  kind: z.literal('image'),
  tag: z.string(),
  seenAt: instantSchema,
}) satisfies z.ZodType<ImageEvidence>

export const askedSchema = z.object({
  at: instantSchema,
  count: z.number().int().nonnegative(),
  retryAt: instantSchema.nullable().default(null),
}) satisfies z.ZodType<Asked>

/** No image where only labels were read: nobody has told of a push of the tag. */
const tagSchema = z.object({
  image: imageSchema.nullable().default(null),
  asked: askedSchema.nullable().default(null),
  open: z.string().optional(),
})

/**
 * A tag that carries no commit was pushed: which digest, and so which revision, it names now only
 * the registry can say. The hint is open until `settle`, so that a lost nudge loses nothing.
 */
export const recordTag = async (
  table: JournalTable,
  app: AppName,
  image: ImageEvidence,
): Promise<'recorded' | 'unchanged'> => {
  const { open, openKey } = tagOpen(app)
  const write = table.documents().send(
    new UpdateCommand({
      TableName: table.name,
      Key: tagKey(app),
      UpdateExpression: `SET app = :app, image = :image, schemaVersion = :schemaVersion,
        #open = :open, openKey = :openKey REMOVE asked`,
      ConditionExpression: 'attribute_not_exists(image) OR image.seenAt < :seenAt',
      ExpressionAttributeNames: { '#open': 'open' },
      ExpressionAttributeValues: {
        ':app': app,
        ':image': image,
        ':schemaVersion': schemaVersion,
        ':open': open,
        ':openKey': openKey,
        ':seenAt': image.seenAt,
      },
    }),
  )
  return (await isWritten(write)) ? 'recorded' : 'unchanged'
}

/** Only while the hint is the newest: what was asked about an older one says nothing of it. */
const updateHint = async (
  table: JournalTable,
  app: AppName,
  { seenAt }: ImageEvidence,
  update: string,
  names: Readonly<Record<string, string>>,
  values: Readonly<Record<string, unknown>>,
): Promise<void> => {
  await isWritten(
    table.documents().send(
      new UpdateCommand({
        TableName: table.name,
        Key: tagKey(app),
        UpdateExpression: update,
        ConditionExpression: 'image.seenAt = :seenAt',
        ...(Object.keys(names).length > 0 && { ExpressionAttributeNames: names }),
        ExpressionAttributeValues: { ':seenAt': seenAt, ...values },
      }),
    ),
  )
}

export const createTags = (table: JournalTable): Tags => ({
  load: async (app) => {
    const item = await readItem(table, tagKey(app))
    if (item === null) return null
    const { image, asked, open } = parseItem(tagSchema, tagKey(app), item)
    return open === undefined || image === null ? null : { image, asked }
  },
  recordAsked: (app, { image, asked }, { retryAfterSeconds }, now) => {
    const values = { ':asked': askedAgain(asked, now, retryAfterSeconds) }
    return updateHint(table, app, image, 'SET asked = :asked', {}, values)
  },
  settle: (app, image) =>
    updateHint(table, app, image, 'REMOVE #open, openKey, asked', { '#open': 'open' }, {}),
})
