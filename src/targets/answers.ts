import type { Release, Serving } from '../deployment/deployment.ts'
import type { Answer } from '../deployment/step.ts'
import type { Clock } from '../kernel/clock.ts'
import type { InstanceId } from '../kernel/id.ts'
import type { Reason } from '../kernel/reason.ts'
import { Retryable } from '../kernel/retryable.ts'
import type { ServiceFailure } from './api-key.ts'
import type { Order, Started } from './target.ts'

/** Of an answer's message: the head holds it, and the head's size is bounded. */
export const maxMessageLength = 300

export const toServing = (release: Release | null): Serving | null =>
  release && { generation: release.generation, digest: release.digest }

/** An answer that the target did not give itself: why it is missing, or that it is still to come. */
export const toAbsence = (
  id: InstanceId,
  outcome: 'waiting' | 'lost' | 'failed',
  reason: Reason | null = null,
  message: string | null = null,
): Answer => ({
  id,
  outcome,
  reason,
  message: message?.slice(0, maxMessageLength) ?? null,
  serving: null,
  fenceSeen: null,
  isKeyNew: false,
  steps: [],
  tail: [],
})

/** A start that sent nothing, with one failure for each instance of the order. */
export const refuseStart = ({ instances }: Order, reason: Reason, message: string): Started => ({
  operation: null,
  missing: instances.map((id) => toAbsence(id, 'failed', reason, message)),
})

/** The same answer for each instance of the order, where a service is one. */
export const answerAs = (
  { instances }: Order,
  outcome: 'waiting' | 'lost' | 'failed',
  reason?: Reason,
  message?: string,
): readonly Answer[] => instances.map((id) => toAbsence(id, outcome, reason, message))

/**
 * The answer if a look at a service failed. Also a refused look is repeated: a person may put the API key
 * right in time.
 *
 * @throws Retryable until the order's time is over
 */
export const loseOrRetry = (
  order: Order,
  failure: ServiceFailure,
  clock: Clock,
): readonly Answer[] => {
  if (failure.kind === 'refused' && failure.reason === 'service_missing')
    return answerAs(order, 'failed', failure.reason, failure.why)
  if (clock().getTime() < Date.parse(order.notAfter)) throw new Retryable(failure.why)
  return answerAs(order, 'lost', failure.reason, failure.why)
}

/**
 * Why a start began nothing, as the answer.
 *
 * @throws Retryable if the start is to be tried again
 */
export const toRefused = (
  order: Order,
  failure: ServiceFailure,
  clock: Clock,
): readonly Answer[] => {
  const leftSeconds = (Date.parse(order.notAfter) - clock().getTime()) / 1000
  // The next scheduled run is a minute away.
  if (failure.kind === 'later' && leftSeconds >= 75) throw new Retryable(failure.why)
  return answerAs(order, 'failed', failure.reason, failure.why)
}
