import { PutCommand } from '@aws-sdk/lib-dynamodb'
import type { AuditLog } from '../rollout/journal.ts'
import { isWritten } from './conditional.ts'
import { schemaVersion } from './item.ts'
import { alarmKey, operationKey } from './keys.ts'
import { expiresAt } from './lifetime.ts'
import type { JournalTable } from './table.ts'

/** Read by people only, so nothing here reads it back. */
export const createAuditLog = (table: JournalTable): AuditLog => ({
  recordOperation: async (app, operation, detail) => {
    const item = {
      ...operationKey(app, operation.at, operation.id),
      schemaVersion,
      app,
      ...operation,
      detail,
      expiresAt: expiresAt(operation.at, 'operation'),
    }
    await table.documents().send(new PutCommand({ TableName: table.name, Item: item }))
  },

  // The first verdict is what followed; a doubled event finds that it was judged already.
  recordAlarm: async (app, transition, verdict) => {
    const order = new PutCommand({
      TableName: table.name,
      Item: {
        ...alarmKey(app, transition.at, transition.alarm),
        schemaVersion,
        app,
        ...transition,
        verdict,
        expiresAt: expiresAt(transition.at, 'alarm'),
      },
      ConditionExpression: 'attribute_not_exists(pk)',
    })
    await isWritten(table.documents().send(order))
  },
})
