import * as z from 'zod'
import type { ApiRequest, Ask } from '../api/client.ts'
import { refused, type ForeignFailure } from '../kernel/foreign.ts'
import { Commit } from '../kernel/id.ts'
import { parseJson } from '../kernel/json.ts'
import { fail, succeed, type Result } from '../kernel/result.ts'
import { EndedRun, RunRepository, toCiRunFacts } from '../sources/github-run.ts'
import { SentInstant, SentText, type CiRunFacts, type PushFacts } from '../sources/source.ts'

export type GithubAnswer<Value> = Promise<Result<Value, ForeignFailure>>

/** GitHub's answer to one request, parsed by the schema. */
export const readGithub = async <Schema extends z.ZodType>(
  ask: Ask,
  schema: Schema,
  request: ApiRequest,
): GithubAnswer<z.output<Schema>> => {
  const answered = await ask(request)
  if (!answered.ok) return answered
  const value = parseJson(schema, answered.value.body)
  return value === null
    ? fail(refused(`GitHub sent an unexpected answer (${answered.value.status})`))
    : succeed(value)
}

const perPage = 100

/** The repository that has the name now. */
export const readRepository = (
  ask: Ask,
): GithubAnswer<Pick<PushFacts, 'repository' | 'repositoryId'>> =>
  readGithub(
    ask,
    RunRepository.transform(({ id, full_name: name }) => ({ repository: name, repositoryId: id })),
    { method: 'GET', path: '' },
  )

const ListedRun = EndedRun.extend({ repository: RunRepository }).transform((run) =>
  toCiRunFacts(run, run.repository, null),
)

const Activity = z.object({
  ref: SentText,
  after: Commit,
  timestamp: SentInstant,
  activity_type: z.string(),
})

/** What the schema cannot read does not count: a run that has not ended, or an unknown form. */
const keepReadable = <Value>(schema: z.ZodType<Value>, list: readonly unknown[]) =>
  list.flatMap((one) => {
    const read = schema.safeParse(one)
    return read.success ? [read.data] : []
  })

/** The ended runs of the commit that a push to the branch (or tag) started. */
export const listRuns = async (
  ask: Ask,
  { branch, commit }: { readonly branch: string; readonly commit: Commit },
): GithubAnswer<readonly CiRunFacts[]> => {
  const runs: CiRunFacts[] = []
  const query = { head_sha: commit, event: 'push', branch, per_page: `${perPage}` }
  // A commit has a run per workflow and reset of the branch: 1,000 are enough.
  for (let page = 1; page <= 10; page += 1) {
    const path = `/actions/runs?${new URLSearchParams({ ...query, page: `${page}` }).toString()}`
    const schema = z.object({ workflow_runs: z.array(z.unknown()) })
    const listed = await readGithub(ask, schema, { method: 'GET', path })
    if (!listed.ok) return listed
    runs.push(...keepReadable(ListedRun, listed.value.workflow_runs))
    if (listed.value.workflow_runs.length < perPage) break
  }
  return succeed(runs)
}

/** The hundred newest pushes to the branch: more than arrive while a commit waits. */
export const listPushes = async (
  ask: Ask,
  repository: Pick<PushFacts, 'repository' | 'repositoryId'>,
  branch: string,
): GithubAnswer<readonly PushFacts[]> => {
  const query = { ref: `refs/heads/${branch}`, per_page: `${perPage}` }
  const path = `/activity?${new URLSearchParams(query).toString()}`
  const listed = await readGithub(ask, z.array(z.unknown()), { method: 'GET', path })
  if (!listed.ok) return listed
  return succeed(
    keepReadable(Activity, listed.value)
      .filter((activity) => activity.activity_type !== 'branch_deletion')
      .map(({ ref, after, timestamp }) => ({
        kind: 'push',
        ...repository,
        ref,
        commit: after,
        pushedAt: timestamp,
        // The list of pushes does not tell it.
        origin: null,
      })),
  )
}
