import { addSeconds, type Instant } from '../kernel/clock.ts'
import { Fence, type InstanceId } from '../kernel/id.ts'
import { absorb, endRestored } from './answer.ts'
import { end, giveUp, giveWay, instancesToRestore } from './close.ts'
import { hostSecondsUntil, intentOwnedSeconds, isPast, operationLimits } from './deadline.ts'
import { isPausing } from './pause.ts'
import { largestWave } from './wave.ts'
import {
  goesOn,
  hasPendingTakeBack,
  isConverging,
  type Deployment,
  type Head,
  type InstanceState,
  type Intent,
  type Purpose,
} from './head.ts'

/** For how long the writer of an intent looks again by itself, before it leaves it to events and the clock. */
const watchSeconds = 25

const nextVersion = (head: Head): Fence => Fence.parse(head.version + 1)

const watchedBy = (watcher: string, now: Instant): Head['watch'] => ({
  by: watcher,
  until: addSeconds(now, watchSeconds),
})

/** Writes the intent of one command; the fence is the version that this very write gets. */
const intend = (
  head: Head,
  deployment: Deployment,
  purpose: Purpose,
  instances: readonly InstanceState[],
  watcher: string,
  now: Instant,
): Head | null => {
  const limits = operationLimits(deployment, purpose, now)
  const target = instances[0]?.target
  if (limits === null || target === undefined) return null
  const chosen = instances.filter((instance) => instance.target === target)
  const ids: readonly InstanceId[] = chosen.map(({ id }) => id)
  return {
    ...head,
    watch: watchedBy(watcher, now),
    deployment: {
      ...deployment,
      status: 'in_progress',
      pausedUntil: null,
      sentAt: deployment.sentAt ?? (purpose === 'prepare' ? null : now),
      instances: deployment.instances.map((instance) =>
        instance.target === target && ids.includes(instance.id)
          ? { ...instance, touched: instance.touched || purpose !== 'prepare' }
          : instance,
      ),
      intent: {
        purpose,
        target,
        instances: ids,
        fence: nextVersion(head),
        since: now,
        at: now,
        repeated: false,
        operation: null,
        ...limits,
      },
    },
  }
}

const currentWave = (deployment: Deployment): readonly InstanceState[] => {
  const pending = deployment.instances.filter(
    ({ status }) => status === 'unseen' || status === 'pending',
  )
  const target = Math.min(...pending.map((instance) => instance.target))
  const own = pending.filter((instance) => instance.target === target)
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
const endRolled = (head: Head, deployment: Deployment, now: Instant): Head => {
  const left = deployment.instances.filter((one) => !isDone(one))
  const [first] = left
  if (first === undefined || isBackWhereItCan(deployment)) {
    const names = left.length === 0 ? [] : [`not on ${left.map(({ id }) => id).join(', ')}`]
    const message = joinWords([deployment.message, ...names])
    return end(head, { status: 'succeeded', reason: 'deployed', message }, now)
  }
  const told = left.map(({ id, message }) => (message === null ? id : `${id}: ${message}`))
  const message = joinWords([deployment.message, ...told])
  return end(head, { status: 'failed', reason: first.reason ?? 'no_answer', message }, now)
}

const roll = (
  head: Head,
  deployment: Deployment,
  prepared: readonly InstanceId[],
  watcher: string,
  now: Instant,
): Head => {
  const wave = currentWave(deployment)
  if (wave.length === 0) return endRolled(head, deployment, now)
  if (isPausing(deployment, now)) return head
  const unprepared = wave.filter(({ id, status }) => status === 'unseen' || !prepared.includes(id))
  const next =
    unprepared.length > 0
      ? intend(head, deployment, 'prepare', unprepared, watcher, now)
      : intend(head, deployment, 'deploy', wave, watcher, now)
  if (next !== null) return next
  // Whoever went back stays back: what is live is what a rollback leaves.
  return goesOn(deployment)
    ? end(head, { status: 'failed', reason: 'deadline_passed', message: deployment.message }, now)
    : giveUp(head, 'deadline_passed', null, now)
}

const restore = (head: Head, deployment: Deployment, watcher: string, now: Instant): Head => {
  const left = instancesToRestore(head, deployment)
  const next = intend(head, deployment, 'restore', left.slice(0, largestWave), watcher, now)
  if (next !== null) return next
  // Nobody is left, or no time for who is.
  const ids = left.map(({ id }) => id)
  const instances = deployment.instances.map((instance) =>
    ids.includes(instance.id)
      ? { ...instance, status: 'unknown' as const, reason: 'not_restored' as const }
      : instance,
  )
  return endRestored(head, { ...deployment, instances }, now)
}

/** The same fence once more, by another sender, with what is left of its time. */
const repeat = (
  head: Head,
  deployment: Deployment,
  intent: Intent,
  watcher: string,
  now: Instant,
): Head => {
  const hostSeconds = hostSecondsUntil(intent.deadlineAt, now)
  if (hostSeconds === null) return head
  const again = { ...intent, at: now, repeated: true, hostSeconds }
  return { ...head, watch: watchedBy(watcher, now), deployment: { ...deployment, intent: again } }
}

/**
 * Gives up what is open because it, or what was live before it, is to be taken back. Who is blamed for
 * nothing is only out of the way: an alarm fired before anything of it was sent.
 */
const takeBackOpen = (head: Head, { generation }: Deployment, now: Instant): Head => {
  const { takeBack } = head
  if (takeBack === null) return head
  return takeBack.generation === generation
    ? giveUp(head, takeBack.reason, `by ${takeBack.by}`, now)
    : giveUp(head, 'cancelled', `out of the way of a rollback by ${takeBack.by}`, now)
}

/**
 * The deployment's next move: the intent of the next command, the same one again where its writer
 * never sent it, the loss of answers whose time is over, or the end. The same head where there is
 * nothing to do but wait.
 */
export const advance = (
  head: Head,
  prepared: readonly InstanceId[],
  watcher: string,
  now: Instant,
): Head => {
  const { deployment } = head
  if (deployment === null || deployment.stage === 'ended') return head
  if (isConverging(deployment) && hasPendingTakeBack(head)) return giveWay(head, now)
  if (hasPendingTakeBack(head) && deployment.stage === 'rolling')
    return takeBackOpen(head, deployment, now)
  const { intent } = deployment
  if (intent === null)
    return deployment.stage === 'rolling'
      ? roll(head, deployment, prepared, watcher, now)
      : restore(head, deployment, watcher, now)
  const isGivenUp =
    intent.operation === null && isPast(addSeconds(intent.at, intentOwnedSeconds), now)
  // It changes nothing on the host: begun anew, with a time of its own.
  if (isGivenUp && intent.purpose === 'prepare')
    return roll(head, { ...deployment, intent: null }, prepared, watcher, now)
  if (isPast(intent.deadlineAt, now)) return absorb(head, intent.fence, [], now)
  if (!isGivenUp) return head
  return repeat(head, deployment, intent, watcher, now)
}
