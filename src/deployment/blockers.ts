import { isConverging, type Deployment, type DeploymentKind } from './deployment.ts'
import {
  hasPendingRequest,
  hasPendingTakeBack,
  type Freeze,
  type Head,
  type TakeBack,
} from './head.ts'
import { isQuarantined, type Quarantinable } from './quarantine.ts'

/** One thing that keeps a deployment from being opened now. */
export type Blocker =
  | { readonly reason: 'going_back'; readonly takeBack: TakeBack }
  | { readonly reason: 'deployment_open'; readonly deployment: Deployment }
  | { readonly reason: 'request_pending' }
  | { readonly reason: 'app_frozen'; readonly freeze: Freeze }
  | { readonly reason: 'quarantined' }

/** What is to go out. `request` is a new request for a redeploy, `redeploy` one that is taken up. */
export interface Wish {
  readonly kind: Exclude<DeploymentKind, 'converge'> | 'request'
  readonly force: boolean
  readonly content: Quarantinable | null
}

const listAll = (head: Head, content: Wish['content']): readonly Blocker[] => {
  const { deployment, takeBack, freeze } = head
  return [
    ...(takeBack !== null && hasPendingTakeBack(head)
      ? [{ reason: 'going_back' as const, takeBack }]
      : []),
    ...(deployment === null || isConverging(deployment)
      ? []
      : [{ reason: 'deployment_open' as const, deployment }]),
    ...(hasPendingRequest(head) ? [{ reason: 'request_pending' as const }] : []),
    ...(freeze === null ? [] : [{ reason: 'app_frozen' as const, freeze }]),
    ...(content !== null && isQuarantined(head, content)
      ? [{ reason: 'quarantined' as const }]
      : []),
  ]
}

const blocks = (reason: Blocker['reason'], { kind, force }: Wish): boolean => {
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
export const blockers = (head: Head, wish: Wish): readonly Blocker[] =>
  listAll(head, wish.content).filter(({ reason }) => blocks(reason, wish))

export const firstBlocker = (head: Head, wish: Wish): Blocker['reason'] | null =>
  blockers(head, wish)[0]?.reason ?? null
