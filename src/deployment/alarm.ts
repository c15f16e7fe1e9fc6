import { addSeconds, secondsBetween, type Instant } from '../kernel/clock.ts'
import type { Generation } from '../kernel/id.ts'
import type { Reason } from '../kernel/reason.ts'
import { isPast } from './deadline.ts'
import { emit, type Draft } from './draft.ts'
import type { Deployment } from './deployment.ts'
import { hasPendingRollback, type Finished, type Head } from './head.ts'
import { hasEarlierRelease, openDeployment, requestRollback } from './operate.ts'

/** An alarm's transition to ALARM, as EventBridge tells it or DescribeAlarms shows it. */
export interface AlarmTransition {
  readonly alarm: string
  /** The alarm's own timestamp. */
  readonly at: Instant
  /** Null where only the present state is known. */
  readonly from: 'OK' | 'INSUFFICIENT_DATA' | null
}

/** What follows from a transition for one app. Every ending has its reason. */
export type Verdict =
  | { readonly kind: 'ignored'; readonly reason: Reason }
  | { readonly kind: 'freeze'; readonly reason: Reason }
  | { readonly kind: 'take_back'; readonly generation: Generation; readonly freeze: boolean }
  /** It is at fault, and there is nothing to go back to. */
  | { readonly kind: 'stuck'; readonly generation: Generation; readonly reason: Reason }

/** Within this time of one rollback a second one is the last: people have to look. */
const cooldownSeconds = 3600
/** So long after a failed deployment an alarm may still be about what it served for a moment. */
const aftermathSeconds = 120

const ignore = (reason: Reason): Verdict => ({ kind: 'ignored', reason })

/** Whether it was quiet when this was opened, or has been since. */
const isOwn = ({ firing }: Pick<Finished, 'firing'>, { alarm, from }: AlarmTransition): boolean =>
  from === 'OK' || !firing.includes(alarm)

/** Taken back, or taking back: what is live now is what people or an alarm went back to. */
const hasGoneBack = ({ kind, status }: Finished): boolean =>
  kind === 'rollback' || status === 'rolled_back'

const isSecond = (head: Head, at: Instant): boolean =>
  head.finished.some((one) => hasGoneBack(one) && secondsBetween(one.endedAt, at) < cooldownSeconds)

/** What is open goes back to what is live; what is live needs one before it. */
const blame = (head: Head, generation: Generation, at: Instant): Verdict => {
  const isOpen = openDeployment(head)?.generation === generation
  if (isOpen || hasEarlierRelease(head, generation))
    return { kind: 'take_back', generation, freeze: isSecond(head, at) }
  const reason = 'nothing_to_roll_back_to'
  const isSaid = head.rollback?.generation === generation && head.rollback.refusal === reason
  return isSaid ? ignore(reason) : { kind: 'stuck', generation, reason }
}

/** It did not stay, and neither ran when the alarm fired nor has only just ended. */
const isAside = ({ status, sentAt, endedAt }: Finished, at: Instant): boolean =>
  (status === 'failed' || status === 'cancelled') &&
  (!isPast(sentAt, at) || isPast(addSeconds(endedAt, aftermathSeconds), at))

/** The newest one that can be at fault, or the way back that must not be taken back itself. */
const findSuspect = ({ finished }: Head, at: Instant): Finished | undefined =>
  finished.find((one) => hasGoneBack(one) || (one.changed && !isAside(one, at)))

const judgeFinished = (head: Head, transition: AlarmTransition, windowSeconds: number): Verdict => {
  const { at } = transition
  const suspect = findSuspect(head, at)
  if (suspect === undefined) return ignore('alarm_unrelated')
  if (isPast(addSeconds(suspect.endedAt, windowSeconds), at)) return ignore('alarm_unrelated')
  if (hasGoneBack(suspect))
    return isPast(suspect.endedAt, at)
      ? { kind: 'freeze', reason: 'alarm_after_rollback' }
      : ignore('going_back')
  if (!isPast(suspect.sentAt, at)) return ignore('alarm_unrelated')
  if (!isOwn(suspect, transition)) return ignore('alarm_fired_before')
  // It failed or was cancelled, and what was live before is back already.
  if (suspect.status !== 'succeeded') return ignore('already_back')
  return blame(head, suspect.generation, at)
}

const judgeOpen = (open: Deployment, head: Head, transition: AlarmTransition): Verdict | null => {
  if (open.kind === 'rollback') return ignore('going_back')
  if (open.sentAt === null || !isPast(open.sentAt, transition.at)) return null
  if (open.phase === 'withdrawing') return ignore('going_back')
  if (!isOwn(open, transition)) return ignore('alarm_fired_before')
  return blame(head, open.generation, transition.at)
}

/** Whoever unfroze the app has looked at what fired until then: it is not judged once more by the clock. */
const isLookedAt = ({ operations }: Head, at: Instant): boolean => {
  const unfreeze = operations.find(({ kind }) => kind === 'unfreeze')
  return unfreeze !== undefined && isPast(at, unfreeze.at)
}

/** A person called off the rollback that this alarm, or one before it, asked for. */
const isCalledOff = ({ rollback, operations }: Head, at: Instant): boolean => {
  if (rollback?.refusal !== 'cancelled') return false
  const cancel = operations.find(({ kind }) => kind === 'cancel')
  return cancel !== undefined && isPast(at, cancel.at)
}

/**
 * Whether a transition to ALARM takes anything back. The suspect is the open deployment once anything
 * was sent, else the newest finished one that changed digest, secrets or env and whose window is open.
 */
export const judgeAlarm = (
  head: Head,
  transition: AlarmTransition,
  windowSeconds: number,
): Verdict => {
  if (head.freeze !== null || isLookedAt(head, transition.at)) return ignore('app_frozen')
  if (isCalledOff(head, transition.at)) return ignore('cancelled')
  if (hasPendingRollback(head)) return ignore('going_back')
  const open = openDeployment(head)
  const verdict = open === null ? null : judgeOpen(open, head, transition)
  return verdict ?? judgeFinished(head, transition, windowSeconds)
}

const freeze = (draft: Draft, reason: Reason, by: string, at: Instant): Draft =>
  emit(draft, { kind: 'frozen', freeze: { reason, by, at }, cause: 'rule' })

/** What follows from a transition; nothing where it is ignored. */
export const applyAlarm = (
  draft: Draft,
  transition: AlarmTransition,
  windowSeconds: number,
  now: Instant,
): Draft => {
  const verdict = judgeAlarm(draft.head, transition, windowSeconds)
  const by = `alarm ${transition.alarm}`
  switch (verdict.kind) {
    case 'ignored':
      return draft
    case 'freeze':
      return freeze(draft, verdict.reason, by, now)
    case 'take_back': {
      const next = requestRollback(draft, rollbackBy(verdict.generation, by, now), now)
      return verdict.freeze ? freeze(next, 'second_rollback', by, now) : next
    }
    case 'stuck': {
      const word = rollbackBy(verdict.generation, by, now)
      return emit(draft, { kind: 'rollback_refused', request: word, reason: verdict.reason })
    }
  }
}

const rollbackBy = (generation: Generation, by: string, at: Instant) =>
  ({ kind: 'rollback', reason: 'alarm_fired', generation, to: null, by, at }) as const

/** A transition at the end of the window may be seen a little later: until then somebody looks. */
export const isWatchOver = (alarmsUntil: Instant, now: Instant): boolean =>
  isPast(addSeconds(alarmsUntil, aftermathSeconds), now)
