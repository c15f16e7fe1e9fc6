import * as z from 'zod'
import { parseBody, refused, type ForeignFailure } from '../kernel/foreign.ts'
import type { Http } from '../kernel/http.ts'
import { Commit } from '../kernel/id.ts'
import { fail, succeed, type Result } from '../kernel/result.ts'
import { EndedRun, RunRepository, toCiRunFacts } from '../sources/github-run.ts'
import { SentInstant, SentText, type CiRunFacts, type PushFacts } from '../sources/source.ts'
import type { AskGithub } from './api.ts'

/** What a repository's hooks may have failed to bring. `secret` holds the token to ask with. */
export interface GithubReads {
  /** Runs of the commit that were started by a push to the branch (or tag) and have ended. */
  listRuns(
    secret: string,
    repository: string,
    of: { readonly branch: string; readonly commit: Commit },
    http: Http,
  ): Promise<Result<readonly CiRunFacts[], ForeignFailure>>
  /** The hundred newest pushes to the branch: more than come while a commit waits. */
  listPushes(
    secret: string,
    repository: string,
    branch: string,
    http: Http,
  ): Promise<Result<readonly PushFacts[], ForeignFailure>>
}

const perPage = 100
/** A commit has a run for each workflow and set-back of the branch; 1,000 are not read. */
const mostPages = 10

/** A run that goes on says nothing yet, and one we cannot read is none that we could count. */
const Runs = z.object({ workflow_runs: z.array(z.unknown()) })
const ListedRun = EndedRun.extend({ repository: RunRepository }).transform((run) =>
  toCiRunFacts(run, run.repository, null),
)

const Activities = z.array(z.unknown())
const Activity = z.object({
  ref: SentText,
  after: Commit,
  timestamp: SentInstant,
  activity_type: z.string(),
})

const keepReadable = <Value>(
  schema: z.ZodType<Value>,
  list: readonly unknown[],
): readonly Value[] =>
  list.flatMap((one) => {
    const read = schema.safeParse(one)
    return read.success ? [read.data] : []
  })

const toPush = (repository: string, { ref, after, timestamp }: z.infer<typeof Activity>) => ({
  kind: 'push' as const,
  repository,
  ref,
  commit: after,
  pushedAt: timestamp,
})

const unexpected = fail(refused('GitHub answered with something unexpected'))

export const createGithubReads = (ask: AskGithub): GithubReads => ({
  listRuns: async (secret, repository, { branch, commit }, http) => {
    const runs: CiRunFacts[] = []
    for (let page = 1; page <= mostPages; page += 1) {
      const query = {
        head_sha: commit,
        event: 'push',
        branch,
        per_page: `${perPage}`,
        page: `${page}`,
      }
      const path = `/actions/runs?${new URLSearchParams(query).toString()}`
      const answered = await ask(secret, repository, { method: 'GET', path }, http)
      if (!answered.ok) return answered
      const listed = parseBody(Runs, answered.value)
      if (listed === null) return unexpected
      runs.push(...keepReadable(ListedRun, listed.workflow_runs))
      if (listed.workflow_runs.length < perPage) break
    }
    return succeed(runs)
  },
  listPushes: async (secret, repository, branch, http) => {
    const query = { ref: `refs/heads/${branch}`, per_page: `${perPage}` }
    const path = `/activity?${new URLSearchParams(query).toString()}`
    const answered = await ask(secret, repository, { method: 'GET', path }, http)
    if (!answered.ok) return answered
    const listed = parseBody(Activities, answered.value)
    if (listed === null) return unexpected
    const activities = keepReadable(Activity, listed)
    return succeed(
      activities
        .filter((activity) => activity.activity_type !== 'branch_deletion')
        .map((activity) => toPush(repository, activity)),
    )
  },
})
