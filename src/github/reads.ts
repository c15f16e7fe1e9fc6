import * as z from 'zod'
import type { Ask } from '../api/client.ts'
import { refused, type ForeignFailure } from '../kernel/foreign.ts'
import { Commit } from '../kernel/id.ts'
import { parseJson } from '../kernel/json.ts'
import { fail, succeed, type Result } from '../kernel/result.ts'
import { EndedRun, RunRepository, toCiRunFacts } from '../sources/github-run.ts'
import { SentInstant, SentText, type CiRunFacts, type PushFacts } from '../sources/source.ts'

const perPage = 100
/** A commit has a run for each workflow and set-back of the branch; 1,000 are not read. */
const mostPages = 10

/** A run that goes on says nothing yet, and one we cannot read is none that we could count. */
const Runs = z.object({ workflow_runs: z.array(z.unknown()) })
const ListedRun = EndedRun.extend({ repository: RunRepository }).transform((run) =>
  toCiRunFacts(run, run.repository, null),
)

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

const unexpected = fail(refused('GitHub answered with something unexpected'))

/** Runs of the commit that were started by a push to the branch (or tag) and have ended. */
export const listRuns = async (
  ask: Ask,
  { branch, commit }: { readonly branch: string; readonly commit: Commit },
): Promise<Result<readonly CiRunFacts[], ForeignFailure>> => {
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
    const answered = await ask({ method: 'GET', path })
    if (!answered.ok) return answered
    const listed = parseJson(Runs, answered.value.body)
    if (listed === null) return unexpected
    runs.push(...keepReadable(ListedRun, listed.workflow_runs))
    if (listed.workflow_runs.length < perPage) break
  }
  return succeed(runs)
}

/** The hundred newest pushes to the branch: more than come while a commit waits. */
export const listPushes = async (
  ask: Ask,
  repository: string,
  branch: string,
): Promise<Result<readonly PushFacts[], ForeignFailure>> => {
  const query = { ref: `refs/heads/${branch}`, per_page: `${perPage}` }
  const path = `/activity?${new URLSearchParams(query).toString()}`
  const answered = await ask({ method: 'GET', path })
  if (!answered.ok) return answered
  const listed = parseJson(z.array(z.unknown()), answered.value.body)
  if (listed === null) return unexpected
  return succeed(
    keepReadable(Activity, listed)
      .filter((activity) => activity.activity_type !== 'branch_deletion')
      .map(({ ref, after, timestamp }) => ({
        kind: 'push',
        repository,
        ref,
        commit: after,
        pushedAt: timestamp,
      })),
  )
}
