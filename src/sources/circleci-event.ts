import * as z from 'zod'
import { Commit } from '../kernel/id.ts'
import { fail, succeed, type Result } from '../kernel/result.ts'
import { SentInstant, SentText, type CiRunFacts, type Parsed } from './source.ts'

/** Absent, null and empty say the same: CircleCI writes a tag that there is none of as `""`. */
const Optional = SentText.nullish().transform((text) => (text === '' ? null : (text ?? null)))

/** `pipeline.vcs`, where CircleCI reaches GitHub by its OAuth app. */
const Vcs = z.object({
  origin_repository_url: Optional,
  target_repository_url: Optional,
  revision: Commit,
  branch: Optional,
  tag: Optional,
})

/** `pipeline.trigger_parameters`, where it is CircleCI's GitHub App; there is no `vcs` then. */
const TriggerParameters = z.object({
  circleci: z.object({ event_type: Optional }).nullish(),
  git: z.object({ checkout_url: Optional, checkout_sha: Commit, branch: Optional, tag: Optional }),
  github_app: z.object({ repo_url: Optional }).nullish(),
})

const Pipeline = z.object({
  id: SentText,
  number: z.number().int().nonnegative(),
  created_at: SentInstant,
  trigger: z.object({ type: Optional }).nullish(),
  vcs: Vcs.nullish(),
  trigger_parameters: TriggerParameters.partial({ git: true }).nullish(),
})
type Pipeline = z.infer<typeof Pipeline>

/**
 * `https://github.com/acme/shop`, with `.git` or without, `git@github.com:acme/shop.git` and
 * `ssh://git@github.com/acme/shop` are `acme/shop`. What lies elsewhere keeps its host, so that it is
 * the name of no repository on GitHub.
 */
export const toRepository = (url: string): string => {
  const form = /^(?:[a-z+]+:\/\/)?(?:[^@/]*@)?([^:/]+)[:/]+(.+?)(?:\.git)?\/?$/i
  const [, host = '', path = ''] = form.exec(url) ?? []
  return host.toLowerCase() === 'github.com' ? path : `//${host}/${path}`
}

const isSame = (one: string, other: string): boolean => one.toLowerCase() === other.toLowerCase()

type Checkout = Pick<CiRunFacts, 'repository' | 'branch' | 'commit' | 'isPush'>

/**
 * A pipeline's trigger is `webhook` where GitHub's push (or pull request) started it; `api`,
 * `schedule` and whatever else there may be was somebody else. A fork's pull request is built in the
 * target's project, from another origin. A built tag has no branch.
 */
const readVcs = (vcs: z.infer<typeof Vcs>, trigger: string | null): Checkout => {
  const origin = toRepository(vcs.origin_repository_url ?? '')
  const repository = toRepository(vcs.target_repository_url ?? '')
  const isPush = trigger === 'webhook' && vcs.tag === null && isSame(origin, repository)
  return { repository, branch: vcs.branch ?? '', commit: vcs.revision, isPush }
}

/**
 * `event_type` is GitHub's event here: `push`, `pull_request`; another text for schedules and the
 * API. A pipeline may be started by a push to another repository than the one it checks out;
 * `github_app.repo_url` tells where it is there.
 */
const readGit = ({
  circleci,
  git,
  github_app: app,
}: z.infer<typeof TriggerParameters>): Checkout => {
  const repository = toRepository(git.checkout_url ?? '')
  const pushed = app?.repo_url ?? null
  const isOwn = pushed === null || isSame(toRepository(pushed), repository)
  const isPush = circleci?.event_type === 'push' && git.tag === null && isOwn
  return { repository, branch: git.branch ?? '', commit: git.checkout_sha, isPush }
}

/** Null for a pipeline that no commit belongs to. */
const readCheckout = ({ vcs, trigger, trigger_parameters: parameters }: Pipeline) => {
  if (parameters?.git !== undefined) return readGit({ ...parameters, git: parameters.git })
  return vcs ? readVcs(vcs, trigger?.type ?? null) : null
}

const WorkflowCompleted = z
  .object({
    pipeline: Pipeline,
    workflow: z.object({ name: SentText, status: SentText, created_at: SentInstant }),
  })
  .transform(({ pipeline, workflow }): Parsed => {
    const checkout = readCheckout(pipeline)
    if (checkout === null) return { kind: 'other', event: 'workflow-completed' }
    return {
      kind: 'ci_run',
      ci: 'circleci',
      ...checkout,
      workflow: workflow.name,
      // One file holds all workflows, so a workflow has its name only.
      workflowPath: null,
      runId: pipeline.id,
      runNumber: pipeline.number,
      // A re-run is another workflow of the same pipeline, with an id that says nothing of its order
      // and without a number: the one that was created last is the newest attempt.
      attempt: Date.parse(workflow.created_at),
      // The pipeline's, which re-runs keep: a re-run of an old commit must not look like a new push.
      createdAt: pipeline.created_at,
      // Failed, error, canceled, unauthorized and what may come: whatever is not green is not green.
      conclusion: workflow.status === 'success' ? 'success' : 'failure',
    }
  })

const Outline = z.object({
  type: SentText.nullish(),
  pipeline: z.unknown().optional(),
  workflow: z.unknown().optional(),
  job: z.unknown().optional(),
})

const knownTypes = ['workflow-completed', 'job-completed']

const ping: Parsed = { kind: 'ping' }

/**
 * What the test ping looks like is not documented, only that its body is "abbreviated". Every event
 * names the pipeline and the workflow that it is of, so what names neither, nor a job, is none: a
 * body of type `ping`, or one of a known type or none that is about nothing.
 */
export const parseCircleciEvent = (body: unknown): Result<Parsed, 'malformed'> => {
  const outline = Outline.safeParse(body)
  if (!outline.success) return fail('malformed')
  const { type, ...parts } = outline.data
  if (type === 'ping') return succeed(ping)
  const isUnknown = typeof type === 'string' && !knownTypes.includes(type)
  if (isUnknown) return succeed({ kind: 'other', event: type.slice(0, 100) })
  if (Object.values(parts).every((part) => (part ?? null) === null)) return succeed(ping)
  if (typeof type !== 'string') return fail('malformed')
  // CircleCI's own example of a job's end calls itself `workflow-completed`.
  const isOfJob = type === 'job-completed' || (parts.job ?? null) !== null
  if (isOfJob) return succeed({ kind: 'other', event: 'job-completed' })
  const completed = WorkflowCompleted.safeParse(body)
  return completed.success ? succeed(completed.data) : fail('malformed')
}
