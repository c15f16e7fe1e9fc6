import type { HerokuSettings } from '../../deployment/app.ts'
import type { Answer } from '../../deployment/step.ts'
import { addSeconds, toInstant, type Instant } from '../../kernel/clock.ts'
import type { Reason } from '../../kernel/reason.ts'
import { answerAs, loseOrRetry } from '../answers.ts'
import type { Order } from '../target.ts'
import { answerDeployFailed } from './answer.ts'
import type { AskHeroku } from './api.ts'
import type { ServiceFailure } from '../api-key.ts'
import type { HerokuPorts } from './ports.ts'
import type { HerokuDeploy } from './record.ts'

/** One look at an order: what it may ask and change. */
export interface HerokuLook {
  readonly ports: HerokuPorts
  readonly settings: HerokuSettings
  readonly order: Order
  readonly ask: AskHeroku
  readonly now: Instant
}

export const openLook = (
  ports: HerokuPorts,
  settings: HerokuSettings,
  order: Order,
  milliseconds: number,
): HerokuLook => ({
  ports,
  settings,
  order,
  ask: ports.open(settings, milliseconds),
  now: toInstant(ports.clock()),
})

/** A request to Heroku ends in this time, answered or not; it is then looked for in Heroku's releases. */
const requestSeconds = 15

export const isUnderWay = ({ request }: HerokuDeploy, now: Instant): boolean =>
  request !== null && addSeconds(request.at, requestSeconds) > now

/** Until when a request of an order whose end is unknown may still arrive. */
export const toQuietUntil = ({ request, version, quietUntil }: HerokuDeploy): Instant | null => {
  if (request === null) return quietUntil
  return version === null ? addSeconds(request.at, requestSeconds) : null
}

/**
 * Records how far the order is; null where another run has recorded something since. Any number of runs look
 * at an order at once: only the one that has recorded that it is about to ask Heroku for something does so.
 */
export const record = async (
  { ports, settings, now }: HerokuLook,
  deploy: HerokuDeploy,
  changes: Partial<HerokuDeploy>,
): Promise<HerokuDeploy | null> => {
  const next = { ...deploy, ...changes, writes: deploy.writes + 1, at: now }
  return (await ports.records.writeDeploy(settings, next)) ? next : null
}

/**
 * The answer where Heroku did not do what was asked, or did not answer. What a person can put right in time, a
 * key, is asked for again.
 *
 * @throws Retryable until the order's time is over
 */
export const answerFailure = (
  { order, ports, now }: HerokuLook,
  deploy: HerokuDeploy,
  failure: ServiceFailure,
): readonly Answer[] =>
  failure.kind === 'refused' && failure.reason !== 'target_unauthorized'
    ? answerDeployFailed(order, { deploy, own: null, now }, failure.reason, failure.why)
    : loseOrRetry(order, failure, ports.clock)

/** After the order's time, what was last known is the reason that a person can use. */
export const waitFor = (
  { order, now }: HerokuLook,
  what: string,
  reason: Reason = 'no_answer',
): readonly Answer[] =>
  now < order.notAfter ? answerAs(order, 'waiting') : answerAs(order, 'lost', reason, what)
