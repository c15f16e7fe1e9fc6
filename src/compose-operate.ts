import { createNudge } from './aws/lambda-nudge.ts'
import { environments, readEnvironment } from './config/environment.ts'
import { loadConfiguration } from './config/load.ts'
import { createAuditLog } from './journal/audit-log.ts'
import { createHeads } from './journal/heads.ts'
import { createJournalTable } from './journal/table.ts'
import { systemClock } from './kernel/clock.ts'
import type { Log } from './kernel/log.ts'
import { createOperate } from './rollout/operate.ts'

/** The services of the four operator functions that need the journal only. */
export const composeOperate =
  (name: 'cancel' | 'freeze' | 'rollback' | 'unfreeze') => (log: Log) => {
    const environment = readEnvironment(environments[name])
    const table = createJournalTable(environment.TABLE_NAME)
    return {
      apps: loadConfiguration().apps,
      operate: createOperate({
        heads: createHeads(table),
        auditLog: createAuditLog(table),
        clock: systemClock,
      }),
      nudge: createNudge(environment.RECONCILE_FUNCTION),
      log,
    }
  }
