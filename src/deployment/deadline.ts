import { addSeconds, secondsBetween, type Instant } from '../kernel/clock.ts'
import type { Deployment, Intent, Purpose } from './deployment.ts'

/** An intent's writer sends within this time or not at all. */
export const sendWithinSeconds = 10
/** After this any run may send the same fence again; above `sendWithinSeconds` by a slow call's length. */
export const intentOwnedSeconds = 20

/**
 * How much of a deployment's deadline its rollout may take. The rest is kept free for a restore: a third
 * of the whole, at least 2 minutes (one tick of the schedule and a start), at most 5, never more than half.
 */
export const rollingSeconds = (deadlineSeconds: number): number =>
  deadlineSeconds - Math.min(300, Math.max(120, deadlineSeconds / 3), deadlineSeconds / 2)

/** When the rollout must be over, so that a restore still fits before the deployment's deadline. */
export const rollingEndsAt = ({ openedAt, deadlineAt }: Deployment): Instant =>
  addSeconds(openedAt, rollingSeconds(secondsBetween(openedAt, deadlineAt)))

/** The host script's own limit, so that its answer arrives by `deadlineAt`; null where that leaves too little. */
export const hostSecondsUntil = (deadlineAt: Instant, now: Instant): number | null => {
  const left = secondsBetween(now, deadlineAt)
  // From the host's end to the journal an answer needs up to 75 s: the event or one tick of the schedule.
  const hostSeconds = Math.floor(left - Math.min(75, left / 3))
  // Less than 15 s is too short to start a kept container. The documents' constant timeout is 1800 s.
  return hostSeconds < 15 ? null : Math.min(1740, hostSeconds)
}

/**
 * The limits of one command, each below the next: host script < operation < deployment.
 * Null when too little time is left to begin it.
 */
export const operationLimits = (
  deployment: Deployment,
  purpose: Purpose,
  now: Instant,
): Pick<Intent, 'deadlineAt' | 'hostSeconds'> | null => {
  const rollingEnd = rollingEndsAt(deployment)
  // `prepare` takes seconds: after 90 the instance does not answer.
  const prepareEnd = addSeconds(now, 90)
  const deadlineAt = {
    prepare: isPast(rollingEnd, prepareEnd) ? rollingEnd : prepareEnd,
    deploy: rollingEnd,
    restore: deployment.deadlineAt,
  }[purpose]
  const hostSeconds = hostSecondsUntil(deadlineAt, now)
  return hostSeconds === null ? null : { deadlineAt, hostSeconds }
}

/** Whether a command's time is so nearly over that a run takes its answers in as they are; a poll takes under 10 s. */
export const isLastLook = (deadlineAt: Instant, now: Instant): boolean =>
  isPast(addSeconds(deadlineAt, -10), now)

export const isPast = (deadline: Instant, now: Instant): boolean =>
  Date.parse(now) >= Date.parse(deadline)
