import type { Serving } from '../deployment/deployment.ts'
import type { Finding } from '../deployment/plan.ts'
import type { Reason } from '../kernel/reason.ts'

/** What `plan` finds at one instance of a target, which adds the instance's id. */
export type TargetFinding = Omit<Finding, 'instance'>

export const toProblem = (what: string, reason: Reason, message: string): TargetFinding => ({
  level: 'problem',
  what,
  reason,
  message,
})

export const toWarning = (what: string, message: string, reason?: Reason): TargetFinding => ({
  level: 'warning',
  what,
  message,
  ...(reason !== undefined && { reason }),
})

/** `served` is null if nothing of Landfall serves. */
export const toDrift = (served: string | null, live: Serving): TargetFinding =>
  toWarning(
    'serving',
    `${served ?? 'nothing of Landfall'} serves here instead of #${live.generation}; a deployment corrects that`,
  )
