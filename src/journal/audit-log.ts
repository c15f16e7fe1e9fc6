import type { AuditLog } from '../rollout/journal.ts'
import { schemaVersion } from './item.ts'
import { itemKey } from './keys.ts'
import { expiresAt } from './lifetime.ts'
import { putItem, type JournalTable } from './table.ts'

/** Read by people only: no function reads it back. */
export const createAuditLog = (table: JournalTable): AuditLog => ({
  recordOperation: async (app, operation, detail) => {
    await putItem(table, {
      ...itemKey.operation(app, operation.at, operation.id),
      schemaVersion,
      app,
      ...operation,
      detail,
      expiresAt: expiresAt(operation.at, 'operation'),
    })
  },

  // The first verdict stays: a duplicate event is judged after the first one has changed the head.
  recordAlarm: async (app, transition, verdict) => {
    const item = {
      ...itemKey.alarm(app, transition.at, transition.alarm),
      schemaVersion,
      app,
      ...transition,
      verdict,
      expiresAt: expiresAt(transition.at, 'alarm'),
    }
    await putItem(table, item, { ConditionExpression: 'attribute_not_exists(pk)' })
  },
})
