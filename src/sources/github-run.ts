import * as z from 'zod'
import { Commit } from '../kernel/id.ts'
import { toOrigin } from '../kernel/origin.ts'
import { SentInstant, SentText, ToldText, type CiRunFacts } from './source.ts'

/** Links to a GitHub Enterprise Server are left out. */
export const githubHosts = ['github.com']

/** The newest commit of a run or a push; only a push names the author's account. */
export const HeadCommit = z
  .object({
    message: ToldText,
    author: z.object({ name: ToldText, email: ToldText, username: ToldText }).nullish().catch(null),
  })
  .nullish()
  .catch(null)

/** A run that has ended; GitHub's webhooks and API have the same format. */
export const EndedRun = z.object({
  id: z.number().int(),
  name: SentText.nullish(),
  path: SentText.nullish(),
  event: SentText,
  status: z.literal('completed'),
  conclusion: z.string().nullable(),
  // Null where the head was a fork that was deleted.
  head_branch: SentText.nullable(),
  head_sha: Commit,
  head_repository: z.object({ id: z.number() }).nullish(),
  run_number: z.number().int().nonnegative(),
  run_attempt: z.number().int().positive().default(1),
  created_at: SentInstant,
  display_title: ToldText,
  html_url: ToldText,
  head_commit: HeadCommit,
})
type EndedRun = z.infer<typeof EndedRun>

export const RunRepository = z.object({
  id: z.number().int().nonnegative(),
  // Part of the path of requests to GitHub's API.
  full_name: z.string().regex(/^(?!\.{1,2}\/)[\w.-]{1,100}\/(?!\.{1,2}$)[\w.-]{1,100}$/),
})
type RunRepository = z.infer<typeof RunRepository>

/** @param workflow the name from a field of its own: that in the run is empty or a title in some deliveries */
export const toCiRunFacts = (
  run: EndedRun,
  repository: RunRepository,
  workflow: string | null,
): CiRunFacts => ({
  kind: 'ci_run',
  ci: 'github',
  repository: repository.full_name,
  repositoryId: repository.id,
  branch: run.head_branch ?? '',
  commit: run.head_sha,
  isPush: run.event === 'push' && run.head_repository?.id === repository.id,
  workflow: workflow ?? run.name ?? '',
  // `.github/workflows/ci.yml@refs/heads/main` for a workflow that another one calls.
  workflowPath: run.path?.split('@')[0] ?? null,
  projectId: null,
  runId: String(run.id),
  runNumber: run.run_number,
  attempt: run.run_attempt,
  createdAt: run.created_at,
  // Neutral, skipped, cancelled, timed_out, stale and conclusions still to come.
  conclusion: run.conclusion === 'success' ? 'success' : 'failure',
  origin: toOrigin(
    {
      message: run.head_commit?.message ?? run.display_title,
      author: run.head_commit?.author?.name,
      email: run.head_commit?.author?.email,
      runUrl: run.html_url,
    },
    githubHosts,
  ),
})
