import { addSeconds, type Instant } from '../kernel/clock.ts'
import { Fence, type InstanceId, type TargetKey } from '../kernel/id.ts'
import { absorbAnswers, endRestored } from './answer.ts'
import { endDeployment, withdraw, preempt, instancesToRestore } from './close.ts'
import { emit, type Draft } from './draft.ts'
import { hostSecondsUntil, intentOwnedSeconds, isPast, operationLimits } from './deadline.ts'
import { isPausing, largestWave } from './wave.ts'
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
import { hasPendingRollback, liveRelease, type Head } from './head.ts'
import { findSamePlace } from './find-target.ts'

/** What a run sees when it looks. */
export interface Poll {
  /** Instances of the next wave that have a fresh certificate. */
  readonly prepared: readonly InstanceId[]
  /** Names the run. */
  readonly by: string
  readonly now: Instant
}

/** Issues one command; its fence is the version that this very write gets. Null where too little time is left. */
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
  const ids = instances.filter((instance) => instance.target === target).map(({ id }) => id)
  const intent = {
    purpose,
    target,
    instances: ids,
    fence: Fence.parse(draft.head.version + 1),
    since: now,
    at: now,
    repeated: false,
    operation: null,
    ...limits,
  }
  const isFirst = statusOf(deployment) === 'queued'
  const started = isFirst ? [{ kind: 'deployment_started' as const }] : []
  return emit(draft, ...started, { kind: 'command_issued', intent, by })
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

const isDone = ({ status }: InstanceState): boolean => status === 'succeeded'

/** Of a rollback: who can be reached has gone back, and who cannot is named, to follow when it can. */
const isBackWhereItCan = ({ kind, instances }: Deployment): boolean =>
  kind === 'rollback' &&
  instances.some(isDone) &&
  instances.every((one) => isDone(one) || (!one.touched && one.reason === 'instance_offline'))

const joinWords = (words: readonly (string | null)[]): string | null =>
  words.filter((word) => word !== null).join('; ') || null

/** Every wave is through. */
const endRolled = (draft: Draft, deployment: Advancing, now: Instant): Draft => {
  const left = deployment.instances.filter((one) => !isDone(one))
  const [first] = left
  if (first === undefined || isBackWhereItCan(deployment)) {
    const names = left.length === 0 ? [] : [`not on ${left.map(({ id }) => id).join(', ')}`]
    const message = joinWords([deployment.message, ...names])
    return endDeployment(draft, { status: 'succeeded', reason: 'deployed', message }, now)
  }
  const told = left.map(({ id, message }) => (message === null ? id : `${id}: ${message}`))
  const message = joinWords([deployment.message, ...told])
  return endDeployment(
    draft,
    { status: 'failed', reason: first.reason ?? 'no_answer', message },
    now,
  )
}

const rollOut = (draft: Draft, deployment: Advancing, look: Poll): Draft => {
  const { prepared, now } = look
  const wave = currentWave(deployment)
  if (wave.length === 0) return endRolled(draft, deployment, now)
  if (isPausing(deployment, now)) return draft
  const unprepared = wave.filter(({ id, status }) => status === 'unseen' || !prepared.includes(id))
  const next =
    unprepared.length > 0
      ? issue(draft, deployment, 'prepare', unprepared, look)
      : issue(draft, deployment, 'deploy', wave, look)
  if (next !== null) return next
  // Whoever went back stays back: what is live is what a rollback leaves.
  return continuesOnFailure(deployment)
    ? endDeployment(
        draft,
        { status: 'failed', reason: 'deadline_passed', message: deployment.message },
        now,
      )
    : withdraw(draft, 'deadline_passed', null, now)
}

/** The first instance to bring back, and those that one command reaches with it: by one target of the live release. */
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

const restoreNext = (draft: Draft, deployment: Withdrawing, look: Poll): Draft => {
  const left = instancesToRestore(draft.head, deployment)
  const together = listReachedTogether(draft.head, deployment, left)
  const next = issue(draft, deployment, 'restore', together.slice(0, largestWave), look)
  if (next !== null) return next
  // Nobody is left, or no time for who is.
  const instances = left.map((instance) => ({
    ...instance,
    status: 'unknown' as const,
    reason: 'not_restored' as const,
  }))
  const given = left.length === 0 ? draft : emit(draft, { kind: 'instances_reported', instances })
  return endRestored(given, deployment, look.now)
}

/** What comes next where no command is in flight. */
const proceed = (draft: Draft, look: Poll): Draft => {
  const { deployment } = draft.head
  if (deployment === null || hasEnded(deployment)) return draft
  return deployment.phase === 'advancing'
    ? rollOut(draft, deployment, look)
    : restoreNext(draft, deployment, look)
}

/** The same fence once more, by another sender, with what is left of its time. */
const resend = (draft: Draft, intent: Intent, { by, now }: Poll): Draft => {
  const hostSeconds = hostSecondsUntil(intent.deadlineAt, now)
  return hostSeconds === null
    ? draft
    : emit(draft, { kind: 'command_repeated', at: now, hostSeconds, by })
}

/**
 * Gives up what is open because it, or what was live before it, is to be taken back. Who is blamed for
 * nothing is only out of the way: an alarm fired before anything of it was sent.
 */
const yieldToRollback = (draft: Draft, { generation }: Deployment, now: Instant): Draft => {
  const { rollback: takeBack } = draft.head
  if (takeBack === null) return draft
  return takeBack.generation === generation
    ? withdraw(draft, takeBack.reason, `by ${takeBack.by}`, now)
    : withdraw(draft, 'cancelled', `out of the way of a rollback by ${takeBack.by}`, now)
}

/**
 * The deployment's next move: the next command, the same one again where its writer never sent it,
 * the loss of answers whose time is over, or the end. Nothing where there is nothing to do but wait.
 */
export const advance = (draft: Draft, look: Poll): Draft => {
  const { now } = look
  const { head } = draft
  const { deployment } = head
  if (deployment === null || hasEnded(deployment)) return draft
  if (isRepair(deployment) && hasPendingRollback(head)) return preempt(draft, now)
  if (hasPendingRollback(head) && deployment.phase === 'advancing')
    return yieldToRollback(draft, deployment, now)
  const { intent } = deployment
  if (intent === null) return proceed(draft, look)
  const isGivenUp =
    intent.operation === null && isPast(addSeconds(intent.at, intentOwnedSeconds), now)
  // It changes nothing on the host: begun anew, with a time of its own.
  if (isGivenUp && intent.purpose === 'prepare')
    return proceed(emit(draft, { kind: 'command_settled' }), look)
  if (isPast(intent.deadlineAt, now)) return absorbAnswers(draft, intent.fence, [], now)
  return isGivenUp ? resend(draft, intent, look) : draft
}
