import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb'
import { UpdateCommand, type UpdateCommandInput } from '@aws-sdk/lib-dynamodb'
import * as z from 'zod'
import { InstanceId } from '../kernel/id.ts'
import type { Log } from '../kernel/log.ts'
import type { Certificate, Certificates, Recorded } from '../targets/ec2/ports.ts'
import { instantSchema, ItemUnreadable, parseItem, schemaVersion } from './item.ts'
import { itemKey } from './keys.ts'
import { readItems } from './list.ts'
import { expiresAt } from './lifetime.ts'
import { toItemKey, type Item, type JournalTable } from './table.ts'

const certificateSchema = z.object({
  instance: InstanceId,
  der: z.base64().min(1).max(800),
  at: instantSchema,
  forgotten: z.boolean().default(false),
})

/** One that cannot be read counts as none, for its instance alone. */
const readCertificate = (item: Item, log: Log): readonly Certificate[] => {
  try {
    const { forgotten, ...certificate } = parseItem(certificateSchema, toItemKey(item), item)
    return forgotten ? [] : [certificate]
  } catch (error) {
    if (!(error instanceof ItemUnreadable)) throw error
    log.error('sealing certificate skipped', { error: String(error) })
    return []
  }
}

/** The item after the update; null where the condition does not hold. */
const change = async (
  table: JournalTable,
  instance: InstanceId,
  update: Omit<UpdateCommandInput, 'TableName' | 'Key' | 'ReturnValues'>,
): Promise<Item | null> => {
  const order = new UpdateCommand({
    TableName: table.name,
    Key: itemKey.certificate(instance),
    ReturnValues: 'ALL_NEW',
    ...update,
  })
  try {
    return (await table.documents().send(order)).Attributes ?? {}
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException) return null
    throw error
  }
}

const set =
  'SET schemaVersion = :schemaVersion, instance = :instance, der = :der, #at = :at, expiresAt = :expiresAt'

const toUpdate = ({ instance, der, at }: Certificate) => ({
  ExpressionAttributeNames: { '#at': 'at' },
  ExpressionAttributeValues: {
    ':schemaVersion': schemaVersion,
    ':instance': instance,
    ':der': der,
    ':at': at,
    ':expiresAt': expiresAt(at, 'certificate'),
  },
})

/** The one write where nothing has changed. The command that replaced the certificate is asked more than once. */
const renew = async (
  table: JournalTable,
  certificate: Certificate,
  command: string,
): Promise<Recorded | null> => {
  const item = await change(table, certificate.instance, {
    ...toUpdate(certificate),
    UpdateExpression: `${set} REMOVE forgotten`,
    ConditionExpression: 'der = :der',
  })
  if (item === null) return null
  return item['changedBy'] === command ? 'changed' : 'known'
}

const recordNew = async (
  table: JournalTable,
  certificate: Certificate,
  command: string,
): Promise<Recorded> => {
  const { instance } = certificate
  const update = toUpdate(certificate)
  const first = await change(table, instance, {
    ...update,
    UpdateExpression: set,
    ConditionExpression: 'attribute_not_exists(der)',
  })
  if (first !== null) return 'known'
  const changed = await change(table, instance, {
    ...update,
    UpdateExpression: `${set}, changedBy = :command REMOVE forgotten`,
    ConditionExpression: 'der <> :der',
    ExpressionAttributeValues: { ...update.ExpressionAttributeValues, ':command': command },
  })
  // Another run has recorded the same one meanwhile.
  return changed === null ? ((await renew(table, certificate, command)) ?? 'known') : 'changed'
}

/** `load` returns stale certificates too, each with its time: the caller decides what is fresh. */
export const createCertificates = (table: JournalTable, log: Log): Certificates => ({
  load: async (instances) => {
    const items = await readItems(table, [...new Set(instances)].map(itemKey.certificate))
    return items.flatMap((item) => readCertificate(item, log))
  },

  renew: (certificate, command) => renew(table, certificate, command),

  record: (certificate, command) => recordNew(table, certificate, command),

  forget: async (instance) => {
    await change(table, instance, {
      UpdateExpression: 'SET forgotten = :true',
      ConditionExpression: 'attribute_exists(pk)',
      ExpressionAttributeValues: { ':true': true },
    })
  },
})
