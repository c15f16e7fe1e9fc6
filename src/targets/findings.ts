import type { Ec2Settings } from '../deployment/app.ts'
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

type Judgement = Pick<Ec2Settings['health'], 'expect' | 'scheme'>

/**
 * What the next deployment changes of how health is judged; `before` is what the live release has. `followed`: a release
 * from before `scheme` had its redirects followed.
 */
export const findHealthChange = (
  { expect: { from, to }, scheme }: Judgement,
  before: Judgement | null,
  { followed }: { readonly followed: boolean },
): readonly TargetFinding[] => {
  if (before === null) return []
  const { expect } = before
  const isOther = expect.from !== from || expect.to !== to
  const isStricter = scheme !== null && before.scheme === null
  const changes = [
    ...(isOther ? [`must answer ${from}-${to}, not ${expect.from}-${expect.to} as now`] : []),
    ...(isOther && to < 300 && expect.to >= 300
      ? ['no longer passes on a redirect, such as to a login page or to https']
      : []),
    ...(isStricter ? ['counts no answer from a cache and no redirect to the same path'] : []),
    ...(isStricter && followed ? ['follows no redirect any more'] : []),
  ]
  if (changes.length === 0) return []
  const message = `with the next deployment the health check ${changes.join('; it ')}`
  return [toWarning('health', message)]
}
