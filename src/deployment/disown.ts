import type { Instant } from '../kernel/clock.ts'
import type { Generation } from '../kernel/id.ts'
import { emit, type Draft } from './apply.ts'
import { endDeployment } from './close.ts'
import { hasEnded, type OpenDeployment, type Release } from './deployment.ts'
import { hasPendingRollback, liveRelease, type Head } from './head.ts'
import { joinMessages } from './message.ts'

/** The releases by whose settings the open deployment sends its commands and asks for answers. */
export const releasesInUse = (
  head: Head,
  { phase, release, intent }: OpenDeployment,
): readonly Release[] => {
  const live = liveRelease(head)
  // No decision makes a restore of a deployment that advances; a head that was altered may name one.
  const isWayBack = phase === 'withdrawing' || intent?.purpose === 'restore'
  return isWayBack && live !== null ? [release, live] : [release]
}

/** Nothing is sent any more, not even to restore what was touched: convergence asks those instances once the live release is as recorded. */
const endAltered = (
  draft: Draft,
  deployment: OpenDeployment,
  altered: Generation,
  now: Instant,
): Draft => {
  const instances = deployment.instances
    .filter(({ touched, status }) => touched && status !== 'succeeded' && status !== 'restored')
    .map((one) => ({ ...one, status: 'unknown' as const, reason: 'head_altered' as const }))
  const reported =
    instances.length === 0 ? draft : emit(draft, { kind: 'instances_reported', instances })
  const cause = deployment.phase === 'withdrawing' ? `given up: ${deployment.reason}` : null
  const message = joinMessages([`release #${altered} is not as recorded`, cause])
  return endDeployment(reported, { status: 'failed', reason: 'head_altered', message }, now)
}

/**
 * A release of the head is not as reconcile recorded it: the open deployment ends, or the rollback to that
 * release is refused. Whatever could write the head may have named anything in it.
 */
export const disown = (draft: Draft, altered: Generation, now: Instant): Draft => {
  const { deployment, rollback } = draft.head
  if (deployment !== null && !hasEnded(deployment))
    return endAltered(draft, deployment, altered, now)
  if (rollback === null || !hasPendingRollback(draft.head)) return draft
  return emit(draft, { kind: 'rollback_refused', request: rollback, reason: 'head_altered' })
}
