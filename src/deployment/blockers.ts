import { isRepair, type Deployment, type DeploymentKind } from './deployment.ts'
import {
  hasPendingRequest,
  hasPendingRollback,
  type Freeze,
  type Head,
  type RollbackRequest,
} from './head.ts'
import { isQuarantined, type Quarantinable } from './quarantine.ts'

/** One thing that keeps a deployment from being opened now. */
export type Blocker =
  | { readonly reason: 'going_back'; readonly request: RollbackRequest }
  | { readonly reason: 'deployment_open'; readonly deployment: Deployment }
  | { readonly reason: 'request_pending' }
  | { readonly reason: 'app_frozen'; readonly freeze: Freeze }
  | { readonly reason: 'quarantined' }

/** What is to go out. `request` is a new request for a redeploy, `redeploy` one that is taken up. */
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
    // The way back is open to a frozen app.
    case 'app_frozen':
    case 'quarantined':
      return kind !== 'rollback' && !force
  }
}

/**
 * Why a deployment cannot be opened now, the most important first; empty where nothing is in its way.
 * A convergence gives way to any deployment and blocks none; one that has ended blocks until its record
 * is in the history.
 */
export const blockers = (head: Head, wish: Attempt): readonly Blocker[] =>
  listAll(head, wish.content).filter(({ reason }) => blocks(reason, wish))

export const firstBlocker = (head: Head, wish: Attempt): Blocker['reason'] | null =>
  blockers(head, wish)[0]?.reason ?? null
