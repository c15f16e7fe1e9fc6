import { PutCommand } from '@aws-sdk/lib-dynamodb'
import * as z from 'zod'
import { AppName } from '../kernel/id.ts'
import type { CommandIndex } from '../rollout/journal.ts'
import { parseItem, schemaVersion } from './item.ts'
import { commandKey } from './keys.ts'
import { expiresAt } from './lifetime.ts'
import { readItem, type JournalTable } from './table.ts'

const commandSchema = z.object({ app: AppName })

export const createCommandIndex = (table: JournalTable): CommandIndex => ({
  recordCommand: async (command, app, now) => {
    await table.documents().send(
      new PutCommand({
        TableName: table.name,
        Item: {
          ...commandKey(command),
          schemaVersion,
          app,
          at: now,
          expiresAt: expiresAt(now, 'command'),
        },
      }),
    )
  },

  findApp: async (command) => {
    const key = commandKey(command)
    const item = await readItem(table, key)
    return item === null ? null : parseItem(commandSchema, key, item).app
  },
})
