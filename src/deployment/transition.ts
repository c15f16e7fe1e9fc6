import { addSeconds, type Instant } from '../kernel/clock.ts'
import { Fence, type Generation, type TargetKey } from '../kernel/id.ts'
import type { Reason } from '../kernel/reason.ts'
import { succeed, type Result } from '../kernel/result.ts'
import { advance } from './advance.ts'
import { applyAlarm, isWatchOver } from './alarm.ts'
import { absorbAnswers, markSent } from './answer.ts'
import { apply, emit, type Draft } from './apply.ts'
import {
  assignsNumber,
  hasEnded,
  isRepair,
  type Deployment,
  type Intent,
  type Release,
} from './deployment.ts'
import { disown } from './disown.ts'
import type { Event } from './event.ts'
import { intentOf, type Head } from './head.ts'
import { addNotices, claimNotice, dropOldNotices, settleNotice, toNotices } from './notices.ts'
import type { Observation } from './observation.ts'
import { open } from './open.ts'
import { operate, requestRedeploy } from './operate.ts'
import { startRepair } from './repair.ts'

export type Action =
  | { readonly kind: 'send'; readonly deployment: Deployment; readonly intent: Intent }
  | { readonly kind: 'cancel'; readonly target: TargetKey; readonly operation: string }

/**
 * The archived deployment leaves the head. The alarm window is that of the newest one that can be at
 * fault, or that must not be taken back.
 */
const archive = (draft: Draft, generation: Generation, windowSeconds: number | null): Draft => {
  const { deployment, finished, alarmsUntil } = draft.head
  if (deployment === null || !hasEnded(deployment) || deployment.generation !== generation)
    return draft
  const isWatched = !isRepair(deployment) && windowSeconds !== null && finished.length > 0
  return emit(draft, {
    kind: 'deployment_archived',
    alarmsUntil: isWatched ? addSeconds(deployment.endedAt, windowSeconds) : alarmsUntil,
  })
}

const decline = (draft: Draft, reason: Reason): Draft =>
  draft.head.request === null ? draft : emit(draft, { kind: 'redeploy_refused', reason })

/** The observations that are never refused. */
const decideObserved = (
  draft: Draft,
  observation: Exclude<Observation, { kind: 'opening_gathered' | 'operated' }>,
  now: Instant,
): Draft => {
  switch (observation.kind) {
    case 'requested':
      return requestRedeploy(draft, observation.request, observation.id)
    case 'alarmed':
      return applyAlarm(draft, observation.transition, observation.windowSeconds, now)
    case 'disowned':
      return disown(draft, observation.generation, now)
    case 'brought_back':
      return draft.head.rollback === null ? draft : emit(draft, { kind: 'rollback_settled' })
    case 'declined':
      return decline(draft, observation.reason)
    case 'reported':
      return emit(draft, { ...observation, kind: 'revision_reported' })
    case 'instances_found':
      return startRepair(draft, observation, now)
    case 'polled': {
      const next = dropOldNotices(advance(draft, { ...observation, now }), now)
      const { alarmsUntil } = next.head
      return alarmsUntil !== null && isWatchOver(alarmsUntil, now)
        ? emit(next, { kind: 'alarm_window_closed' })
        : next
    }
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

const decideDraft = (
  draft: Draft,
  observation: Observation,
  now: Instant,
): Result<Draft, Reason> => {
  if (observation.kind === 'operated') return operate(draft, observation, now)
  if (observation.kind === 'opening_gathered') return open(draft, observation.opening, now)
  return succeed(decideObserved(draft, observation, now))
}

/** The events that follow from an observation, or why it is refused. Pure. */
export const decide = (
  head: Head,
  observation: Observation,
  now: Instant,
): Result<readonly Event[], Reason> => {
  const decided = decideDraft({ head, events: [] }, observation, now)
  return decided.ok ? succeed(decided.value.events) : decided
}

/** The commands to send and to cancel once `head`, which these events have led to, is written. */
export const toActions = (head: Head, events: readonly Event[]): readonly Action[] =>
  events.flatMap((event): readonly Action[] => {
    if (event.kind === 'command_abandoned')
      return [{ kind: 'cancel', target: event.target, operation: event.operation }]
    if (event.kind !== 'command_issued' && event.kind !== 'command_repeated') return []
    const { deployment } = head
    const intent = intentOf(head)
    return deployment === null || intent === null ? [] : [{ kind: 'send', deployment, intent }]
  })

/** The releases that get their number by these events: each is recorded before a head names it. */
export const toNumberedReleases = (head: Head, events: readonly Event[]): readonly Release[] =>
  events.flatMap((event): readonly Release[] => {
    if (event.kind === 'deployment_opened')
      return assignsNumber(event.deployment) ? [event.deployment.release] : []
    if (event.kind !== 'release_renumbered' || head.deployment === null) return []
    return [{ ...head.deployment.release, generation: event.generation }]
  })

/**
 * The head after these events, with the notices that they give rise to. The same head where there are
 * none; else its version is higher. Pure.
 */
export const evolve = (before: Head, events: readonly Event[], now: Instant): Head => {
  if (events.length === 0) return before
  const after = events.reduce(
    (head, event) => addNotices(apply(head, event), toNotices(head, event, before.version, now)),
    before,
  )
  return { ...after, version: Fence.parse(after.version + 1) }
}
