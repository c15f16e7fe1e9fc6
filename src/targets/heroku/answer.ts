import type { Answer, Step } from '../../deployment/step.ts'
import { secondsBetween, type Instant } from '../../kernel/clock.ts'
import type { Reason } from '../../kernel/reason.ts'
import { answerAs, toAbsence, toServing } from '../answers.ts'
import type { Order } from '../target.ts'
import type { HerokuDeploy } from './record.ts'
import type { ReleaseOfApp } from './releases.ts'

/** What an order has come to: its record, and Heroku's release if that is known. */
export interface Reached {
  readonly deploy: HerokuDeploy
  readonly own: ReleaseOfApp | null
  readonly now: Instant
}

const toDoneStep = (name: string, from: Instant, to: Instant): Step => ({
  name,
  status: 'succeeded',
  milliseconds: Math.max(0, secondsBetween(from, to) * 1000),
  reason: null,
})

/** Those that have begun, in order: the image on its way, the variables, Heroku's release, the check. */
const listSteps = ({ deploy, own, now }: Reached): readonly Step[] => {
  const { begunAt, carriedAt, restartedAt } = deploy
  if (carriedAt === null) return [toDoneStep('carry', begunAt, now)]
  const carried = toDoneStep('carry', begunAt, carriedAt)
  if (own === null) return [carried, toDoneStep('configure', carriedAt, now)]
  if (restartedAt !== null)
    return [
      carried,
      toDoneStep('configure', carriedAt, restartedAt),
      toDoneStep('check', restartedAt, now),
    ]
  const released = own.status === 'succeeded' ? own.updated_at : now
  return [
    carried,
    toDoneStep('configure', carriedAt, own.created_at),
    toDoneStep('release', own.created_at, released),
    ...(own.status === 'succeeded' ? [toDoneStep('check', released, now)] : []),
  ]
}

export const answerDeployFailed = (
  order: Order,
  reached: Reached,
  reason: Reason,
  message: string,
  tail: readonly string[] = [],
): readonly Answer[] => {
  const steps = listSteps(reached)
  const last = steps.at(-1)
  return answerAs(order, 'failed', reason, message).map((answer) => ({
    ...answer,
    steps: last === undefined ? [] : [...steps.slice(0, -1), { ...last, status: 'failed', reason }],
    tail,
  }))
}

export const answerDeployed = (
  { instances, purpose, release }: Order,
  reached: Reached,
  message: string | null,
): readonly Answer[] =>
  instances.map((id) => ({
    ...toAbsence(id, 'waiting', null, message),
    outcome: 'succeeded',
    reason: purpose === 'restore' ? 'restored' : 'deployed',
    serving: toServing(release),
    steps: listSteps(reached),
  }))
