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

/**
 * `deployment` events carry a `workflow_run` too, and the event's name is not signed: `action` and
 * `status` in the body say whether this is the end of a run.
 */
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

const read = (schema: z.ZodType<Parsed>, body: unknown): Result<Parsed, 'malformed'> => {
  const parsed = schema.safeParse(body)
  return parsed.success ? succeed(parsed.data) : fail('malformed')
}

/** @param event `X-GitHub-Event`, which is not signed: the body must be of its shape. */
export const parseGithubEvent = (event: string, body: unknown): Result<Parsed, 'malformed'> => {
  switch (event) {
    case '':
      return fail('malformed')
    case 'ping':
      return succeed({ kind: 'ping' })
    case 'push':
      return read(Push, body)
    case 'workflow_run':
      return read(WorkflowRun, body)
    default:
      return succeed({ kind: 'other', event: event.slice(0, 100) })
  }
}
