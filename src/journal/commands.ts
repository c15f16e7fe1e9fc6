import * as z from 'zod'
import { AppName } from '../kernel/id.ts'
import type { CommandIndex } from '../rollout/journal.ts'
import { parseItem, schemaVersion } from './item.ts'
import { itemKey } from './keys.ts'
import { expiresAt } from './lifetime.ts'
import { putItem, readItem, type JournalTable } from './table.ts'

export const createCommandIndex = (table: JournalTable): CommandIndex => ({
  recordCommand: async (command, app, now) => {
    const key = itemKey.command(command)
    await putItem(table, {
      ...key,
      schemaVersion,
      app,
      at: now,
      expiresAt: expiresAt(now, 'command'),
    })
  },

  findApp: async (command) => {
    const key = itemKey.command(command)
    const item = await readItem(table, key)
    return item === null ? null : parseItem(z.object({ app: AppName }), key, item).app
  },
})
