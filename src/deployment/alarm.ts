import { addSeconds, secondsBetween, type Instant } from '../kernel/clock.ts'
import type { Generation } from '../kernel/id.ts'
import type { Reason } from '../kernel/reason.ts'
import { emit, type Draft } from './apply.ts'
import { isPast } from './deadline.ts'
import type { Deployment } from './deployment.ts'
import { hasPendingRollback, type Finished, type Head, type Operation } from './head.ts'
import type { AlarmTransition, Verdict } from './observation.ts'
import { hasEarlierRelease, openDeployment, requestRollback } from './operate.ts'

/** Alarms this soon after a failed deployment may still be caused by what it served for a moment. */
const aftermathSeconds = 120

const ignore = (reason: Reason): Verdict => ({ kind: 'ignored', reason })

/** Whether the alarm was quiet when the deployment was opened, or has been since. */
const isOwn = ({ firing }: Pick<Finished, 'firing'>, { alarm, from }: AlarmTransition): boolean =>
  from === 'OK' || !firing.includes(alarm)

/** A rollback, or a deployment that was taken back: what is live now is what it went back to. */
const hasGoneBack = ({ kind, status }: Finished): boolean =>
  kind === 'rollback' || status === 'rolled_back'

/** A second rollback within an hour is the last: an operator has to look. */
const isSecond = (head: Head, at: Instant): boolean =>
  head.finished.some((one) => hasGoneBack(one) && secondsBetween(one.endedAt, at) < 3600)

/** An open deployment goes back to the live release; the live release needs an earlier one. */
const blame = (head: Head, generation: Generation, at: Instant): Verdict => {
  const isOpen = openDeployment(head)?.generation === generation
  if (isOpen || hasEarlierRelease(head, generation))
    return { kind: 'take_back', generation, freeze: isSecond(head, at) }
  const reason = 'nothing_to_roll_back_to'
  const isKnown = head.rollback?.generation === generation && head.rollback.refusal === reason
  return isKnown ? ignore(reason) : { kind: 'stuck', generation, reason }
}

/**
 * The newest deployment that can be at fault, or the rollback that must not be taken back itself. One that
 * did not stay counts only while it ran and shortly after.
 */
const findSuspect = ({ finished }: Head, at: Instant): Finished | undefined =>
  finished.find((one) => {
    if (hasGoneBack(one)) return true
    const stayed = one.status !== 'failed' && one.status !== 'cancelled'
    const isNear = isPast(one.sentAt, at) && !isPast(addSeconds(one.endedAt, aftermathSeconds), at)
    return one.changed && (stayed || isNear)
  })

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
  // It failed or was cancelled, and its instances are back on the live release.
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

/** Whether an operator's newest command of this kind came after an alarm, so that the alarm is not judged again. */
const hasOperatedSince = ({ operations }: Head, kind: Operation['kind'], at: Instant): boolean => {
  const newest = operations.find((operation) => operation.kind === kind)
  return newest !== undefined && isPast(at, newest.at)
}

/**
 * Whether a transition to ALARM takes anything back. The suspect is the open deployment once it has sent
 * a command, else the newest finished one that changed digest, secrets or env and whose window is open.
 */
export const judgeAlarm = (
  head: Head,
  transition: AlarmTransition,
  windowSeconds: number,
): Verdict => {
  const { at } = transition
  if (head.freeze !== null || hasOperatedSince(head, 'unfreeze', at)) return ignore('app_frozen')
  if (head.rollback?.refusal === 'cancelled' && hasOperatedSince(head, 'cancel', at))
    return ignore('cancelled')
  if (hasPendingRollback(head)) return ignore('going_back')
  const open = openDeployment(head)
  const verdict = open === null ? null : judgeOpen(open, head, transition)
  return verdict ?? judgeFinished(head, transition, windowSeconds)
}

/** What follows from a transition; nothing where it is ignored. */
export const applyAlarm = (
  draft: Draft,
  transition: AlarmTransition,
  windowSeconds: number,
  now: Instant,
): Draft => {
  const verdict = judgeAlarm(draft.head, transition, windowSeconds)
  const by = `alarm ${transition.alarm}`
  const freeze = (before: Draft, reason: Reason): Draft =>
    emit(before, { kind: 'frozen', freeze: { reason, by, at: now }, cause: 'rule' })
  const askedFor = { kind: 'rollback', reason: 'alarm_fired', to: null, by, at: now } as const
  switch (verdict.kind) {
    case 'ignored':
      return draft
    case 'freeze':
      return freeze(draft, verdict.reason)
    case 'take_back': {
      const { generation } = verdict
      const next = requestRollback(draft, { ...askedFor, generation }, now)
      return verdict.freeze ? freeze(next, 'second_rollback') : next
    }
    case 'stuck': {
      const { generation, reason } = verdict
      return emit(draft, { kind: 'rollback_refused', request: { ...askedFor, generation }, reason })
    }
  }
}

/** Whether the alarm window has ended for the poller too: a transition at its end may be read a little later. */
export const isWatchOver = (alarmsUntil: Instant, now: Instant): boolean =>
  isPast(addSeconds(alarmsUntil, aftermathSeconds), now)
