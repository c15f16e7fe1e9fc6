import { Retryable, unlessRetryable } from '../../kernel/retryable.ts'
import { succeed } from '../../kernel/result.ts'
import type { RenderSettings } from '../../deployment/app.ts'
import { findTarget } from '../../deployment/find-target.ts'
import type { Release } from '../../deployment/deployment.ts'
import { readAppEnvironment } from '../../secrets/app-secret.ts'
import { refuseStart, toRefused } from '../answers.ts'
import type { Order, Started, Target } from '../target.ts'
import {
  failFor,
  failLater,
  type AskRender,
  type FromRender,
  type RenderFailure,
  type RenderPorts,
} from './api.ts'
import {
  beginDeploy,
  findOwn,
  isDeployOver,
  isSince,
  listDeploys,
  parseSearch,
  readDigest,
  toOperation,
  toSearch,
  unchanged,
  wasLive,
  type Deploy,
} from './deploys.ts'
import { observeDeploy } from './observe.ts'
import { createRenderSelection, findUnsuitable, nameImage, readService } from './service.ts'
import { syncVariables } from './variables.ts'

const toStarted = (order: Order, id: string | null): Started => ({
  operation: toOperation(id, toSearch(order)),
  missing: [],
})

const begin = async (
  ask: AskRender,
  order: Order,
  body: Parameters<typeof beginDeploy>[1],
): FromRender<Started> => {
  const begun = await beginDeploy(ask, body)
  return begun.ok ? succeed(toStarted(order, begun.value)) : begun
}

const beginRelease = (ask: AskRender, order: Order, { settings, digest }: Release) =>
  begin(ask, order, { imageUrl: `${nameImage(settings.image)}@${digest}` })

/**
 * Sets the release's variables. A restore waits for no secret: it brings back the image with the
 * variables as they are.
 */
const sync = async (
  { readSecret }: RenderPorts,
  settings: RenderSettings,
  ask: AskRender,
  { purpose }: Order,
  release: Release,
): FromRender<null> => {
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

const deploy = async (
  ports: RenderPorts,
  settings: RenderSettings,
  ask: AskRender,
  order: Order,
  release: Release,
): FromRender<Started> => {
  // A rollback must not fail for a setting that Render accepts.
  if (order.kind !== 'rollback') {
    const service = await readService(ask)
    if (!service.ok) return service
    const why = findUnsuitable(service.value, release.settings)
    if (why !== null) return failFor('service_unsuitable', why)
  }
  const synced = await sync(ports, settings, ask, order, release)
  return synced.ok ? beginRelease(ask, order, release) : synced
}

/** Brings back the live release; without one, what Render ran before the first release of Landfall. */
const restore = async (
  ports: RenderPorts,
  settings: RenderSettings,
  ask: AskRender,
  order: Order,
  deploys: readonly Deploy[],
): FromRender<Started> => {
  const { release, openedAt } = order
  const before = deploys.find((one) => wasLive(one) && !isSince(one, openedAt)) ?? null
  /** What was live at the opening still is, and nothing is about to replace it. */
  const isThere = deploys
    .filter((one) => isSince(one, openedAt))
    .every((one) => isDeployOver(one) && !wasLive(one))
  if (release !== null) {
    const synced = await sync(ports, settings, ask, order, release)
    if (!synced.ok) return synced
    return isThere && before !== null && readDigest(before) === release.digest
      ? succeed({ operation: unchanged, missing: [] })
      : beginRelease(ask, order, release)
  }
  if (isThere) return succeed({ operation: unchanged, missing: [] })
  if (before === null) {
    const why = 'nothing ran at Render before, so there is nothing to restore'
    return succeed(refuseStart(order, 'not_restored', why))
  }
  return begin(ask, order, { deployId: before.id })
}

/** A deploy that may have begun is never answered as refused. */
const toNotStarted = (order: Order, failure: RenderFailure, { clock }: RenderPorts): Started => {
  if (failure.kind === 'later' && failure.maybeDone) throw new Retryable(failure.why)
  return { operation: null, missing: toRefused(order, failure, clock) }
}

const startDeploy = async (
  ports: RenderPorts,
  settings: RenderSettings,
  order: Order,
): Promise<Started> => {
  const { open, clock } = ports
  if (clock().getTime() >= Date.parse(order.notAfter))
    return refuseStart(order, 'too_late', 'nothing was started at Render')
  // The writer owns an intent for 20 s, of which up to 10 are over by now: a call that ends in 8 s is in
  // Render's list before another run may give the same order.
  const ask = open(settings, 8_000)
  const listed = await listDeploys(ask)
  if (!listed.ok) return toNotStarted(order, listed.error, ports)
  const own = findOwn(listed.value, toSearch(order))
  // An earlier run of this order has begun it already.
  if (own !== null) return toStarted(order, own.id)
  const { release } = order
  const begun =
    order.purpose === 'restore' || release === null
      ? await restore(ports, settings, ask, order, listed.value)
      : await deploy(ports, settings, ask, order, release)
  return begun.ok ? begun.value : toNotStarted(order, begun.error, ports)
}

const cancelDeploy = async (ask: AskRender, operation: string): Promise<void> => {
  const search = parseSearch(operation)
  const listed = search === null ? null : await listDeploys(ask)
  if (listed?.ok === false) throw new Retryable(listed.error.why)
  const id =
    search === null || listed === null ? operation : (findOwn(listed.value, search)?.id ?? null)
  if (id === null) return
  const cancelled = await ask({ method: 'POST', path: `/deploys/${id}/cancel` })
  // Render refuses for a deploy that has ended, which is as good.
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
    cancel: async (operation) => {
      if (operation !== unchanged) await cancelDeploy(ports.open(settings, 5_000), operation)
    },
  }
}
