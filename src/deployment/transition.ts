import { addSeconds, type Instant } from '../kernel/clock.ts'
import { Fence, type Generation, type InstanceId, type TargetKey } from '../kernel/id.ts'
import type { Reason } from '../kernel/reason.ts'
import { succeed, type Result } from '../kernel/result.ts'
import { advance, type Poll } from './advance.ts'
import { isWatchOver, applyAlarm, type AlarmTransition } from './alarm.ts'
import { absorbAnswers, markSent } from './answer.ts'
import { startRepair, type FoundInstances } from './repair.ts'
import { draftOf, emit, type Draft } from './draft.ts'
import type { Event } from './event.ts'
import {
  claimNotice,
  dropOldNotices,
  addNotices,
  settleNotice,
  toNotices,
  type NoticeOutcome,
} from './notices.ts'
import { apply } from './apply.ts'
import { hasEnded, isRepair, type Deployment, type Ended, type Intent } from './deployment.ts'
import { intentOf, type Head, type Request } from './head.ts'
import { operate, requestRedeploy, type OperatorCommand } from './operate.ts'
import { open, type Opening } from './open.ts'
import type { Answer } from './step.ts'

/** Everything that can be seen of the world; each may come late, twice or never. */
export type Observation =
  | { readonly kind: 'requested'; readonly request: Request; readonly id: string }
  /** An operator's word; the same id once more is the same word. */
  | {
      readonly kind: 'operated'
      readonly word: OperatorCommand
      readonly by: string
      readonly id: string
    }
  /** An alarm fired; whether it takes anything back is judged here. */
  | {
      readonly kind: 'alarmed'
      readonly transition: AlarmTransition
      readonly windowSeconds: number
    }
  /** The request could not be turned into an opening. */
  | { readonly kind: 'declined'; readonly reason: Reason }
  /** Nothing is left to bring back. */
  | { readonly kind: 'went_back' }
  | { readonly kind: 'wanted'; readonly opening: Opening }
  /** Who is there; whoever strayed is brought to what is live. */
  | ({ readonly kind: 'found' } & FoundInstances)
  /** Somebody looked; these instances of the next wave have a fresh certificate. */
  | { readonly kind: 'looked'; readonly prepared: readonly InstanceId[]; readonly by: string }
  | {
      readonly kind: 'sent'
      readonly fence: Fence
      readonly operation: string | null
      /** Instances that the command did not go to, with the reason. */
      readonly missing: readonly Answer[]
    }
  | { readonly kind: 'answered'; readonly fence: Fence; readonly answers: readonly Answer[] }
  /** The ended deployment stands in the history; from now on alarms are watched for so long. */
  | {
      readonly kind: 'archived'
      readonly generation: Generation
      readonly windowSeconds: number | null
    }
  /** A fact is about to be told, or was. */
  | { readonly kind: 'notice_claimed'; readonly id: string }
  | { readonly kind: 'notice_sent'; readonly outcome: NoticeOutcome }

export type Action =
  | { readonly kind: 'send'; readonly deployment: Deployment; readonly intent: Intent }
  | { readonly kind: 'cancel'; readonly target: TargetKey; readonly operation: string }

/** The window of the newest one that can be at fault, or that must not be taken back. */
const windowEnd = (head: Head, { endedAt }: Ended, windowSeconds: number | null) =>
  windowSeconds === null || head.finished.length === 0
    ? head.alarmsUntil
    : addSeconds(endedAt, windowSeconds)

const archive = (draft: Draft, generation: Generation, windowSeconds: number | null): Draft => {
  const { head } = draft
  const { deployment } = head
  if (deployment === null || !hasEnded(deployment)) return draft
  if (deployment.generation !== generation) return draft
  const until = isRepair(deployment) ? head.alarmsUntil : windowEnd(head, deployment, windowSeconds)
  return emit(draft, { kind: 'deployment_archived', alarmsUntil: until })
}

/** Somebody looked: whatever is open moves on, and a window that is over needs nobody any more. */
const poll = (draft: Draft, seen: Poll): Draft => {
  const next = dropOldNotices(advance(draft, seen), seen.now)
  const until = next.head.alarmsUntil
  return until !== null && isWatchOver(until, seen.now)
    ? emit(next, { kind: 'alarm_window_closed' })
    : next
}

const decideObserved = (
  draft: Draft,
  observation: Exclude<Observation, { kind: 'wanted' | 'operated' }>,
  now: Instant,
): Draft => {
  const { head } = draft
  switch (observation.kind) {
    case 'requested':
      return requestRedeploy(draft, observation.request, observation.id)
    case 'alarmed':
      return applyAlarm(draft, observation.transition, observation.windowSeconds, now)
    case 'went_back':
      return head.rollback === null ? draft : emit(draft, { kind: 'rollback_settled' })
    case 'declined':
      return head.request === null
        ? draft
        : emit(draft, { kind: 'redeploy_refused', reason: observation.reason })
    case 'found':
      return startRepair(draft, observation, now)
    case 'looked':
      return poll(draft, { ...observation, now })
    case 'sent':
      return markSent(draft, observation.fence, observation.operation, observation.missing, now)
    case 'answered':
      return absorbAnswers(draft, observation.fence, observation.answers, now)
    case 'archived':
      return archive(draft, observation.generation, observation.windowSeconds)
    case 'notice_claimed':
      return claimNotice(draft, observation.id, now)
    case 'notice_sent':
      return settleNotice(draft, observation.outcome, now)
  }
}

const decideDraft = (head: Head, observation: Observation, now: Instant): Result<Draft, Reason> => {
  const draft = draftOf(head)
  if (observation.kind === 'wanted') return open(draft, observation.opening, now)
  if (observation.kind !== 'operated') return succeed(decideObserved(draft, observation, now))
  const { word, by, id } = observation
  return operate(draft, word, { by, at: now }, id)
}

/** The events that follow from an observation, or why it is refused. Pure. */
export const decide = (
  head: Head,
  observation: Observation,
  now: Instant,
): Result<readonly Event[], Reason> => {
  const decided = decideDraft(head, observation, now)
  return decided.ok ? succeed(decided.value.events) : decided
}

/** What is to be done once `head` is written, which these events have led to. */
export const toActions = (head: Head, events: readonly Event[]): readonly Action[] =>
  events.flatMap((event): readonly Action[] => {
    if (event.kind === 'command_abandoned')
      return [{ kind: 'cancel', target: event.target, operation: event.operation }]
    if (event.kind !== 'command_issued' && event.kind !== 'command_repeated') return []
    const { deployment } = head
    const intent = intentOf(head)
    return deployment === null || intent === null ? [] : [{ kind: 'send', deployment, intent }]
  })

/**
 * The head after these events, with what they make worth telling. The same head where there are none;
 * else its version is higher. Pure.
 */
export const evolve = (before: Head, events: readonly Event[], now: Instant): Head => {
  if (events.length === 0) return before
  const after = events.reduce(
    (head, event) => addNotices(apply(head, event), toNotices(head, event, before.version, now)),
    before,
  )
  return { ...after, version: Fence.parse(after.version + 1) }
}
