import { DeleteCommand, PutCommand } from '@aws-sdk/lib-dynamodb'
import * as z from 'zod'
import { InstanceId } from '../kernel/id.ts'
import type { Certificate, Certificates } from '../targets/ec2/ports.ts'
import { instantSchema, parseItem, schemaVersion } from './item.ts'
import { certificateKey } from './keys.ts'
import { readItems } from './list.ts'
import { expiresAt } from './lifetime.ts'
import { toItemKey, type JournalTable } from './table.ts'

const certificateSchema: z.ZodType<Certificate> = z.object({
  instance: InstanceId,
  der: z.base64().min(1),
  at: instantSchema,
})

/** What is too old to be fresh is the reader's to say: `load` answers what there is, with its time. */
export const createCertificates = (table: JournalTable): Certificates => ({
  load: async (instances) => {
    const items = await readItems(table, [...new Set(instances)].map(certificateKey))
    return items.map((item) => parseItem(certificateSchema, toItemKey(item), item))
  },

  record: async (certificate) => {
    await table.documents().send(
      new PutCommand({
        TableName: table.name,
        Item: {
          ...certificateKey(certificate.instance),
          schemaVersion,
          ...certificate,
          expiresAt: expiresAt(certificate.at, 'certificate'),
        },
      }),
    )
  },

  forget: async (instance) => {
    const { pk, sk } = certificateKey(instance)
    await table.documents().send(new DeleteCommand({ TableName: table.name, Key: { pk, sk } }))
  },
})
