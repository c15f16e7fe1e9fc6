import type { Instant } from '../kernel/clock.ts'
import type { Reason } from '../kernel/reason.ts'
import { emit, toEnded, type Draft } from './apply.ts'
import { isRepair, type Deployment, type Ending, type InstanceState } from './deployment.ts'
import { intentOf, liveRelease, type Head } from './head.ts'
import { describeDrift } from './observed.ts'

/** Ends the deployment. A failed rollback freezes the app: an operator has to look. */
export const endDeployment = (draft: Draft, ending: Ending, now: Instant): Draft => {
  const { deployment } = draft.head
  if (deployment === null) return draft
  const { by, kind } = deployment
  const message = isRepair(deployment)
    ? describeDrift(draft.head, toEnded(deployment, ending, now))
    : null
  const ended = emit(draft, { kind: 'deployment_ended', ending, at: now })
  const next = message === null ? ended : emit(ended, { kind: 'drift_found', by, message })
  if (kind !== 'rollback' || ending.status !== 'failed') return next
  return emit(next, {
    kind: 'frozen',
    freeze: { reason: 'rollback_failed', by, at: now },
    cause: 'rule',
  })
}

/** Best effort: a command that nothing waits for any more is cancelled; safety rests on the fence. */
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

/** Ends a repair that is in the way; commands of it that still run on an instance meet a higher fence. */
export const preempt = (draft: Draft, now: Instant): Draft =>
  endDeployment(
    abandonCommand(draft),
    { status: 'cancelled', reason: 'superseded', message: null },
    now,
  )

/** Ends a deployment that was given up for `reason`, once nothing is left to restore. */
export const endWithdrawn = (
  draft: Draft,
  reason: Reason,
  message: string | null,
  now: Instant,
): Draft => {
  const isTakenBack = reason === 'alarm_fired' || reason === 'rolled_back'
  const gaveUp = reason === 'cancelled' ? 'cancelled' : 'failed'
  const status = isTakenBack ? 'rolled_back' : gaveUp
  return endDeployment(draft, { status, reason, message }, now)
}

/**
 * The instances that a failed rollout left on something else than the live release, or that have not
 * reported what they serve.
 */
export const instancesToRestore = (
  head: Head,
  { instances }: Deployment,
): readonly InstanceState[] => {
  const live = liveRelease(head)?.generation ?? null
  return instances.filter(({ touched, status, serving }) => {
    if (!touched) return false
    if (status === 'failed') return (serving?.generation ?? null) !== live
    return status !== 'restored' && status !== 'unknown'
  })
}

/**
 * Ends a failed rollout where every touched instance has reported that it serves the live release;
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
