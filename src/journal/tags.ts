import { UpdateCommand } from '@aws-sdk/lib-dynamodb'
import * as z from 'zod'
import type { ImageEvidence } from '../deployment/revision.ts'
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

const tagSchema = z.object({ image: imageSchema, open: z.string().optional() })

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
        #open = :open, openKey = :openKey`,
      ConditionExpression: 'attribute_not_exists(pk) OR image.seenAt < :seenAt',
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

export const createTags = (table: JournalTable): Pick<Tags, 'load' | 'settle'> => ({
  load: async (app) => {
    const item = await readItem(table, tagKey(app))
    if (item === null) return null
    const { image, open } = parseItem(tagSchema, tagKey(app), item)
    return open === undefined ? null : image
  },
  settle: async (app, { seenAt }) => {
    await isWritten(
      table.documents().send(
        new UpdateCommand({
          TableName: table.name,
          Key: tagKey(app),
          UpdateExpression: 'REMOVE #open, openKey',
          ConditionExpression: 'image.seenAt = :seenAt',
          ExpressionAttributeNames: { '#open': 'open' },
          ExpressionAttributeValues: { ':seenAt': seenAt },
        }),
      ),
    )
  },
})
