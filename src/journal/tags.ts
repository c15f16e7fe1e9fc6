import * as z from 'zod'
import { askedAgain, type Asked, type ImageEvidence } from '../deployment/revision.ts'
import type { AppName } from '../kernel/id.ts'
import { instantSchema, isOurs, parseItem, schemaVersion } from './item.ts'
import { itemKey, openAttributes } from './keys.ts'
import { originSchema } from './origin-schema.ts'
import type { TagHint, Tags } from '../rollout/journal.ts'
import { readItem, updateItem, type JournalTable } from './table.ts'

/** The image's part of a revision, and the whole of what a tag without a commit says. */
export const imageSchema = z.object({
  kind: z.literal('image'),
  tag: z.string(),
  seenAt: instantSchema,
  source: z.literal('ecr').exactOptional(),
  origin: originSchema,
}) satisfies z.ZodType<ImageEvidence>

export const askedSchema = z.object({
  at: instantSchema,
  count: z.number().int().nonnegative(),
  retryAt: instantSchema.nullable().default(null),
}) satisfies z.ZodType<Asked>

/** No image where the item holds labels only: no push of the tag was reported. */
const tagSchema = z.object({
  image: imageSchema.nullable().default(null),
  pushes: z.number().int().nonnegative().default(0),
  asked: askedSchema.nullable().default(null),
  open: z.string().optional(),
})

/**
 * A tag that carries no commit was pushed: only the registry can say which digest, and so which revision,
 * it names now. The hint stays open until `settle`, so that a lost nudge loses nothing. A second push with
 * the time of the first counts as another one: hooks date them to the second.
 */
export const recordTag = async (
  table: JournalTable,
  app: AppName,
  image: ImageEvidence,
): Promise<'recorded' | 'unchanged'> => {
  const key = itemKey.tag(app)
  const { open, openKey } = openAttributes.tag(app)
  const isRecorded = await updateItem(table, key, {
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
  })
  if (isRecorded) return 'recorded'
  const item = await readItem(table, key)
  if (item !== null) parseItem(tagSchema, key, item)
  return 'unchanged'
}

/** Unless another push was reported since: an answer from before it says nothing about it. */
const updateHint = async (
  table: JournalTable,
  app: AppName,
  { image, pushes }: TagHint,
  { UpdateExpression, ExpressionAttributeValues, ...names }: Parameters<typeof updateItem>[2],
): Promise<void> => {
  await updateItem(table, itemKey.tag(app), {
    UpdateExpression,
    ConditionExpression:
      'image.seenAt = :seenAt AND (attribute_not_exists(pushes) OR pushes = :pushes)',
    ...names,
    ExpressionAttributeValues: {
      ':seenAt': image.seenAt,
      ':pushes': pushes,
      ...ExpressionAttributeValues,
    },
  })
}

export const createTags = (table: JournalTable): Tags => ({
  load: async (app) => {
    const item = await readItem(table, itemKey.tag(app))
    if (item === null) return null
    const { image, pushes, asked, open } = parseItem(tagSchema, itemKey.tag(app), item)
    return open === undefined || image === null ? null : { image, pushes, asked }
  },
  recordAsked: (app, hint, { retryAfterSeconds }, now) => {
    const asked = askedAgain(hint.asked, now, retryAfterSeconds)
    return updateHint(table, app, hint, {
      UpdateExpression: 'SET asked = :asked',
      ExpressionAttributeValues: { ':asked': asked },
    })
  },
  settle: (app, hint) =>
    updateHint(table, app, hint, {
      UpdateExpression: 'REMOVE #open, openKey, asked',
      ExpressionAttributeNames: { '#open': 'open' },
    }),
})
