import { DeleteCommand } from '@aws-sdk/lib-dynamodb'
import * as z from 'zod'
import { InstanceId } from '../kernel/id.ts'
import type { Certificate, Certificates } from '../targets/ec2/ports.ts'
import { instantSchema, parseItem, schemaVersion } from './item.ts'
import { itemKey } from './keys.ts'
import { readItems } from './list.ts'
import { expiresAt } from './lifetime.ts'
import { putItem, toItemKey, type JournalTable } from './table.ts'

const certificateSchema: z.ZodType<Certificate> = z.object({
  instance: InstanceId,
  der: z.base64().min(1),
  at: instantSchema,
})

/** `load` returns stale certificates too, each with its time: the caller decides what is fresh. */
export const createCertificates = (table: JournalTable): Certificates => ({
  load: async (instances) => {
    const items = await readItems(table, [...new Set(instances)].map(itemKey.certificate))
    return items.map((item) => parseItem(certificateSchema, toItemKey(item), item))
  },

  record: async (certificate) => {
    await putItem(table, {
      ...itemKey.certificate(certificate.instance),
      schemaVersion,
      ...certificate,
      expiresAt: expiresAt(certificate.at, 'certificate'),
    })
  },

  forget: async (instance) => {
    const order = new DeleteCommand({ TableName: table.name, Key: itemKey.certificate(instance) })
    await table.documents().send(order)
  },
})
