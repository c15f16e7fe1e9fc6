import { addSeconds, type Instant } from '../kernel/clock.ts'
import { Fence, type Generation, type InstanceId } from '../kernel/id.ts'
import type { Reason } from '../kernel/reason.ts'
import { advance } from './advance.ts'
import { isWatchOver, takeAlarm, type AlarmTransition } from './alarm.ts'
import { absorb, takeSent } from './answer.ts'
import { converge, type Called } from './converge.ts'
import { claimFact, dropOldFacts, oweFacts, settleFact, type Told } from './facts.ts'
import {
  hasEnded,
  isConverging,
  type Deployment,
  type Head,
  type InstanceState,
  type Intent,
  type Request,
} from './head.ts'
import { operate, request, type OperatorWord } from './operate.ts'
import { open, type Candidate, type Opening } from './open.ts'
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
  | {
      readonly kind: 'found'
      readonly candidates: readonly Candidate[]
      readonly capacities: readonly number[]
      readonly called: Called | null
    }
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
  | { readonly kind: 'cancel'; readonly target: number; readonly operation: string }
  | { readonly kind: 'refuse'; readonly reason: Reason }

export interface Transition {
  readonly head: Head
  readonly actions: readonly Action[]
}

/** The window of the newest one that can be at fault, or that must not be taken back. */
const watchAlarms = (head: Head, { endedAt }: Deployment, windowSeconds: number | null) =>
  windowSeconds === null || endedAt === null || head.finished.length === 0
    ? head.alarmsUntil
    : addSeconds(endedAt, windowSeconds)

const letGo = (head: Head, generation: Generation, windowSeconds: number | null): Head => {
  const { deployment } = head
  if (deployment === null || !hasEnded(deployment)) return head
  if (deployment.generation !== generation) return head
  if (isConverging(deployment)) return { ...head, deployment: null }
  return {
    ...head,
    deployment: null,
    alarmsUntil: watchAlarms(head, deployment, windowSeconds),
  }
}

/** Somebody looked: whatever is open moves on, and a window that is over needs nobody any more. */
const look = (head: Head, prepared: readonly InstanceId[], by: string, now: Instant): Head => {
  const next = dropOldFacts(advance(head, prepared, by, now), now)
  return next.alarmsUntil !== null && isWatchOver(next.alarmsUntil, now)
    ? { ...next, alarmsUntil: null }
    : next
}

const observe = (
  head: Head,
  observation: Exclude<Observation, { kind: 'wanted' | 'operated' }>,
  now: Instant,
): Head => {
  switch (observation.kind) {
    case 'requested':
      return request(head, observation.request, observation.id)
    case 'alarmed':
      return takeAlarm(head, observation.transition, observation.windowSeconds, now)
    case 'went_back':
      return head.takeBack === null ? head : { ...head, takeBack: null }
    case 'declined':
      return head.request === null
        ? head
        : { ...head, request: { ...head.request, refusal: observation.reason } }
    case 'found':
      return converge(head, observation.candidates, observation.capacities, observation.called, now)
    case 'looked':
      return look(head, observation.prepared, observation.by, now)
    case 'sent':
      return takeSent(head, observation.fence, observation.operation, observation.missing, now)
    case 'answered':
      return absorb(head, observation.fence, observation.answers, now)
    case 'archived':
      return letGo(head, observation.generation, observation.windowSeconds)
    case 'claimed':
      return claimFact(head, observation.id, now)
    case 'told':
      return settleFact(head, observation.told, now)
  }
}

/** What follows from a head that was just written, in place of the one before. */
const toActions = (before: Head, after: Head): readonly Action[] => {
  const { deployment } = after
  if (deployment === null) return []
  const { intent } = deployment
  const sends =
    intent !== null && intent.operation === null && intent !== before.deployment?.intent
      ? [{ kind: 'send' as const, deployment, intent }]
      : []
  return [...toCancel(before.deployment, deployment), ...sends]
}

/** Also one whose answer nobody waits for any more, because it is taken back; not one that has answered and goes on. */
const isUnanswered = (before: InstanceState | undefined, after: InstanceState): boolean =>
  after.status === 'lost' ||
  after.status === 'unknown' ||
  (after.status === 'pending' && before?.status === 'pending' && before.retries === after.retries)

/** A command that was given up while it may still run is cancelled: best effort, the fence is what counts. */
const toCancel = (before: Deployment | null, after: Deployment): readonly Action[] => {
  const given = before?.intent ?? null
  if (given === null || given.operation === null || after.intent?.fence === given.fence) return []
  const isMissed = after.instances.some(
    (one) =>
      one.target === given.target &&
      given.instances.includes(one.id) &&
      isUnanswered(
        before?.instances.find(({ id, target }) => id === one.id && target === one.target),
        one,
      ),
  )
  return isMissed ? [{ kind: 'cancel', target: given.target, operation: given.operation }] : []
}

/**
 * The heart: what an observation makes of a head, and what is then to be done. Pure. The head that
 * comes back has a higher version exactly where it differs; actions are performed only by whoever
 * managed to write it.
 */
export const transition = (head: Head, observation: Observation, now: Instant): Transition => {
  if (observation.kind === 'wanted') {
    const opened = open(head, observation.opening, now)
    return opened.ok ? withVersion(head, opened.value, now) : refuse(head, opened.error)
  }
  if (observation.kind === 'operated') {
    const { word, by, id } = observation
    const operated = operate(head, word, { by, at: now }, id)
    return operated.ok ? withVersion(head, operated.value, now) : refuse(head, operated.error)
  }
  return withVersion(head, observe(head, observation, now), now)
}

const refuse = (head: Head, reason: Reason): Transition => ({
  head,
  actions: [{ kind: 'refuse', reason }],
})

const withVersion = (before: Head, after: Head, now: Instant): Transition => {
  if (after === before) return { head: before, actions: [] }
  const head = { ...oweFacts(before, after, now), version: Fence.parse(after.version + 1) }
  return { head, actions: toActions(before, head) }
}
