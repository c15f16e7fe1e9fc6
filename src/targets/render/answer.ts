import { secondsBetween, type Clock } from '../../kernel/clock.ts'
import type { Reason } from '../../kernel/reason.ts'
import { Retryable } from '../../kernel/retryable.ts'
import type { Answer, Step } from '../../deployment/step.ts'
import { toAbsence, toServing } from '../answers.ts'
import type { Order } from '../target.ts'
import type { RenderFailure } from './api.ts'
import type { Deploy } from './deploys.ts'

const toStep = (
  { createdAt, finishedAt }: Deploy,
  status: 'succeeded' | 'failed',
  reason: Reason | null,
): Step => ({
  name: 'deploy',
  status,
  milliseconds:
    typeof finishedAt === 'string' ? secondsBetween(createdAt, finishedAt) * 1000 : null,
  reason,
})

/** The same answer for each instance of the order: a service is one. */
export const answerAs = (
  { instances }: Order,
  outcome: 'waiting' | 'lost' | 'failed',
  reason?: Reason,
  message?: string,
): readonly Answer[] => instances.map((id) => toAbsence(id, outcome, reason, message))

export const answerFailed = (
  order: Order,
  deploy: Deploy,
  reason: Reason,
  message: string,
): readonly Answer[] =>
  answerAs(order, 'failed', reason, message).map((answer) => ({
    ...answer,
    steps: [toStep(deploy, 'failed', reason)],
  }))

/** `deploy` is null if the order needed none. */
export const answerSucceeded = (
  { instances, purpose, release }: Order,
  deploy: Deploy | null,
  message: string | null = null,
): readonly Answer[] =>
  instances.map((id) => ({
    ...toAbsence(id, 'waiting', null, message),
    outcome: 'succeeded',
    reason: purpose === 'restore' ? 'restored' : 'deployed',
    serving: toServing(release),
    steps: deploy === null ? [] : [toStep(deploy, 'succeeded', null)],
  }))

/**
 * Why a start began nothing, as the answer. A deploy that may have begun is never answered so.
 *
 * @throws Retryable if the start is to be tried again
 */
export const toRefused = (
  order: Order,
  failure: RenderFailure,
  clock: Clock,
): readonly Answer[] => {
  const leftSeconds = (Date.parse(order.notAfter) - clock().getTime()) / 1000
  // The next scheduled run is a minute away.
  if (failure.kind === 'later' && (failure.maybeDone || leftSeconds >= 75))
    throw new Retryable(failure.why)
  return answerAs(order, 'failed', failure.reason, failure.why)
}

/**
 * The answer if a look at Render failed. Also a refused look is repeated: a person may put the API key
 * right in time.
 *
 * @throws Retryable until the order's time is over
 */
export const loseOrRetry = (
  order: Order,
  failure: RenderFailure,
  clock: Clock,
): readonly Answer[] => {
  if (failure.kind === 'refused' && failure.reason === 'service_missing')
    return answerAs(order, 'failed', failure.reason, failure.why)
  if (clock().getTime() < Date.parse(order.notAfter)) throw new Retryable(failure.why)
  return answerAs(order, 'lost', failure.reason, failure.why)
}
