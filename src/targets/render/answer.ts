import { secondsBetween, type Clock } from '../../kernel/clock.ts'
import type { Reason } from '../../kernel/reason.ts'
import { Retryable } from '../../kernel/retryable.ts'
import type { Serving } from '../../deployment/deployment.ts'
import type { Answer, Step } from '../../deployment/step.ts'
import { toAbsence } from '../absence.ts'
import type { Order } from '../target.ts'
import type { RenderFailure } from './api.ts'
import type { Deploy } from './deploys.ts'

/** It stands in the head, whose size is bounded. */
const maxRenderMessage = 300

const toRenderServing = ({ release }: Order): Serving | null =>
  release === null ? null : { generation: release.generation, digest: release.digest }

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

/** The service is one instance: there is one answer to every order. */
export const answerAs = (
  order: Order,
  outcome: 'waiting' | 'lost' | 'failed',
  reason: Reason | null = null,
  message: string | null = null,
): readonly Answer[] =>
  order.instances.map((id) =>
    toAbsence(id, outcome, reason, message?.slice(0, maxRenderMessage) ?? null),
  )

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

/** `deploy` null: nothing had to be deployed for it. */
export const answerSucceeded = (
  order: Order,
  deploy: Deploy | null,
  message: string | null = null,
): readonly Answer[] =>
  order.instances.map((id) => ({
    ...toAbsence(id, 'waiting', null, message?.slice(0, maxRenderMessage) ?? null),
    outcome: 'succeeded',
    reason: order.purpose === 'restore' ? 'restored' : 'deployed',
    serving: toRenderServing(order),
    steps: deploy === null ? [] : [toStep(deploy, 'succeeded', null)],
  }))

/** The clock looks once a minute: with less than this left there is no later. */
const lastChanceSeconds = 75

const isLastChance = ({ notAfter }: Order, clock: Clock): boolean =>
  Date.parse(notAfter) - clock().getTime() < lastChanceSeconds * 1000

/**
 * Why nothing was begun, as the answer. What may have been begun all the same is never answered so.
 *
 * @throws Retryable where it is to be tried again
 */
export const toRefused = (
  order: Order,
  failure: RenderFailure,
  clock: Clock,
): readonly Answer[] => {
  const mayComeLater =
    failure.kind === 'later' && (failure.maybeDone || !isLastChance(order, clock))
  if (mayComeLater) throw new Retryable(failure.why)
  return answerAs(order, 'failed', failure.reason, failure.why)
}

/**
 * Render could not be asked what came of it, or did not let itself be asked: whoever has a key again
 * by then is told.
 *
 * @throws Retryable until the order's time is over
 */
export const loseOrRetry = (
  order: Order,
  failure: RenderFailure,
  clock: Clock,
): readonly Answer[] => {
  const isGone = failure.kind === 'refused' && failure.reason === 'service_missing'
  if (isGone) return answerAs(order, 'failed', failure.reason, failure.why)
  if (clock().getTime() < Date.parse(order.notAfter)) throw new Retryable(failure.why)
  return answerAs(order, 'lost', failure.reason, failure.why)
}
