import { addSeconds, type Instant } from '../kernel/clock.ts'
import type { Fence, Generation, InstanceId, TargetKey } from '../kernel/id.ts'
import type { Reason } from '../kernel/reason.ts'
import { succeed, type Result } from '../kernel/result.ts'
import { advance, type Look } from './advance.ts'
import { isWatchOver, takeAlarm, type AlarmTransition } from './alarm.ts'
import { absorb, takeSent } from './answer.ts'
import { converge, type Found } from './converge.ts'
import { draftOf, emit, type Draft } from './draft.ts'
import type { Event } from './event.ts'
import { claimFact, dropOldFacts, settleFact, type Told } from './facts.ts'
import { hasEnded, isConverging, type Deployment, type Ended, type Intent } from './deployment.ts'
import { intentOf, type Head, type Request } from './head.ts'
import { operate, request, type OperatorWord } from './operate.ts'
import { open, type Opening } from './open.ts'
import type { Answer } from './step.ts'

/** Everything that can be seen of the world; each may come late, twice or never. */
export type Observation =
  | { readonly kind: 'requested'; readonly request: Request; readonly id: string }
  /** An operator's word; the same id once more is the same word. */
  | {
      readonly kind: 'operated'
      readonly word: OperatorWord
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
  | ({ readonly kind: 'found' } & Found)
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
  | { readonly kind: 'claimed'; readonly id: string }
  | { readonly kind: 'told'; readonly told: Told }

export type Action =
  | { readonly kind: 'send'; readonly deployment: Deployment; readonly intent: Intent }
  | { readonly kind: 'cancel'; readonly target: TargetKey; readonly operation: string }

/** The window of the newest one that can be at fault, or that must not be taken back. */
const alarmsUntil = (head: Head, { endedAt }: Ended, windowSeconds: number | null) =>
  windowSeconds === null || head.finished.length === 0
    ? head.alarmsUntil
    : addSeconds(endedAt, windowSeconds)

const letGo = (draft: Draft, generation: Generation, windowSeconds: number | null): Draft => {
  const { head } = draft
  const { deployment } = head
  if (deployment === null || !hasEnded(deployment)) return draft
  if (deployment.generation !== generation) return draft
  const until = isConverging(deployment)
    ? head.alarmsUntil
    : alarmsUntil(head, deployment, windowSeconds)
  return emit(draft, { kind: 'deployment_archived', alarmsUntil: until })
}

/** Somebody looked: whatever is open moves on, and a window that is over needs nobody any more. */
const look = (draft: Draft, seen: Look): Draft => {
  const next = dropOldFacts(advance(draft, seen), seen.now)
  const until = next.head.alarmsUntil
  return until !== null && isWatchOver(until, seen.now)
    ? emit(next, { kind: 'alarm_window_closed' })
    : next
}

const observe = (
  draft: Draft,
  observation: Exclude<Observation, { kind: 'wanted' | 'operated' }>,
  now: Instant,
): Draft => {
  const { head } = draft
  switch (observation.kind) {
    case 'requested':
      return request(draft, observation.request, observation.id)
    case 'alarmed':
      return takeAlarm(draft, observation.transition, observation.windowSeconds, now)
    case 'went_back':
      return head.takeBack === null ? draft : emit(draft, { kind: 'rollback_settled' })
    case 'declined':
      return head.request === null
        ? draft
        : emit(draft, { kind: 'redeploy_refused', reason: observation.reason })
    case 'found':
      return converge(draft, observation, now)
    case 'looked':
      return look(draft, { ...observation, now })
    case 'sent':
      return takeSent(draft, observation.fence, observation.operation, observation.missing, now)
    case 'answered':
      return absorb(draft, observation.fence, observation.answers, now)
    case 'archived':
      return letGo(draft, observation.generation, observation.windowSeconds)
    case 'claimed':
      return claimFact(draft, observation.id, now)
    case 'told':
      return settleFact(draft, observation.told, now)
  }
}

const decideDraft = (head: Head, observation: Observation, now: Instant): Result<Draft, Reason> => {
  const draft = draftOf(head)
  if (observation.kind === 'wanted') return open(draft, observation.opening, now)
  if (observation.kind !== 'operated') return succeed(observe(draft, observation, now))
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
