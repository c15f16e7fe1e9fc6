import { createInvokeOperator } from '../src/aws/lambda-operate.ts'
import { environments, readEnvironment } from '../src/config/environment.ts'
import { loadConfiguration } from '../src/config/load.ts'
import { createHeads } from '../src/journal/heads.ts'
import { createHistory, createPast } from '../src/journal/history.ts'
import { createPageAccess } from '../src/journal/page-access.ts'
import { createRevisions } from '../src/journal/revisions.ts'
import { createSeen } from '../src/journal/seen.ts'
import { createJournalTable } from '../src/journal/table.ts'
import { systemClock as clock } from '../src/kernel/clock.ts'
import type { Log } from '../src/kernel/log.ts'
import { lambda } from '../src/lambda.ts'
import { answerPage, type PageServices } from '../src/page/page.ts'

const compose = (log: Log): PageServices => {
  const { API_URL: apiUrl, STAGE: stage, TABLE_NAME } = readEnvironment(environments.page)
  const table = createJournalTable(TABLE_NAME)
  return {
    stage,
    apiUrl,
    apps: loadConfiguration().apps,
    access: createPageAccess(table),
    heads: createHeads(table),
    revisions: createRevisions(table),
    seen: createSeen(table),
    past: createPast(table),
    history: createHistory(table),
    invoke: createInvokeOperator(stage),
    clock,
    log,
  }
}

export const handler = lambda('page', compose, (services, event) => answerPage(event, services))
