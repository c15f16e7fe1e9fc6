import * as z from 'zod'
import type { Instant } from '../kernel/clock.ts'
import { Commit, Digest, type AppName } from '../kernel/id.ts'
import type { Label, Labels } from '../rollout/journal.ts'
import { instantSchema, parseItem, schemaVersion } from './item.ts'
import { itemKey } from './keys.ts'
import { readItem, updateItem, type JournalTable } from './table.ts'

/** An attribute of the tag's item for each image, so that concurrent writers lose no label. */
const labelPrefix = 'label:'

/** More images than these are not pushed while a revision waits, which is days at most. */
const keptLabels = 50

const labelSchema = z.object({ commit: Commit.nullable(), at: instantSchema })

/** Newest first. An unreadable label is left out, and so read from the registry once more. */
const loadLabels = async (table: JournalTable, app: AppName): Promise<readonly Label[]> => {
  const key = itemKey.tag(app)
  const item = await readItem(table, key)
  if (item === null) return []
  return Object.entries(parseItem(z.record(z.string(), z.unknown()), key, item))
    .filter(([name]) => name.startsWith(labelPrefix))
    .flatMap(([name, value]) => {
      const digest = Digest.safeParse(name.slice(labelPrefix.length))
      const label = labelSchema.safeParse(value)
      return digest.success && label.success ? [{ ...label.data, digest: digest.data }] : []
    })
    .sort((a, b) => b.at.localeCompare(a.at))
}

const recordLabel = async (
  table: JournalTable,
  app: AppName,
  { digest, commit }: Label,
  now: Instant,
): Promise<void> => {
  const others = (await loadLabels(table, app)).filter((label) => label.digest !== digest)
  const removed = others
    .slice(keptLabels - 1)
    .map((label, index) => [`#old${index}`, `${labelPrefix}${label.digest}`] as const)
  const removal = removed.map(([name]) => name).join(', ')
  await updateItem(table, itemKey.tag(app), {
    UpdateExpression: `SET app = :app, schemaVersion = :schemaVersion, #label = :label
      ${removal && `REMOVE ${removal}`}`,
    ExpressionAttributeNames: {
      '#label': `${labelPrefix}${digest}`,
      ...Object.fromEntries(removed),
    },
    ExpressionAttributeValues: {
      ':app': app,
      ':schemaVersion': schemaVersion,
      ':label': { commit, at: now },
    },
  })
}

/** Labels share the tag's item with its hint; neither reads or changes the other. */
export const createLabels = (table: JournalTable): Labels => ({
  load: (app) => loadLabels(table, app),
  record: (app, label, now) => recordLabel(table, app, label, now),
})
