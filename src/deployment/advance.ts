import { addSeconds, type Instant } from '../kernel/clock.ts'
import { Fence, type InstanceId, type TargetKey } from '../kernel/id.ts'
import type { Reason } from '../kernel/reason.ts'
import { absorbAnswers } from './answer.ts'
import { emit, type Draft } from './apply.ts'
import { endDeployment, endWithdrawn, instancesToRestore, preempt, withdraw } from './close.ts'
import { hostSecondsUntil, intentOwnedSeconds, isPast, operationLimits } from './deadline.ts'
import {
  continuesOnFailure,
  hasEnded,
  isRepair,
  statusOf,
  type Advancing,
  type Deployment,
  type InstanceState,
  type Intent,
  type OpenDeployment,
  type Purpose,
  type Withdrawing,
} from './deployment.ts'
import { findSamePlace } from './find-target.ts'
import { hasPendingRollback, liveRelease, type Head } from './head.ts'
import { joinMessages } from './message.ts'
import { largestWave } from './wave.ts'

interface Poll {
  /** Instances of the next wave that have a fresh certificate. */
  readonly prepared: readonly InstanceId[]
  /** Names the run. */
  readonly by: string
  readonly now: Instant
}

/** Issues one command; its fence is the version that this write gets. Null where too little time is left. */
const issue = (
  draft: Draft,
  deployment: OpenDeployment,
  purpose: Purpose,
  instances: readonly InstanceState[],
  { by, now }: Poll,
): Draft | null => {
  const limits = operationLimits(deployment, purpose, now)
  const target = instances[0]?.target
  if (limits === null || target === undefined) return null
  const intent: Intent = {
    purpose,
    target,
    instances: instances.filter((one) => one.target === target).map(({ id }) => id),
    fence: Fence.parse(draft.head.version + 1),
    since: now,
    at: now,
    repeated: false,
    operation: null,
    ...limits,
  }
  const isFirst = statusOf(deployment) === 'queued'
  const started = isFirst ? emit(draft, { kind: 'deployment_started' }) : draft
  return emit(started, { kind: 'command_issued', intent, by })
}

/** The instances to prepare or deploy to next; none once every wave is through. */
export const currentWave = (deployment: Deployment): readonly InstanceState[] => {
  const pending = deployment.instances.filter(
    ({ status }) => status === 'unseen' || status === 'pending',
  )
  // They stand in the order of landfall.yml, target by target.
  const own = pending.filter(({ target }) => target === pending[0]?.target)
  const wave = Math.min(...own.map((instance) => instance.wave))
  return own.filter((instance) => instance.wave === wave)
}

/** What keeps a command from an instance before it is sent. */
const unreachable: readonly Reason[] = ['instance_offline', 'instance_untagged', 'agent_too_old']

/** True once every reachable instance is rolled back; the others are listed and repaired later. */
const isRolledBack = ({ kind, instances }: Deployment): boolean =>
  kind === 'rollback' &&
  instances.some(({ status }) => status === 'succeeded') &&
  instances.every(
    ({ status, touched, reason }) =>
      status === 'succeeded' || (!touched && unreachable.some((one) => one === reason)),
  )

/** Ends a deployment with no wave left. */
const endRollout = (draft: Draft, deployment: Advancing, now: Instant): Draft => {
  const left = deployment.instances.filter(({ status }) => status !== 'succeeded')
  const [first] = left
  if (first === undefined || isRolledBack(deployment)) {
    const offline = left.length === 0 ? null : `not on ${left.map(({ id }) => id).join(', ')}`
    const message = joinMessages([deployment.message, offline])
    return endDeployment(draft, { status: 'succeeded', reason: 'deployed', message }, now)
  }
  const failures = left.map(({ id, message }) => (message === null ? id : `${id}: ${message}`))
  const message = joinMessages([deployment.message, ...failures])
  const reason = first.reason ?? 'no_answer'
  return endDeployment(draft, { status: 'failed', reason, message }, now)
}

const rollOut = (draft: Draft, deployment: Advancing, poll: Poll): Draft => {
  const { prepared, now } = poll
  const { pausedUntil, message } = deployment
  const wave = currentWave(deployment)
  if (wave.length === 0) return endRollout(draft, deployment, now)
  if (pausedUntil !== null && !isPast(pausedUntil, now)) return draft
  const unprepared = wave.filter(({ id, status }) => status === 'unseen' || !prepared.includes(id))
  const next =
    unprepared.length > 0
      ? issue(draft, deployment, 'prepare', unprepared, poll)
      : issue(draft, deployment, 'deploy', wave, poll)
  if (next !== null) return next
  // A timed-out rollback is not reverted; instances already rolled back stay there.
  return continuesOnFailure(deployment)
    ? endDeployment(draft, { status: 'failed', reason: 'deadline_passed', message }, now)
    : withdraw(draft, 'deadline_passed', null, now)
}

/** The first instance to restore, and those that one command reaches with it: by one target of the live release. */
const listReachedTogether = (
  head: Head,
  { release }: Withdrawing,
  instances: readonly InstanceState[],
): readonly InstanceState[] => {
  const live = liveRelease(head)
  const [first] = instances
  if (live === null || first === undefined) return instances
  const keyOf = (instance: InstanceState): TargetKey | null =>
    findSamePlace(release.settings, live.settings, instance, head.observed)?.key ?? null
  const key = keyOf(first)
  return instances.filter((one) => one.target === first.target && keyOf(one) === key)
}

/** The withdrawn deployment ends as its rollout did, with the instances that were not restored. */
const endRestored = (
  draft: Draft,
  { reason, message: cause }: Withdrawing,
  now: Instant,
): Draft => {
  const instances = draft.head.deployment?.instances ?? []
  const left = instances.filter(({ status }) => status === 'unknown')
  const why = left.length === 0 ? null : `not brought back: ${left.map(({ id }) => id).join(', ')}`
  return endWithdrawn(draft, reason, joinMessages([cause, why]), now)
}

const restoreNext = (draft: Draft, deployment: Withdrawing, poll: Poll): Draft => {
  const left = instancesToRestore(draft.head, deployment)
  const together = listReachedTogether(draft.head, deployment, left)
  const next = issue(draft, deployment, 'restore', together.slice(0, largestWave), poll)
  if (next !== null) return next
  // No instance is left, or no time for those that are.
  const instances = left.map((instance) => ({
    ...instance,
    status: 'unknown' as const,
    reason: 'not_restored' as const,
  }))
  const reported =
    left.length === 0 ? draft : emit(draft, { kind: 'instances_reported', instances })
  return endRestored(reported, deployment, poll.now)
}

/** The next command of a deployment with none in flight, or its end. */
const proceed = (draft: Draft, poll: Poll): Draft => {
  const { deployment } = draft.head
  if (deployment === null || hasEnded(deployment)) return draft
  return deployment.phase === 'advancing'
    ? rollOut(draft, deployment, poll)
    : restoreNext(draft, deployment, poll)
}

/** Issues the same fence again, by another sender, with the time that is left. */
const resend = (draft: Draft, { deadlineAt }: Intent, { by, now }: Poll): Draft => {
  const hostSeconds = hostSecondsUntil(deadlineAt, now)
  return hostSeconds === null
    ? draft
    : emit(draft, { kind: 'command_repeated', at: now, hostSeconds, by })
}

/**
 * Gives up the open deployment because it, or the live release, is to be taken back. In the second case it
 * is not at fault: the alarm fired before it had sent a command.
 */
const yieldToRollback = (draft: Draft, { generation }: Deployment, now: Instant): Draft => {
  const { rollback } = draft.head
  if (rollback === null) return draft
  return rollback.generation === generation
    ? withdraw(draft, rollback.reason, `by ${rollback.by}`, now)
    : withdraw(draft, 'cancelled', `out of the way of a rollback by ${rollback.by}`, now)
}

/**
 * The deployment's next move: the next command, the same one again where its writer never sent it,
 * lost answers after a command's time, or the end. Nothing where it can only wait.
 */
export const advance = (draft: Draft, poll: Poll): Draft => {
  const { now } = poll
  const { head } = draft
  const { deployment } = head
  if (deployment === null || hasEnded(deployment)) return draft
  if (isRepair(deployment) && hasPendingRollback(head)) return preempt(draft, now)
  if (hasPendingRollback(head) && deployment.phase === 'advancing')
    return yieldToRollback(draft, deployment, now)
  const { intent } = deployment
  if (intent === null) return proceed(draft, poll)
  const isGivenUp =
    intent.operation === null && isPast(addSeconds(intent.at, intentOwnedSeconds), now)
  // `prepare` changes nothing on the host, so it is issued anew, with a time of its own.
  if (isGivenUp && intent.purpose === 'prepare')
    return proceed(emit(draft, { kind: 'command_settled' }), poll)
  if (isPast(intent.deadlineAt, now)) return absorbAnswers(draft, intent.fence, [], now)
  return isGivenUp ? resend(draft, intent, poll) : draft
}
