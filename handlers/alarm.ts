import { createNudge } from '../src/aws/lambda-nudge.ts'
import { environments, readEnvironment } from '../src/config/environment.ts'
import { loadConfiguration } from '../src/config/load.ts'
import { createAuditLog } from '../src/journal/audit-log.ts'
import { createHeads } from '../src/journal/heads.ts'
import { createJournalTable } from '../src/journal/table.ts'
import { systemClock } from '../src/kernel/clock.ts'
import type { Log } from '../src/kernel/log.ts'
import { lambda } from '../src/lambda.ts'
import { createJudgeAlarmEvent } from '../src/rollout/alarm-event.ts'

const compose = (log: Log) => {
  const environment = readEnvironment(environments.alarm)
  const table = createJournalTable(environment.TABLE_NAME)
  return createJudgeAlarmEvent({
    heads: createHeads(table),
    auditLog: createAuditLog(table),
    nudge: createNudge(environment.RECONCILE_FUNCTION),
    apps: loadConfiguration().apps,
    clock: systemClock,
    log,
  })
}

export const handler = lambda('alarm', compose, (services, event) => services()(event))
