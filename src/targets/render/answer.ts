import { secondsBetween } from '../../kernel/clock.ts'
import type { Reason } from '../../kernel/reason.ts'
import type { Answer, Step } from '../../deployment/step.ts'
import { answerAs, toAbsence, toServing } from '../answers.ts'
import type { Order } from '../target.ts'
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
