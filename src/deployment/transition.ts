import type { Instant } from '../kernel/clock.ts'
import { Fence, type Generation, type InstanceId } from '../kernel/id.ts'
import type { Reason } from '../kernel/reason.ts'
import { advance } from './advance.ts'
import { absorb, takeSent } from './answer.ts'
import { hasEnded, type Deployment, type Head, type Intent, type Request } from './head.ts'
import { open, type Opening } from './open.ts'
import type { Answer } from './step.ts'

/** Everything that can be seen of the world; each may come late, twice or never. */
export type Observation =
  | { readonly kind: 'requested'; readonly request: Request }
  /** The request could not be turned into an opening. */
  | { readonly kind: 'declined'; readonly reason: Reason }
  | { readonly kind: 'wanted'; readonly opening: Opening }
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
  /** The ended deployment stands in the history. */
  | { readonly kind: 'archived'; readonly generation: Generation }

export type Action =
  | { readonly kind: 'send'; readonly deployment: Deployment; readonly intent: Intent }
  | { readonly kind: 'cancel'; readonly target: number; readonly operation: string }
  | { readonly kind: 'refuse'; readonly reason: Reason }

export interface Transition {
  readonly head: Head
  readonly actions: readonly Action[]
}

const letGo = (head: Head, generation: Generation): Head => {
  const { deployment } = head
  if (deployment === null || !hasEnded(deployment)) return head
  return deployment.generation === generation ? { ...head, deployment: null } : head
}

const observe = (
  head: Head,
  observation: Exclude<Observation, { kind: 'wanted' }>,
  now: Instant,
) => {
  switch (observation.kind) {
    case 'requested':
      return { ...head, request: observation.request }
    case 'declined':
      return head.request === null
        ? head
        : { ...head, request: { ...head.request, refusal: observation.reason } }
    case 'looked':
      return advance(head, observation.prepared, observation.by, now)
    case 'sent':
      return takeSent(head, observation.fence, observation.operation, observation.missing, now)
    case 'answered':
      return absorb(head, observation.fence, observation.answers, now)
    case 'archived':
      return letGo(head, observation.generation)
  }
}

/** What follows from a head that was just written, in place of the one before. */
const toActions = (before: Head, after: Head): readonly Action[] => {
  const { deployment } = after
  if (deployment === null) return []
  if (hasEnded(deployment)) return toCancel(before, after)
  const { intent } = deployment
  const sends =
    intent !== null && intent.operation === null && intent !== before.deployment?.intent
      ? [{ kind: 'send' as const, deployment, intent }]
      : []
  return [...toCancel(before, after), ...sends]
}

/** A command that was given up while it may still run is cancelled: best effort, the fence is what counts. */
const toCancel = (before: Head, after: Head): readonly Action[] => {
  const given = before.deployment?.intent ?? null
  if (given === null || given.operation === null) return []
  const missing = after.deployment?.instances.some(
    ({ id, status }) => given.instances.includes(id) && (status === 'lost' || status === 'unknown'),
  )
  return missing === true && after.deployment?.intent?.fence !== given.fence
    ? [{ kind: 'cancel', target: given.target, operation: given.operation }]
    : []
}

/**
 * The heart: what an observation makes of a head, and what is then to be done. Pure. The head that
 * comes back has a higher version exactly where it differs; actions are performed only by whoever
 * managed to write it.
 */
export const transition = (head: Head, observation: Observation, now: Instant): Transition => {
  if (observation.kind === 'wanted') {
    const opened = open(head, observation.opening, now)
    if (!opened.ok) return { head, actions: [{ kind: 'refuse', reason: opened.error }] }
    return withVersion(head, opened.value)
  }
  return withVersion(head, observe(head, observation, now))
}

const withVersion = (before: Head, after: Head): Transition => {
  if (after === before) return { head: before, actions: [] }
  const head = { ...after, version: Fence.parse(after.version + 1) }
  return { head, actions: toActions(before, head) }
}
