import * as z from 'zod'
import type { RepositoryRecords } from '../delivery/find-apps.ts'
import { parseItem, schemaVersion, isOurs, instantSchema } from './item.ts'
import { itemKey } from './keys.ts'
import { readItem, updateItem, type JournalTable } from './table.ts'
import { reach } from './unreachable.ts'

const idSchema = z.number().int().nonnegative()

// Names that differ in case alone are one.
const toStored = (name: string): string => name.toLowerCase()

const repositorySchema = z.object({
  id: idSchema,
  name: z.string(),
  keptAt: instantSchema,
  renamed: z.object({ name: z.string(), at: instantSchema }).nullable().default(null),
  refused: z.object({ id: idSchema, at: instantSchema }).nullable().default(null),
})

// What was told of another repository goes with it.
const keepExpression = `SET app = :app, schemaVersion = :schemaVersion, id = :id, #name = :name,
  keptAt = :keptAt REMOVE renamed, refused`

// A repetition of our own write, whose answer was lost, says that the id is kept.
const isFirst = '(attribute_not_exists(id) OR id = :id OR #name <> :name)'

export const createRepositories = (table: JournalTable): RepositoryRecords => ({
  load: async (app) => {
    const key = itemKey.repository(app)
    const item = await reach(readItem(table, key))
    return item && parseItem(repositorySchema, key, item)
  },

  keep: (app, { id, name, keptAt }, isStated) =>
    reach(
      updateItem(table, itemKey.repository(app), {
        UpdateExpression: keepExpression,
        ConditionExpression: isStated ? isOurs : `${isOurs} AND ${isFirst}`,
        ExpressionAttributeNames: { '#name': 'name' },
        ExpressionAttributeValues: {
          ':app': app,
          ':schemaVersion': schemaVersion,
          ':id': id,
          ':name': toStored(name),
          ':keptAt': keptAt,
        },
      }),
    ),

  note: async (app, id, noted) => {
    const facts = Object.entries(noted)
    await reach(
      updateItem(table, itemKey.repository(app), {
        UpdateExpression: `SET ${facts.map(([name]) => `${name} = :${name}`).join(', ')}`,
        ConditionExpression: 'id = :id AND schemaVersion = :schemaVersion',
        ExpressionAttributeValues: {
          ':id': id,
          ':schemaVersion': schemaVersion,
          ...Object.fromEntries(facts.map(([name, fact]) => [`:${name}`, fact])),
        },
      }),
    )
  },
})
