import { createNudge } from '../src/aws/lambda-nudge.ts'
import { environments, readEnvironment } from '../src/config/environment.ts'
import { loadConfiguration } from '../src/config/load.ts'
import { createAuditLog } from '../src/journal/audit-log.ts'
import { createHeads } from '../src/journal/heads.ts'
import { createJournalTable } from '../src/journal/table.ts'
import { systemClock } from '../src/kernel/clock.ts'
import type { Log } from '../src/kernel/log.ts'
import { lambda } from '../src/lambda.ts'
import { answerOperator, createOperate } from '../src/rollout/operate.ts'
import { OperatorInput, shortText } from '../src/rollout/operator.ts'

/** `npx sls invoke -f freeze -d '{"app":"shop","reason":"exams until Friday"}'` */
const FreezeEvent = OperatorInput.extend({ reason: shortText(300) })

const compose = (log: Log) => {
  const environment = readEnvironment(environments.freeze)
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

export const handler = lambda('freeze', compose, (services, input) =>
  answerOperator(
    FreezeEvent,
    input,
    services,
    ({ reason }) => ({ kind: 'freeze', reason }),
    'frozen',
  ),
)
