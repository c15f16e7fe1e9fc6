import * as z from 'zod'
import { environments, readEnvironment } from '../src/config/environment.ts'
import { loadConfiguration } from '../src/config/load.ts'
import { createHeads } from '../src/journal/heads.ts'
import { createHistory } from '../src/journal/history.ts'
import { createProxyImages } from '../src/journal/proxy-images.ts'
import { createRenewals } from '../src/journal/renewals.ts'
import { createRepositories } from '../src/journal/repositories.ts'
import { createRevisions } from '../src/journal/revisions.ts'
import { createSeen } from '../src/journal/seen.ts'
import { createJournalTable } from '../src/journal/table.ts'
import { systemClock } from '../src/kernel/clock.ts'
import { RevisionId } from '../src/kernel/id.ts'
import { lambda } from '../src/lambda.ts'
import { answerStatus, createStatus } from '../src/rollout/status.ts'

/** `npx sls invoke -f status -d '{"app":"shop"}'`; without an app, all of them; or one of its revisions. */
const StatusEvent = z
  .strictObject({ app: z.string().optional(), revision: RevisionId.optional() })
  .refine(({ app, revision }) => app !== undefined || revision === undefined, {
    error: 'a revision is of an app: name it',
    path: ['app'],
  })

const compose = () => {
  const { apps } = loadConfiguration()
  const { STAGE: stage, TABLE_NAME } = readEnvironment(environments.status)
  const table = createJournalTable(TABLE_NAME)
  const revisions = createRevisions(table)
  const status = createStatus({
    stage,
    apps,
    heads: createHeads(table),
    revisions,
    history: createHistory(table),
    seen: createSeen(table),
    repositories: createRepositories(table),
    proxyImages: createProxyImages(table),
    renewals: createRenewals(table),
    clock: systemClock,
  })
  return { apps, status, revisions }
}

export const handler = lambda('status', compose, (services, input) =>
  answerStatus(StatusEvent, input, services),
)
