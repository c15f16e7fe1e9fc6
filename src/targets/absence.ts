import type { Answer } from '../deployment/step.ts'
import type { InstanceId } from '../kernel/id.ts'
import type { Reason } from '../kernel/reason.ts'

/** An answer that the target did not give itself: why it is missing, or that it is still to come. */
export const toAbsence = (
  id: InstanceId,
  outcome: 'waiting' | 'lost' | 'failed',
  reason: Reason | null,
  message: string | null,
): Answer => ({
  id,
  outcome,
  reason,
  message,
  serving: null,
  fenceSeen: null,
  steps: [],
  tail: [],
})
