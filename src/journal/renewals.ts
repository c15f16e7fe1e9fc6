import type { Renewal, RenewalRequest, Renewals } from '../deployment/proxy.ts'
import * as z from 'zod'
import { Digest, InstanceId } from '../kernel/id.ts'
import { instantSchema, parseItem, reasonSchema, schemaVersion } from './item.ts'
import { itemKey } from './keys.ts'
import { expiresAt } from './lifetime.ts'
import { proxyImageSchema } from './proxy-images.ts'
import { putItem, readItem, type JournalTable } from './table.ts'

const requestSchema: z.ZodType<RenewalRequest> = z.object({
  id: z.string(),
  by: z.string(),
  at: instantSchema,
  digest: Digest.nullable(),
})

const renewalSchema: z.ZodType<Renewal & { readonly version: number }> = z.object({
  version: z.int(),
  request: requestSchema,
  image: proxyImageSchema.nullable(),
  waiting: z.array(InstanceId),
  asked: z
    .object({ instance: InstanceId, at: instantSchema, command: z.string().nullable() })
    .nullable(),
  done: z.array(InstanceId),
  ended: z.object({ at: instantSchema, reason: reasonSchema, message: z.string() }).nullable(),
})

/**
 * For an operator, who writes the request and its audit entry: the newest request is the one that counts. False where that has
 * the same id already.
 */
export const createRenewalRequests = (table: JournalTable) => ({
  request: async ({ id, by, at, digest }: RenewalRequest): Promise<boolean> => {
    const operation = { schemaVersion, id, by, at, digest }
    const audit = { ...itemKey.proxyOperation(at, id), kind: 'renew-proxy' }
    await putItem(table, { ...audit, ...operation, expiresAt: expiresAt(at, 'operation') })
    return putItem(
      table,
      { ...itemKey.renewalRequest(), ...operation },
      {
        ConditionExpression: 'attribute_not_exists(pk) OR #id <> :id',
        ExpressionAttributeNames: { '#id': 'id' },
        ExpressionAttributeValues: { ':id': id },
      },
    )
  },
})

export const createRenewals = (table: JournalTable): Renewals => ({
  loadRequest: async () => {
    const key = itemKey.renewalRequest()
    const item = await readItem(table, key)
    return item === null ? null : parseItem(requestSchema, key, item)
  },

  load: async () => {
    const key = itemKey.renewal()
    const item = await readItem(table, key)
    if (item === null) return null
    const { version, ...renewal } = parseItem(renewalSchema, key, item)
    return { renewal, version }
  },

  record: (renewal, expected) =>
    putItem(
      table,
      { ...itemKey.renewal(), schemaVersion, ...renewal, version: expected + 1 },
      {
        ConditionExpression: 'attribute_not_exists(pk) OR version = :expected',
        ExpressionAttributeValues: { ':expected': expected },
      },
    ),
})
