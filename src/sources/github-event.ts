import * as z from 'zod'
import { Commit } from '../kernel/id.ts'
import { fail, succeed, type Result } from '../kernel/result.ts'
import { EndedRun, RunRepository, toCiRunFacts } from './github-run.ts'
import { SentEpochSeconds, SentText, type Parsed, type PushFacts } from './source.ts'

/** `repository.pushed_at` is a number in `push` events only; it is the time of this very push. */
const Push = z
  .object({
    ref: SentText,
    after: Commit,
    deleted: z.boolean(),
    repository: RunRepository.extend({ pushed_at: SentEpochSeconds.nullable().catch(null) }),
  })
  .transform(({ ref, after, deleted, repository }): PushFacts => ({
    kind: 'push',
    repository: repository.full_name,
    ref,
    commit: deleted ? null : after,
    pushedAt: repository.pushed_at,
  }))

/** `action` and `status` say whether this is the end of a run. */
const WorkflowRunCompleted = z
  .object({
    action: z.literal('completed'),
    workflow_run: EndedRun,
    workflow: z.object({ name: SentText }).nullish(),
    repository: RunRepository,
  })
  .transform(({ workflow_run: run, workflow, repository }) =>
    toCiRunFacts(run, repository, workflow?.name ?? null),
  )

/** A run that was requested, or goes on, says nothing yet. */
const WorkflowRunUnended = z
  .object({ action: SentText, workflow_run: z.object({ status: SentText }) })
  .refine(({ action, workflow_run: run }) => action !== 'completed' || run.status !== 'completed')
  .transform(({ action }): Parsed => ({ kind: 'other', event: `workflow_run.${action}` }))

const WorkflowRun = z.union([WorkflowRunCompleted, WorkflowRunUnended])

interface GithubEventKind {
  readonly event: string
  /** Fields by which a body is known to be of this kind: all that it has, and none that it lacks. */
  readonly has: readonly string[]
  readonly lacks: readonly string[]
  readonly says: z.ZodType<Parsed>
}

/**
 * Of all events in GitHub's schemas no other has these fields, so that no body is of two kinds. The events
 * `deployment`, `deployment_status` (`deployment`) and `deployment_review` (`since`) carry a run too.
 */
const kinds: readonly GithubEventKind[] = [
  { event: 'ping', has: ['zen'], lacks: [], says: z.unknown().transform(() => ({ kind: 'ping' })) },
  { event: 'push', has: ['ref', 'after', 'deleted'], lacks: [], says: Push },
  {
    event: 'workflow_run',
    has: ['action', 'workflow_run'],
    lacks: ['deployment', 'since'],
    says: WorkflowRun,
  },
]

const isOfKind = (body: object, { has, lacks }: GithubEventKind): boolean =>
  has.every((field) => Object.hasOwn(body, field)) &&
  !lacks.some((field) => Object.hasOwn(body, field))

/** No list of names, no other case. */
const isEventName = (text: string): boolean => /^[a-z0-9_]+$/.test(text)

/**
 * @param event `X-GitHub-Event`, which is not signed: it names the one kind that the body is of, or, for a
 * body of none, an event of no interest. Nothing rests on which one.
 */
export const parseGithubEvent = (event: string, body: unknown): Result<Parsed, 'malformed'> => {
  if (typeof body !== 'object' || body === null || !isEventName(event)) return fail('malformed')
  const [kind, another] = kinds.filter((one) => isOfKind(body, one))
  const named = kinds.find((one) => one.event === event)
  if (another !== undefined || kind !== named) return fail('malformed')
  if (kind === undefined) return succeed({ kind: 'other', event: event.slice(0, 100) })
  const parsed = kind.says.safeParse(body)
  return parsed.success ? succeed(parsed.data) : fail('malformed')
}
