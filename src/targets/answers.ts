import type { Release, Serving } from '../deployment/deployment.ts'
import type { Answer } from '../deployment/step.ts'
import type { InstanceId } from '../kernel/id.ts'
import type { Reason } from '../kernel/reason.ts'
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
  steps: [],
  tail: [],
})

/** A start that sent nothing, with one failure for each instance of the order. */
export const refuseStart = ({ instances }: Order, reason: Reason, message: string): Started => ({
  operation: null,
  missing: instances.map((id) => toAbsence(id, 'failed', reason, message)),
})
