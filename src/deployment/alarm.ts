import { addSeconds, secondsBetween, type Instant } from '../kernel/clock.ts'
import type { Generation } from '../kernel/id.ts'
import type { Reason } from '../kernel/reason.ts'
import { isPast } from './deadline.ts'
import type { Deployment, Finished, Head } from './head.ts'
import { openDeployment, releaseToBringBack, takeBack } from './take-back.ts'

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

/** Within this time of one rollback a second one is the last: people have to look. */
const cooldownSeconds = 3600

const ignore = (reason: Reason): Verdict => ({ kind: 'ignored', reason })

const isOwn = (
  { sentAt, firing }: Pick<Finished, 'firing'> & { readonly sentAt: Instant | null },
  transition: AlarmTransition,
): boolean =>
  sentAt !== null &&
  isPast(sentAt, transition.at) &&
  (transition.from === 'OK' || !firing.includes(transition.alarm))

const isSecond = (head: Head, at: Instant): boolean =>
  head.finished.some(
    ({ kind, status, endedAt }) =>
      (kind === 'rollback' || status === 'rolled_back') &&
      secondsBetween(endedAt, at) < cooldownSeconds,
  )

const blame = (head: Head, generation: Generation, at: Instant): Verdict => ({
  kind: 'take_back',
  generation,
  freeze: isSecond(head, at),
})

/** The newest one that can be at fault, or the rollback that must not be taken back. */
const judgeFinished = (head: Head, transition: AlarmTransition, windowSeconds: number): Verdict => {
  const suspect = head.finished.find(({ kind, changed }) => changed || kind === 'rollback')
  if (suspect === undefined) return ignore('alarm_unrelated')
  const { at } = transition
  if (isPast(addSeconds(suspect.endedAt, windowSeconds), at)) return ignore('alarm_unrelated')
  if (suspect.kind === 'rollback')
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
  if (open.stage === 'restoring') return ignore('going_back')
  if (!isOwn(open, transition)) return ignore('alarm_fired_before')
  return blame(head, open.generation, transition.at)
}

/** Whoever unfroze the app has looked at what fired until then: it is not judged once more by the clock. */
const isLookedAt = ({ operations }: Head, at: Instant): boolean => {
  const unfreeze = operations.find(({ kind }) => kind === 'unfreeze')
  return unfreeze !== undefined && isPast(at, unfreeze.at)
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
  if (head.takeBack !== null && head.takeBack.refusal === null) return ignore('going_back')
  const open = openDeployment(head)
  const verdict = open === null ? null : judgeOpen(open, head, transition)
  return verdict ?? judgeFinished(head, transition, windowSeconds)
}

export const freeze = (head: Head, reason: string, by: string, at: Instant): Head => ({
  ...head,
  freeze: { reason, by, at },
})

/** What a transition makes of a head: the same one where it is ignored. */
export const takeAlarm = (
  head: Head,
  transition: AlarmTransition,
  windowSeconds: number,
  now: Instant,
): Head => {
  const verdict = judgeAlarm(head, transition, windowSeconds)
  const by = `alarm ${transition.alarm}`
  switch (verdict.kind) {
    case 'ignored':
      return head
    case 'freeze':
      return freeze(head, verdict.reason, by, now)
    case 'take_back':
      return takeBackSuspect(head, verdict, by, now)
  }
}

const takeBackSuspect = (
  head: Head,
  verdict: Verdict & { kind: 'take_back' },
  by: string,
  now: Instant,
): Head => {
  const { generation } = verdict
  const word = {
    kind: 'rollback',
    reason: 'alarm_fired',
    generation,
    to: null,
    by,
    at: now,
  } as const
  const next = takeBack(head, word, now)
  const isOpen = openDeployment(head)?.generation === generation
  if (isOpen || releaseToBringBack(next) !== null)
    return verdict.freeze ? freeze(next, 'second_rollback', by, now) : next
  if (head.takeBack?.generation === generation) return head
  return { ...head, takeBack: { ...word, refusal: 'nothing_to_roll_back_to' } }
}
