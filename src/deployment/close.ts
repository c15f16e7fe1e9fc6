import type { Instant } from '../kernel/clock.ts'
import type { Reason } from '../kernel/reason.ts'
import { describeDrift } from './observed.ts'
import { emit, type Draft } from './draft.ts'
import { toEnded } from './apply.ts'
import {
  isRepair,
  type Deployment,
  type Ended,
  type Ending,
  type InstanceState,
  type Serving,
} from './deployment.ts'
import { intentOf, liveRelease, type Head } from './head.ts'

/** How a deployment ends that was given up for this reason. */
const statusAfter = (reason: Reason): Ending['status'] => {
  if (reason === 'cancelled') return 'cancelled'
  return reason === 'alarm_fired' || reason === 'rolled_back' ? 'rolled_back' : 'failed'
}

const foundDrift = (head: Head, ended: Ended) => {
  const message = isRepair(ended) ? describeDrift(head, ended) : null
  return message === null ? [] : [{ kind: 'drift_found' as const, by: ended.by, message }]
}

/** Ends the deployment. A rollback that fails freezes the app: people have to look. */
export const endDeployment = (draft: Draft, ending: Ending, now: Instant): Draft => {
  const { deployment } = draft.head
  if (deployment === null) return draft
  const ended = toEnded(deployment, ending, now)
  const next = emit(
    draft,
    { kind: 'deployment_ended', ending, at: now },
    ...foundDrift(draft.head, ended),
  )
  if (ended.kind !== 'rollback' || ended.status !== 'failed') return next
  const freeze = { reason: 'rollback_failed', by: ended.by, at: now }
  return emit(next, { kind: 'frozen', freeze, cause: 'rule' })
}

/** Best effort: a command that nothing waits for any more is cancelled; the fence is what counts. */
const abandonCommand = (draft: Draft): Draft => {
  const { deployment } = draft.head
  const intent = intentOf(draft.head)
  if (deployment === null || intent === null || intent.operation === null) return draft
  const { target, operation } = intent
  const isUnanswered = deployment.instances.some(
    (one) => one.target === target && one.status === 'pending' && intent.instances.includes(one.id),
  )
  return isUnanswered ? emit(draft, { kind: 'command_abandoned', target, operation }) : draft
}

/** Ends a convergence that is in the way; what of it still runs on an instance meets a higher fence. */
export const preempt = (draft: Draft, now: Instant): Draft =>
  endDeployment(
    abandonCommand(draft),
    { status: 'cancelled', reason: 'superseded', message: null },
    now,
  )

/** Ends a deployment that was given up for `reason`, now that nothing of it is left. */
export const endWithdrawn = (
  draft: Draft,
  reason: Reason,
  message: string | null,
  now: Instant,
): Draft => endDeployment(draft, { status: statusAfter(reason), reason, message }, now)

const servesLive = (head: Head, serving: Serving | null): boolean =>
  (serving?.generation ?? null) === (liveRelease(head)?.generation ?? null)

/**
 * True for an instance that a failed rollout left on something else than the live release, or that
 * has not said what it serves.
 */
const needsRestore = (head: Head, instance: InstanceState): boolean => {
  if (!instance.touched) return false
  if (instance.status === 'failed') return !servesLive(head, instance.serving)
  return instance.status !== 'restored' && instance.status !== 'unknown'
}

export const instancesToRestore = (
  head: Head,
  { instances }: Deployment,
): readonly InstanceState[] => instances.filter((instance) => needsRestore(head, instance))

/**
 * Ends a failed rollout where every touched instance has said that it serves the live release;
 * otherwise turns it to bringing that release back.
 */
export const withdraw = (
  draft: Draft,
  reason: Reason,
  message: string | null,
  now: Instant,
): Draft => {
  const { head } = draft
  if (head.deployment === null) return draft
  const given = abandonCommand(draft)
  if (instancesToRestore(head, head.deployment).length === 0)
    return endWithdrawn(given, reason, message, now)
  return emit(given, { kind: 'rollout_withdrawn', reason, message })
}
