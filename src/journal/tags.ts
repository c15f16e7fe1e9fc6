import { UpdateCommand } from '@aws-sdk/lib-dynamodb'
import * as z from 'zod'
import { askedAgain, type Asked, type ImageEvidence } from '../deployment/revision.ts'
import type { AppName } from '../kernel/id.ts'
import { isWritten } from './conditional.ts'
import { instantSchema, isOurs, parseItem, schemaVersion } from './item.ts'
import { tagKey, tagOpen } from './keys.ts'
import type { TagHint, Tags } from '../rollout/journal.ts'
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
  pushes: z.number().int().nonnegative().default(0),
  asked: askedSchema.nullable().default(null),
  open: z.string().optional(),
})

/**
 * A tag that carries no commit was pushed: which digest, and so which revision, it names now only
 * the registry can say. The hint is open until `settle`, so that a lost nudge loses nothing. One with
 * the time of the one before is another push as well, as far as anybody knows: hooks tell the second.
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
        #open = :open, openKey = :openKey REMOVE asked ADD pushes :one`,
      ConditionExpression: `${isOurs} AND (attribute_not_exists(image) OR image.seenAt <= :seenAt)`,
      ExpressionAttributeNames: { '#open': 'open' },
      ExpressionAttributeValues: {
        ':app': app,
        ':image': image,
        ':schemaVersion': schemaVersion,
        ':open': open,
        ':openKey': openKey,
        ':seenAt': image.seenAt,
        ':one': 1,
      },
    }),
  )
  if (await isWritten(write)) return 'recorded'
  const item = await readItem(table, tagKey(app))
  if (item !== null) parseItem(tagSchema, tagKey(app), item)
  return 'unchanged'
}

/** Only while no other push was told: what was asked before says nothing of it. */
const updateHint = async (
  table: JournalTable,
  app: AppName,
  { image, pushes }: TagHint,
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
        ConditionExpression:
          'image.seenAt = :seenAt AND (attribute_not_exists(pushes) OR pushes = :pushes)',
        ...(Object.keys(names).length > 0 && { ExpressionAttributeNames: names }),
        ExpressionAttributeValues: { ':seenAt': image.seenAt, ':pushes': pushes, ...values },
      }),
    ),
  )
}

export const createTags = (table: JournalTable): Tags => ({
  load: async (app) => {
    const item = await readItem(table, tagKey(app))
    if (item === null) return null
    const { image, pushes, asked, open } = parseItem(tagSchema, tagKey(app), item)
    return open === undefined || image === null ? null : { image, pushes, asked }
  },
  recordAsked: (app, hint, { retryAfterSeconds }, now) => {
    const values = { ':asked': askedAgain(hint.asked, now, retryAfterSeconds) }
    return updateHint(table, app, hint, 'SET asked = :asked', {}, values)
  },
  settle: (app, hint) =>
    updateHint(table, app, hint, 'REMOVE #open, openKey, asked', { '#open': 'open' }, {}),
})
