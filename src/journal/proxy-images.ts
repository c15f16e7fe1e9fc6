import type { ProxyImage, ProxyImages } from '../deployment/proxy.ts'
import * as z from 'zod'
import { Digest } from '../kernel/id.ts'
import { instantSchema, parseItem, schemaVersion } from './item.ts'
import { itemKey } from './keys.ts'
import { putItem, readItem, type JournalTable } from './table.ts'

export const proxyImageSchema: z.ZodType<ProxyImage> = z.object({
  image: z.string().min(1),
  tag: z.string().min(1),
  digest: Digest,
  at: instantSchema,
})

const load = async (table: JournalTable): Promise<ProxyImage | null> => {
  const key = itemKey.proxyImage()
  const item = await readItem(table, key)
  return item === null ? null : parseItem(proxyImageSchema, key, item)
}

export const createProxyImages = (table: JournalTable): ProxyImages => ({
  load: () => load(table),

  replace: async ({ image, tag, digest, at }) => {
    await putItem(table, { ...itemKey.proxyImage(), schemaVersion, image, tag, digest, at })
  },

  recordFirst: async ({ image, tag, digest, at }) => {
    const item = { ...itemKey.proxyImage(), schemaVersion, image, tag, digest, at }
    await putItem(table, item, { ConditionExpression: 'attribute_not_exists(pk)' })
    // Another run may have been the first.
    return (await load(table)) ?? { image, tag, digest, at }
  },
})
