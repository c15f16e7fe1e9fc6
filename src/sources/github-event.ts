import * as z from 'zod'
import { Commit } from '../kernel/id.ts'
import { fail, succeed, type Result } from '../kernel/result.ts'
import {
  SentEpochSeconds,
  SentInstant,
  SentText,
  type CiRunFacts,
  type Parsed,
  type PushFacts,
} from './source.ts'

const Repository = z.object({ id: z.number(), full_name: SentText })

/** `repository.pushed_at` is a number in `push` events only; it is the time of this very push. */
const Push = z
  .object({
    ref: SentText,
    after: Commit,
    deleted: z.boolean(),
    repository: Repository.extend({ pushed_at: SentEpochSeconds.nullable().catch(null) }),
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
    workflow_run: z.object({
      id: z.number().int(),
      name: SentText.nullish(),
      path: SentText.nullish(),
      event: SentText,
      status: z.literal('completed'),
      conclusion: z.string().nullable(),
      // Null where a deleted fork was the head.
      head_branch: SentText.nullable(),
      head_sha: Commit,
      head_repository: z.object({ id: z.number() }).nullish(),
      run_number: z.number().int().nonnegative(),
      run_attempt: z.number().int().positive().default(1),
      created_at: SentInstant,
    }),
    workflow: z.object({ name: SentText }).nullish(),
    repository: Repository,
  })
  .transform(({ workflow_run: run, workflow, repository }): CiRunFacts => ({
    kind: 'ci_run',
    ci: 'github',
    repository: repository.full_name,
    branch: run.head_branch ?? '',
    commit: run.head_sha,
    isPush: run.event === 'push' && run.head_repository?.id === repository.id,
    // A run's own name is empty or a title in some deliveries.
    workflow: workflow?.name ?? run.name ?? '',
    // `.github/workflows/ci.yml@refs/heads/main` for a workflow that another one calls.
    workflowPath: run.path?.split('@')[0] ?? null,
    runId: String(run.id),
    runNumber: run.run_number,
    attempt: run.run_attempt,
    createdAt: run.created_at,
    // Neutral, skipped, cancelled, timed_out, stale …: whatever is not green is not green.
    conclusion: run.conclusion === 'success' ? 'success' : 'failure',
  }))

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
