import { UpdateCommand } from '@aws-sdk/lib-dynamodb'
import * as z from 'zod'
import type { Instant } from '../kernel/clock.ts'
import { Commit, Digest, type AppName } from '../kernel/id.ts'
import type { Label, Labels } from '../rollout/journal.ts'
import { instantSchema, parseItem, schemaVersion } from './item.ts'
import { tagKey } from './keys.ts'
import { readItem, type Item, type JournalTable } from './table.ts'

/**
 * An attribute of the tag's item for each image: two who read labels at the same moment lose none.
 */
const labelPrefix = 'label:'

/** A revision waits for days at most; more images than these are not pushed meanwhile. */
const keptLabels = 50

const labelSchema = z.object({ commit: Commit.nullable(), at: instantSchema })

type DatedLabel = Label & z.infer<typeof labelSchema>

const readLabels = (item: Item): readonly DatedLabel[] =>
  Object.entries(item)
    .filter(([name]) => name.startsWith(labelPrefix))
    .flatMap(([name, value]) => {
      const digest = Digest.safeParse(name.slice(labelPrefix.length))
      const label = labelSchema.safeParse(value)
      // What cannot be read is read from the registry once more.
      return digest.success && label.success ? [{ ...label.data, digest: digest.data }] : []
    })
    .sort((a, b) => b.at.localeCompare(a.at))

const load = async (table: JournalTable, app: AppName): Promise<readonly DatedLabel[]> => {
  const key = tagKey(app)
  const item = await readItem(table, key)
  return item === null ? [] : readLabels(parseItem(z.record(z.string(), z.unknown()), key, item))
}

const recordLabel = async (
  table: JournalTable,
  app: AppName,
  { digest, commit }: Label,
  now: Instant,
): Promise<void> => {
  const others = (await load(table, app)).filter((label) => label.digest !== digest)
  const outlived = others
    .slice(keptLabels - 1)
    .map((label, index) => [`#old${index}`, `${labelPrefix}${label.digest}`] as const)
  const removal = outlived.map(([name]) => name).join(', ')
  await table.documents().send(
    new UpdateCommand({
      TableName: table.name,
      Key: tagKey(app),
      UpdateExpression: `SET app = :app, schemaVersion = :schemaVersion, #label = :label
        ${removal && `REMOVE ${removal}`}`,
      ExpressionAttributeNames: {
        '#label': `${labelPrefix}${digest}`,
        ...Object.fromEntries(outlived),
      },
      ExpressionAttributeValues: {
        ':app': app,
        ':schemaVersion': schemaVersion,
        ':label': { commit, at: now },
      },
    }),
  )
}

/** Beside the hint in the tag's item, which they neither need nor change. */
export const createLabels = (table: JournalTable): Labels => ({
  load: (app) => load(table, app),
  record: (app, label, now) => recordLabel(table, app, label, now),
})
