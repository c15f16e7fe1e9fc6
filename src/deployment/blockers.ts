import { isRepair, type Deployment, type DeploymentKind } from './deployment.ts'
import {
  hasPendingRequest,
  hasPendingRollback,
  isUpToDate,
  type Freeze,
  type Head,
  type RollbackRequest,
} from './head.ts'
import { desiredRelease, isQuarantined, type Quarantinable } from './quarantine.ts'

/** A reason why no deployment can be opened now. */
export type Blocker =
  | { readonly reason: 'going_back'; readonly request: RollbackRequest }
  | { readonly reason: 'deployment_open'; readonly deployment: Deployment }
  | { readonly reason: 'request_pending' }
  | { readonly reason: 'app_frozen'; readonly freeze: Freeze }
  | { readonly reason: 'quarantined' }

/** What is to be opened. `request` is a new request for a redeploy, `redeploy` one that is taken up. */
export interface Attempt {
  readonly kind: Exclude<DeploymentKind, 'repair'> | 'request'
  readonly force: boolean
  readonly content: Quarantinable | null
}

const listAll = (head: Head, content: Attempt['content']): readonly Blocker[] => {
  const { deployment, rollback, freeze } = head
  return [
    ...(rollback !== null && hasPendingRollback(head)
      ? [{ reason: 'going_back' as const, request: rollback }]
      : []),
    ...(deployment === null || isRepair(deployment)
      ? []
      : [{ reason: 'deployment_open' as const, deployment }]),
    ...(hasPendingRequest(head) ? [{ reason: 'request_pending' as const }] : []),
    ...(freeze === null ? [] : [{ reason: 'app_frozen' as const, freeze }]),
    ...(content !== null && isQuarantined(head, content)
      ? [{ reason: 'quarantined' as const }]
      : []),
  ]
}

const blocks = (reason: Blocker['reason'], { kind, force }: Attempt): boolean => {
  switch (reason) {
    case 'deployment_open':
      return true
    case 'going_back':
      return kind !== 'rollback'
    case 'request_pending':
      return kind === 'request' || kind === 'deploy'
    // A frozen app may be rolled back.
    case 'app_frozen':
    case 'quarantined':
      return kind !== 'rollback' && !force
  }
}

/**
 * Why a deployment cannot be opened now, the most important first; empty where nothing is in its way.
 * A repair gives way to any deployment and blocks none; an ended deployment blocks until its record is in
 * the history.
 */
export const blockers = (head: Head, attempt: Attempt): readonly Blocker[] =>
  listAll(head, attempt.content).filter(({ reason }) => blocks(reason, attempt))

export const firstBlocker = (head: Head, attempt: Attempt): Blocker['reason'] | null =>
  blockers(head, attempt)[0]?.reason ?? null

/** Whether an instance has yet to get the live release. */
export const hasOutdated = (head: Head): boolean =>
  desiredRelease(head) !== null && head.observed.some((place) => !isUpToDate(head, place))

/**
 * Whether the schedule has to look at the app: something is open or requested, a notice is to be sent, an
 * alarm window is open, or an instance is out of date.
 */
export const hasWork = (head: Head): boolean =>
  head.deployment !== null ||
  hasPendingRequest(head) ||
  hasPendingRollback(head) ||
  head.notices.length > 0 ||
  head.alarmsUntil !== null ||
  hasOutdated(head)
