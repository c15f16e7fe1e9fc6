import * as z from 'zod'
import { Commit, isSameName } from '../kernel/id.ts'
import { toOrigin } from '../kernel/origin.ts'
import { fail, succeed, type Result } from '../kernel/result.ts'
import { SentInstant, SentText, ToldText, type CiRunFacts, type Parsed } from './source.ts'

/** Absent, null and empty mean the same: CircleCI sends `""` where there is no tag. */
const Optional = SentText.nullish().transform((text) => (text === '' ? null : (text ?? null)))

/** `pipeline.vcs`, for projects that CircleCI connects to GitHub by its OAuth app. */
const Vcs = z.object({
  origin_repository_url: Optional,
  target_repository_url: Optional,
  revision: Commit,
  branch: Optional,
  tag: Optional,
  commit: z
    .object({
      subject: ToldText,
      author: z.object({ name: ToldText, email: ToldText }).nullish().catch(null),
    })
    .nullish()
    .catch(null),
})

/** `pipeline.trigger_parameters`, for projects that use CircleCI's GitHub App and have no `vcs`. */
const TriggerParameters = z.object({
  circleci: z.object({ event_type: Optional }).nullish(),
  git: z.object({ checkout_url: Optional, checkout_sha: Commit, branch: Optional, tag: Optional }),
  github_app: z
    .object({ repo_url: Optional, commit_title: ToldText, commit_author_name: ToldText })
    .nullish(),
})

const Pipeline = z.object({
  id: SentText,
  number: z.number().int().nonnegative(),
  created_at: SentInstant,
  trigger: z.object({ type: Optional }).nullish(),
  vcs: Vcs.nullish(),
  trigger_parameters: TriggerParameters.partial({ git: true }).nullish(),
})

/**
 * `https://github.com/acme/shop`, with `.git` or without, `git@github.com:acme/shop.git` and
 * `ssh://git@github.com/acme/shop` are `acme/shop`. A repository elsewhere keeps its host, so that it
 * equals no repository on GitHub.
 */
export const toRepository = (url: string): string => {
  const [, host = '', path = ''] = /^(?:[\w.-]+@)?([\w.-]+):(?!\/\/)(.+)$/.exec(url) ?? []
  const secureCopy = host === '' ? null : `ssh://${host}/${path}`
  const address = secureCopy ?? (url.includes('://') ? url : `https://${url}`)
  // A URL loses its white space while it is parsed.
  if (/\s/.test(url) || !URL.canParse(address)) return '//'
  const parsed = new URL(address)
  const name = `${parsed.pathname.slice(1)}${parsed.search}${parsed.hash}`.replace(
    /(?:\.git)?\/?$/,
    '',
  )
  return parsed.host.toLowerCase() === 'github.com' ? name : `//${parsed.host}/${name}`
}

type Checkout = Pick<CiRunFacts, 'repository' | 'branch' | 'commit' | 'isPush'>

/**
 * The trigger of a pipeline is `webhook` where a push (or pull request) at GitHub started it, otherwise
 * `api`, `schedule` or another text. A fork's pull request is built in the target's project, from another
 * origin. A built tag has no branch.
 */
const readVcs = (vcs: z.infer<typeof Vcs>, trigger: string | null): Checkout => {
  const origin = toRepository(vcs.origin_repository_url ?? '')
  const repository = toRepository(vcs.target_repository_url ?? '')
  const isPush = trigger === 'webhook' && vcs.tag === null && isSameName(origin, repository)
  return { repository, branch: vcs.branch ?? '', commit: vcs.revision, isPush }
}

/**
 * `event_type` is GitHub's event, `push` or `pull_request`; another text for schedules and the API. A push
 * to another repository than the one that is checked out may start a pipeline; `github_app.repo_url` is
 * the repository of the push.
 */
const readGit = ({
  circleci,
  git,
  github_app: app,
}: z.infer<typeof TriggerParameters>): Checkout => {
  const repository = toRepository(git.checkout_url ?? '')
  const pushed = app?.repo_url ?? null
  const isOwn = pushed === null || isSameName(toRepository(pushed), repository)
  const isPush = circleci?.event_type === 'push' && git.tag === null && isOwn
  return { repository, branch: git.branch ?? '', commit: git.checkout_sha, isPush }
}

const WorkflowCompleted = z
  .object({
    project: z.object({ id: SentText }).nullish().catch(null),
    pipeline: Pipeline,
    workflow: z.object({
      name: SentText,
      status: SentText,
      created_at: SentInstant,
      url: ToldText,
    }),
  })
  .transform(({ project, pipeline, workflow }): Parsed => {
    const { vcs, trigger, trigger_parameters: parameters } = pipeline
    const checkout =
      parameters?.git !== undefined
        ? readGit({ ...parameters, git: parameters.git })
        : vcs && readVcs(vcs, trigger?.type ?? null)
    if (!checkout) return { kind: 'other', event: 'workflow-completed' }
    const { subject, author } = vcs?.commit ?? {}
    const app = parameters?.github_app
    return {
      kind: 'ci_run',
      ci: 'circleci',
      ...checkout,
      repositoryId: null,
      workflow: workflow.name,
      // All workflows are in one file.
      workflowPath: null,
      projectId: project?.id ?? null,
      runId: pipeline.id,
      runNumber: pipeline.number,
      // A re-run is another workflow of the same pipeline without a number: the one created last is the
      // newest attempt.
      attempt: Date.parse(workflow.created_at),
      // Re-runs keep the pipeline's: a re-run of an old commit must not look like a new push.
      createdAt: pipeline.created_at,
      // Failed, error, canceled, unauthorized and statuses still to come.
      conclusion: workflow.status === 'success' ? 'success' : 'failure',
      origin: toOrigin(
        {
          message: subject ?? app?.commit_title,
          author: author?.name ?? app?.commit_author_name,
          email: author?.email,
          runUrl: workflow.url,
        },
        ['app.circleci.com'],
      ),
    }
  })

const Outline = z.object({
  type: SentText.nullish(),
  pipeline: z.unknown().optional(),
  workflow: z.unknown().optional(),
  job: z.unknown().optional(),
})

/**
 * CircleCI documents of its test ping only that the body is "abbreviated". Every event names its pipeline
 * and workflow. A ping is therefore a body of type `ping`, or one of a known type or none that names
 * neither, nor a job.
 */
export const parseCircleciEvent = (body: unknown): Result<Parsed, 'malformed'> => {
  const outline = Outline.safeParse(body)
  if (!outline.success) return fail('malformed')
  const { type, ...parts } = outline.data
  if (type === 'ping') return succeed({ kind: 'ping' })
  const known = ['workflow-completed', 'job-completed']
  const isUnknown = typeof type === 'string' && !known.includes(type)
  if (isUnknown) return succeed({ kind: 'other', event: type.slice(0, 100) })
  if (Object.values(parts).every((part) => (part ?? null) === null))
    return succeed({ kind: 'ping' })
  if (typeof type !== 'string') return fail('malformed')
  // In CircleCI's own example the end of a job has the type `workflow-completed`.
  const isOfJob = type === 'job-completed' || (parts.job ?? null) !== null
  if (isOfJob) return succeed({ kind: 'other', event: 'job-completed' })
  const completed = WorkflowCompleted.safeParse(body)
  return completed.success ? succeed(completed.data) : fail('malformed')
}
