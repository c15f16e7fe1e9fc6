import * as z from 'zod'
import { createNudge } from '../src/aws/lambda-nudge.ts'
import { environments, readEnvironment } from '../src/config/environment.ts'
import { loadConfiguration } from '../src/config/load.ts'
import { createAuditLog } from '../src/journal/audit-log.ts'
import { createHeads } from '../src/journal/heads.ts'
import { createJournalTable } from '../src/journal/table.ts'
import { systemClock } from '../src/kernel/clock.ts'
import { Commit, Digest, Generation } from '../src/kernel/id.ts'
import type { Log } from '../src/kernel/log.ts'
import { lambda } from '../src/lambda.ts'
import { answerOperator, createOperate, showRollback } from '../src/rollout/operate.ts'
import { OperatorInput } from '../src/rollout/operator.ts'

/** `npx sls invoke -f rollback -d '{"app":"shop"}'`; `to` is a deployment's number, a commit or a digest. */
const RollbackEvent = OperatorInput.extend({
  to: z
    .union([Generation, Commit, Digest], {
      error: "the number of a deployment, a full commit or a digest, of status' `releases`",
    })
    .optional(),
})

const compose = (log: Log) => {
  const environment = readEnvironment(environments.rollback)
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

export const handler = lambda('rollback', compose, (services, input) =>
  answerOperator(
    RollbackEvent,
    input,
    services,
    ({ to = null }) => ({ kind: 'rollback', to }),
    'requested',
    showRollback,
  ),
)
