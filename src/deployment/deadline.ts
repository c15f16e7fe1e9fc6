import { addSeconds, secondsBetween, type Instant } from '../kernel/clock.ts'
import type { Deployment, Intent, Purpose } from './deployment.ts'

/** An intent's writer sends within this time or not at all. */
export const sendWithinSeconds = 10
/** After this anyone may send the same fence again; above `sendWithinSeconds` by a slow call's length. */
export const intentOwnedSeconds = 20

/** `prepare` makes a key and looks around: seconds; more means that the instance does not answer. */
const prepareSeconds = 90
/** What an answer needs from the host's end to our journal: the event or one tick of the clock. */
const answerSeconds = 75
/** The documents' constant execution timeout is 1800 s; the script's own limit stays below it. */
const longestHostSeconds = 1740
/** A restore starts a kept container: not worth beginning with less. */
const shortestHostSeconds = 15

/**
 * The end of a deployment that is kept free for bringing the live release back: a third of the whole,
 * at least 2 minutes (one tick of the clock and a start), at most 5, and never more than half of it.
 */
const restoreReserveSeconds = (deadlineSeconds: number): number =>
  Math.min(300, Math.max(120, deadlineSeconds / 3), deadlineSeconds / 2)

/** How much of a deployment's deadline its rollout may take. */
export const rollingSeconds = (deadlineSeconds: number): number =>
  deadlineSeconds - restoreReserveSeconds(deadlineSeconds)

/** When the rollout must be over, so that a restore still fits before the deployment's deadline. */
export const rollingEndsAt = ({ openedAt, deadlineAt }: Deployment): Instant =>
  addSeconds(openedAt, rollingSeconds(secondsBetween(openedAt, deadlineAt)))

const earlier = (a: Instant, b: Instant): Instant => (Date.parse(a) < Date.parse(b) ? a : b)

/** The host script's own limit, so that its answer is here by `deadlineAt`; null where that leaves too little. */
export const hostSecondsUntil = (deadlineAt: Instant, now: Instant): number | null => {
  const left = secondsBetween(now, deadlineAt)
  const hostSeconds = Math.floor(left - Math.min(answerSeconds, left / 3))
  return hostSeconds < shortestHostSeconds ? null : Math.min(longestHostSeconds, hostSeconds)
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
  const deadlineAt = {
    prepare: earlier(addSeconds(now, prepareSeconds), rollingEndsAt(deployment)),
    deploy: rollingEndsAt(deployment),
    restore: deployment.deadlineAt,
  }[purpose]
  const hostSeconds = hostSecondsUntil(deadlineAt, now)
  return hostSeconds === null ? null : { deadlineAt, hostSeconds }
}

/** Within this a look that began has long ended. */
const lastLookSeconds = 10

/** Just before a command's time is over whoever looks takes its answers in as they are. */
export const isLastLook = (deadlineAt: Instant, now: Instant): boolean =>
  isPast(addSeconds(deadlineAt, -lastLookSeconds), now)

export const isPast = (deadline: Instant, now: Instant): boolean =>
  Date.parse(now) >= Date.parse(deadline)
