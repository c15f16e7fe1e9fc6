import * as z from 'zod'
import { Commit } from '../kernel/id.ts'
import { toOrigin } from '../kernel/origin.ts'
import { fail, succeed, type Result } from '../kernel/result.ts'
import { EndedRun, githubHosts, HeadCommit, RunRepository, toCiRunFacts } from './github-run.ts'
import { SentEpochSeconds, SentText, ToldText, type Parsed, type PushFacts } from './source.ts'

/** `repository.pushed_at` is a number in `push` events only, and the time of this push. */
const Push = z
  .object({
    ref: SentText,
    after: Commit,
    deleted: z.boolean(),
    repository: RunRepository.extend({ pushed_at: SentEpochSeconds.nullable().catch(null) }),
    compare: ToldText,
    head_commit: HeadCommit,
  })
  .transform(({ ref, after, deleted, repository, compare, head_commit: head }): PushFacts => ({
    kind: 'push',
    repository: repository.full_name,
    repositoryId: repository.id,
    ref,
    commit: deleted ? null : after,
    pushedAt: repository.pushed_at,
    origin: toOrigin(
      {
        message: head?.message,
        author: head?.author?.name,
        email: head?.author?.email,
        login: head?.author?.username,
        compareUrl: compare,
      },
      githubHosts,
    ),
  }))

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

interface GithubEventKind {
  readonly event: string
  /** A body is of this kind if it has all these fields and none of those in `lacks`. */
  readonly has: readonly string[]
  readonly lacks: readonly string[]
  readonly schema: z.ZodType<Parsed>
}

/**
 * No other event in GitHub's schemas has these fields, so no body is of two kinds. The events `deployment`,
 * `deployment_status` (`deployment`) and `deployment_review` (`since`) contain a run too.
 */
const kinds: readonly GithubEventKind[] = [
  {
    event: 'ping',
    has: ['zen'],
    lacks: [],
    schema: z.unknown().transform(() => ({ kind: 'ping' })),
  },
  { event: 'push', has: ['ref', 'after', 'deleted'], lacks: [], schema: Push },
  {
    event: 'workflow_run',
    has: ['action', 'workflow_run'],
    lacks: ['deployment', 'since'],
    schema: z.union([
      WorkflowRunCompleted,
      // A run that was requested or is in progress is no evidence yet.
      z
        .object({ action: SentText, workflow_run: z.object({ status: SentText }) })
        .refine(
          ({ action, workflow_run: run }) => action !== 'completed' || run.status !== 'completed',
        )
        .transform(({ action }): Parsed => ({ kind: 'other', event: `workflow_run.${action}` })),
    ]),
  },
]

/**
 * @param event `X-GitHub-Event`. It is not signed, so it must name the kind that the fields of the body show;
 * for a body of no known kind it is an unused event, and its name decides nothing.
 */
export const parseGithubEvent = (event: string, body: unknown): Result<Parsed, 'malformed'> => {
  if (typeof body !== 'object' || body === null || !/^[a-z0-9_]+$/.test(event))
    return fail('malformed')
  const [kind, another] = kinds.filter(
    ({ has, lacks }) =>
      has.every((field) => Object.hasOwn(body, field)) &&
      !lacks.some((field) => Object.hasOwn(body, field)),
  )
  const named = kinds.find((one) => one.event === event)
  if (another !== undefined || kind !== named) return fail('malformed')
  if (kind === undefined) return succeed({ kind: 'other', event: event.slice(0, 100) })
  const parsed = kind.schema.safeParse(body)
  return parsed.success ? succeed(parsed.data) : fail('malformed')
}
