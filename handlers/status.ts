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
import { Generation, RevisionId } from '../src/kernel/id.ts'
import { lambda } from '../src/lambda.ts'
import { releaseNameSchema } from '../src/rollout/operator.ts'
import { answerStatus, createStatus } from '../src/rollout/status.ts'
import { createViews } from '../src/rollout/status-views.ts'

/** `npx sls invoke -f status -d '{"app":"shop"}'`; without an app, all of them; or one of its revisions, or a view. */
const StatusEvent = z
  .strictObject({
    app: z.string().optional(),
    revision: RevisionId.optional(),
    view: z.enum(['progress', 'history', 'deployment', 'rollback', 'settings']).optional(),
    limit: z.number().int().min(1).max(100).default(20),
    generation: Generation.optional(),
    to: releaseNameSchema.optional(),
  })
  .refine(({ app, view }) => app !== undefined || view === undefined || view === 'settings', {
    error: 'this view is of an app: name it',
    path: ['app'],
  })
  .refine(({ revision, view }) => revision === undefined || view === undefined, {
    error: 'a revision is shown whole: name no view with it',
    path: ['view'],
  })
  .refine(({ app, revision }) => app !== undefined || revision === undefined, {
    error: 'a revision is of an app: name it',
    path: ['app'],
  })

const compose = () => {
  const { apps } = loadConfiguration()
  const { STAGE: stage, TABLE_NAME } = readEnvironment(environments.status)
  const table = createJournalTable(TABLE_NAME)
  const revisions = createRevisions(table)
  const journal = { heads: createHeads(table), history: createHistory(table), clock: systemClock }
  const status = createStatus({
    stage,
    apps,
    ...journal,
    revisions,
    seen: createSeen(table),
    repositories: createRepositories(table),
    proxyImages: createProxyImages(table),
    renewals: createRenewals(table),
  })
  return { apps, status, views: createViews(journal), revisions }
}

export const handler = lambda('status', compose, (services, input) =>
  answerStatus(StatusEvent, input, services),
)
