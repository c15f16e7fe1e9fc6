import * as z from 'zod'
import { createNudge } from '../src/aws/lambda-nudge.ts'
import { environments, readEnvironment } from '../src/config/environment.ts'
import { loadConfiguration } from '../src/config/load.ts'
import { createAuditLog } from '../src/journal/audit-log.ts'
import { createHeads } from '../src/journal/heads.ts'
import { createRevisions } from '../src/journal/revisions.ts'
import { createJournalTable } from '../src/journal/table.ts'
import { systemClock } from '../src/kernel/clock.ts'
import { RevisionId } from '../src/kernel/id.ts'
import type { Log } from '../src/kernel/log.ts'
import { lambda } from '../src/lambda.ts'
import { OperatorInput } from '../src/rollout/operator.ts'
import { answerRedeploy, createRedeploy } from '../src/rollout/redeploy.ts'

/** `npx sls invoke -f redeploy -d '{"app":"shop"}'`; or with a revision, or from another app. */
const RedeployEvent = OperatorInput.extend({
  revision: RevisionId.optional(),
  from: z.string().optional(),
  force: z.boolean().default(false),
})
  .refine(({ from, revision }) => from === undefined || revision === undefined, {
    error: "deploys the other app's live digest: name no revision with it",
    path: ['from'],
  })
  .refine(({ app, from }) => app !== from, { error: 'must name another app', path: ['from'] })

const compose = (log: Log) => {
  const environment = readEnvironment(environments.redeploy)
  const table = createJournalTable(environment.TABLE_NAME)
  return {
    apps: loadConfiguration().apps,
    redeploy: createRedeploy({
      heads: createHeads(table),
      revisions: createRevisions(table),
      auditLog: createAuditLog(table),
      clock: systemClock,
    }),
    nudge: createNudge(environment.RECONCILE_FUNCTION),
    log,
  }
}

export const handler = lambda('redeploy', compose, (services, input) =>
  answerRedeploy(RedeployEvent, input, services),
)
