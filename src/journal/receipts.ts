import { PutCommand } from '@aws-sdk/lib-dynamodb'
import type { Receipt } from '../delivery/record.ts'
import { schemaVersion } from './item.ts'
import { receiptKey } from './keys.ts'
import { toExpiry } from './lifetime.ts'
import type { JournalTable } from './table.ts'

/** Read by people only, so nothing here reads it back. */
export const recordReceipt = async (
  table: JournalTable,
  { expiresAt, ...receipt }: Receipt,
): Promise<void> => {
  await table.documents().send(
    new PutCommand({
      TableName: table.name,
      Item: {
        ...receiptKey(receipt.deliveryId),
        schemaVersion,
        ...receipt,
        expiresAt: toExpiry(expiresAt),
      },
    }),
  )
}
