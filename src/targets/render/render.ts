import { Retryable, unlessRetryable } from '../../kernel/retryable.ts'
import { succeed, type Result } from '../../kernel/result.ts'
import type { RenderSettings } from '../../deployment/app.ts'
import { findTarget } from '../../deployment/find-target.ts'
import type { Release } from '../../deployment/deployment.ts'
import type { Answer } from '../../deployment/step.ts'
import { readAppEnvironment } from '../../secrets/app-secret.ts'
import type { Order, Started, Target } from '../target.ts'
import { answerAs, toRefused } from './answer.ts'
import { failFor, failLater, type AskRender, type RenderFailure } from './api.ts'
import {
  beginDeploy,
  beginRollback,
  readDigest,
  findOwn,
  isDeployOver,
  isSince,
  listDeploys,
  parseSearch,
  toOperation,
  unchanged,
  wasLive,
  type Deploy,
} from './deploys.ts'
import { observeDeploy, toWanted } from './observe.ts'
import type { RenderPorts } from './ports.ts'
import { createRenderSelection } from './select.ts'
import { findUnsuitable, readService } from './service.ts'
import { syncVariables } from './variables.ts'

/**
 * An intent is its writer's for 20 s, of which up to 10 are over before this begins: what is asked
 * for in this time is in Render's list before anybody else may order the same.
 */
const startMilliseconds = 8_000
const cancelMilliseconds = 5_000

type Begun = Result<Started, RenderFailure>

const answered = (missing: readonly Answer[]): Started => ({ operation: null, missing })

const sent = (order: Order, id: string | null): Started => ({
  operation: toOperation(id, { wanted: toWanted(order), since: order.since }),
  missing: [],
})

const begin = async (ask: AskRender, order: Order, release: Release): Promise<Begun> => {
  const begun = await beginDeploy(ask, release.settings, release.digest)
  return begun.ok ? succeed(sent(order, begun.value)) : begun
}

/**
 * Sets the release's variables. The way back of a restore waits for no secret: it brings back the image
 * with the variables as they stand.
 */
const sync = async (
  { readSecret }: RenderPorts,
  settings: RenderSettings,
  ask: AskRender,
  { purpose }: Order,
  release: Release,
): Promise<Result<null, RenderFailure>> => {
  if (settings.env === 'leave') return succeed(null)
  const { settings: app, secretVersion } = release
  const environment = await readAppEnvironment(readSecret, app, secretVersion).catch(
    unlessRetryable,
  )
  if (!(environment instanceof Retryable) && environment.ok)
    return syncVariables(ask, environment.value)
  if (purpose === 'restore') return succeed(null)
  return environment instanceof Retryable
    ? failLater(environment.message)
    : failFor(environment.error.reason, environment.error.message)
}

/** Going back must not fail for what Render would not mind. */
const checkService = async (ask: AskRender, { kind }: Order, release: Release) => {
  if (kind === 'rollback') return succeed(null)
  const service = await readService(ask)
  if (!service.ok) return service
  const why = findUnsuitable(service.value, release.settings)
  return why === null ? succeed(null) : failFor('service_unsuitable', why)
}

const deploy = async (
  ports: RenderPorts,
  settings: RenderSettings,
  ask: AskRender,
  order: Order,
  release: Release,
): Promise<Begun> => {
  const checked = await checkService(ask, order, release)
  if (!checked.ok) return checked
  const synced = await sync(ports, settings, ask, order, release)
  return synced.ok ? begin(ask, order, release) : synced
}

/** Whether what was live when the deployment was opened still is, and nothing is about to replace it. */
const isUntouched = (deploys: readonly Deploy[], { openedAt }: Order): boolean =>
  deploys.filter((one) => isSince(one, openedAt)).every((one) => isDeployOver(one) && !wasLive(one))

const findBefore = (deploys: readonly Deploy[], { openedAt }: Order): Deploy | null =>
  deploys.find((one) => wasLive(one) && !isSince(one, openedAt)) ?? null

/** Brings back the live release; without one, what Render ran before anything of ours. */
const restore = async (
  ports: RenderPorts,
  settings: RenderSettings,
  ask: AskRender,
  order: Order,
  deploys: readonly Deploy[],
): Promise<Begun> => {
  const { release } = order
  const before = findBefore(deploys, order)
  const isThere = isUntouched(deploys, order)
  if (release !== null) {
    const synced = await sync(ports, settings, ask, order, release)
    if (!synced.ok) return synced
    return isThere && before !== null && readDigest(before) === release.digest
      ? succeed({ operation: unchanged, missing: [] })
      : begin(ask, order, release)
  }
  if (isThere) return succeed({ operation: unchanged, missing: [] })
  if (before === null) {
    const why = 'nothing ran at Render before, so there is nothing to bring back'
    return succeed(answered(answerAs(order, 'failed', 'not_restored', why)))
  }
  const begun = await beginRollback(ask, before.id)
  return begun.ok ? succeed(sent(order, begun.value)) : begun
}

const startDeploy = async (
  ports: RenderPorts,
  settings: RenderSettings,
  order: Order,
): Promise<Started> => {
  const { clock } = ports
  if (clock().getTime() >= Date.parse(order.notAfter))
    return answered(answerAs(order, 'failed', 'too_late', 'nothing was begun at Render'))
  const ask = ports.open(settings, startMilliseconds)
  const listed = await listDeploys(ask)
  if (!listed.ok) return answered(toRefused(order, listed.error, clock))
  // Whoever was given this order before has begun it already.
  const own = findOwn(listed.value, { wanted: toWanted(order), since: order.since })
  if (own !== null) return sent(order, own.id)
  const { release } = order
  const begun =
    order.purpose === 'restore' || release === null
      ? await restore(ports, settings, ask, order, listed.value)
      : await deploy(ports, settings, ask, order, release)
  return begun.ok ? begun.value : answered(toRefused(order, begun.error, clock))
}

const cancel = async (
  ports: RenderPorts,
  settings: RenderSettings,
  operation: string,
): Promise<void> => {
  if (operation === unchanged) return
  const ask = ports.open(settings, cancelMilliseconds)
  const search = parseSearch(operation)
  const listed = search === null ? null : await listDeploys(ask)
  if (listed?.ok === false) throw new Retryable(listed.error.why)
  const id =
    search === null || listed === null ? operation : (findOwn(listed.value, search)?.id ?? null)
  if (id === null) return
  const cancelled = await ask({ method: 'POST', path: `/deploys/${id}/cancel` })
  // What has ended is refused, and that is as good.
  if (!cancelled.ok && cancelled.error.kind === 'later') throw new Retryable(cancelled.error.why)
}

/** A service of Render that runs an image: one instance, whose id is the service's. */
export const createRenderTarget = (ports: RenderPorts, settings: RenderSettings): Target => {
  const ownOf = (order: Order): RenderSettings => {
    const own = findTarget(order.settings, order.target)
    return own?.kind === 'render' ? own : settings
  }
  return {
    ...createRenderSelection(settings),
    prepared: (instances) => Promise.resolve(instances),
    start: (order) => startDeploy(ports, ownOf(order), order),
    observe: (order, operation) => observeDeploy(ports, ownOf(order), order, operation),
    cancel: (operation) => cancel(ports, settings, operation),
  }
}
