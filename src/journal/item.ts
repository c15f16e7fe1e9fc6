import * as z from 'zod'
import { isReason, type Reason } from '../kernel/reason.ts'
import type { ItemKey } from './keys.ts'
import type { Item } from './table.ts'

/** Raised when an older Landfall would misread what a newer one writes. */
export const schemaVersion = 1

/** An item that its schema refuses. Names key and fields, never a value. */
export class ItemUnreadable extends Error {
  override readonly name = 'ItemUnreadable'

  constructor({ pk, sk }: ItemKey, fields: readonly string[]) {
    super(`the journal's item ${pk} ${sk} cannot be read: ${fields.join(', ')}`)
  }
}

/** An item that another version of Landfall wrote; this one neither reads nor overwrites it. */
export class SchemaVersionUnknown extends Error {
  override readonly name = 'SchemaVersionUnknown'

  constructor({ pk, sk }: ItemKey) {
    super(
      `the journal's item ${pk} ${sk} is not of schema version ${schemaVersion}, the only one that ` +
        'this Landfall reads: deploy the one that wrote it, or a newer one',
    )
  }
}

/** The condition of a write without a read before it; `:schemaVersion` is this version's. */
export const isOurs = '(attribute_not_exists(schemaVersion) OR schemaVersion = :schemaVersion)'

/** Reads an item by its schema; throws `SchemaVersionUnknown` or `ItemUnreadable`. */
export const parseItem = <Value>(schema: z.ZodType<Value>, key: ItemKey, item: Item): Value => {
  if (item['schemaVersion'] !== schemaVersion) throw new SchemaVersionUnknown(key)
  const read = schema.safeParse(item)
  if (read.success) return read.data
  const fields = read.error.issues.map(({ path, code }) => `${path.join('.')} (${code})`)
  throw new ItemUnreadable(key, fields)
}

export const instantSchema = z.iso.datetime()

export const reasonSchema = z.custom<Reason>(
  (value) => typeof value === 'string' && isReason(value),
)
