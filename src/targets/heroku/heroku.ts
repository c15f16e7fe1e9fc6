import type { HerokuSettings } from '../../deployment/app.ts'
import { findTarget } from '../../deployment/find-target.ts'
import { Retryable } from '../../kernel/retryable.ts'
import { succeed } from '../../kernel/result.ts'
import { answerAs, refuseStart, toRefused } from '../answers.ts'
import type { Order, Started, Target } from '../target.ts'
import { advanceDeploy } from './advance.ts'
import { failAtHeroku, type FromHeroku } from './api.ts'
import { createHerokuSelection, findUnsuitableApp, readApp } from './app.ts'
import { findImages } from './images.ts'
import { stopReleasePhase } from './dynos.ts'
import { judge } from './judge.ts'
import { openLook, record, toQuietUntil, type HerokuLook } from './look.ts'
import type { HerokuPorts } from './ports.ts'
import type { HerokuDeploy } from './record.ts'
import { findReleaseOf, listReleases } from './releases.ts'

/** The handle that the journal keeps: the order is found by its fence. */
const toHandle = ({ app, process }: HerokuSettings, { fence }: Order): string =>
  `heroku ${app}/${process} ${fence}`

const parseFence = (operation: string): number => Number(operation.split(' ').at(-1))

/** Takes the app for an order; null where a newer order has it. */
const claim = async (look: HerokuLook): FromHeroku<Started | null> => {
  const { ports, settings, order, now } = look
  const known = await ports.records.loadDeploy(settings)
  const started: Started = { operation: toHandle(settings, order), missing: [] }
  if (known?.fence === order.fence) return succeed(started)
  if (known !== null && known.fence > order.fence) return succeed(null)
  const releases = await listReleases(look.ask)
  if (!releases.ok) return releases
  const deploy: HerokuDeploy = {
    fence: order.fence,
    writes: known?.writes ?? 0,
    begunAt: now,
    at: now,
    before: releases.value[0]?.version ?? 0,
    quietUntil: known === null ? null : toQuietUntil(known),
    isCancelled: false,
    hasReleaseImage: known?.hasReleaseImage ?? false,
    images: null,
    carriedAt: null,
    mustCarry: false,
    isNewAttempt: false,
    request: null,
    version: null,
    restartedAt: null,
  }
  const recorded = await record(look, deploy, {})
  if (recorded === null) {
    const other = await ports.records.loadDeploy(settings)
    if (other?.fence === order.fence) return succeed(started)
    throw new Retryable(`another run has just taken ${settings.app} of Heroku`)
  }
  // The image is on its way before the first look.
  if (order.release !== null) await findImages(look, recorded, order.release)
  return succeed(started)
}

const beginOrder = async (look: HerokuLook): FromHeroku<Started | null> => {
  const { order, ask } = look
  // A rollback must not fail for a setting that Heroku accepts.
  if (order.purpose === 'deploy' && order.kind !== 'rollback') {
    const app = await readApp(ask)
    if (!app.ok) return app
    const why = findUnsuitableApp(app.value)
    if (why !== null) return failAtHeroku('service_unsuitable', why)
  }
  return claim(look)
}

const start = async (look: HerokuLook): Promise<Started> => {
  const { ports, settings, order, now } = look
  if (now >= order.notAfter) return refuseStart(order, 'too_late', 'nothing was started at Heroku')
  const begun = await beginOrder(look)
  if (!begun.ok) return { operation: null, missing: toRefused(order, begun.error, ports.clock) }
  return (
    begun.value ??
    refuseStart(order, 'superseded_fence', `a newer order is at ${settings.app} of Heroku`)
  )
}

/** Other runs write too: so often it is tried. */
const mostCancelTries = 5

/** Marks the order as cancelled; null where it is not the newest one any more. */
const markCancelled = async (
  { records }: HerokuPorts,
  settings: HerokuSettings,
  fence: number,
): Promise<HerokuDeploy | null> => {
  for (let tries = 0; tries < mostCancelTries; tries += 1) {
    const deploy = await records.loadDeploy(settings)
    if (deploy === null || deploy.fence !== fence) return null
    const cancelled = { ...deploy, isCancelled: true, writes: deploy.writes + 1 }
    if (await records.writeDeploy(settings, cancelled)) return cancelled
  }
  throw new Retryable(`other runs are at ${settings.app} of Heroku`)
}

const cancelOrder = async (
  ports: HerokuPorts,
  settings: HerokuSettings,
  operation: string,
): Promise<void> => {
  const deploy = await markCancelled(ports, settings, parseFence(operation))
  if (deploy === null || deploy.request === null) return
  const ask = ports.open(settings, 5_000)
  const releases = await listReleases(ask)
  const own = releases.ok ? findReleaseOf(releases.value, deploy) : null
  const version = deploy.version ?? own?.version ?? null
  const stopped = version === null ? releases : await stopReleasePhase(ask, version)
  if (!stopped.ok && stopped.error.kind === 'later') throw new Retryable(stopped.error.why)
}

/** An app of Heroku on the container stack: one instance. */
export const createHerokuTarget = (ports: HerokuPorts, settings: HerokuSettings): Target => {
  const ownOf = (order: Order): HerokuSettings => {
    const own = findTarget(order.settings, order.target)
    return own?.kind === 'heroku' ? own : settings
  }
  return {
    ...createHerokuSelection(settings),
    prepared: (instances) => Promise.resolve(instances),
    start: (order) =>
      // The writer owns an intent for 20 s, of which up to 10 are over by now.
      start(openLook(ports, ownOf(order), order, 8_000)),
    observe: async (order) => {
      const look = openLook(ports, ownOf(order), order, 10_000)
      const deploy = await ports.records.loadDeploy(look.settings)
      if (deploy === null || deploy.fence !== order.fence)
        return answerAs(order, 'failed', 'changed_elsewhere', 'a newer order has taken its place')
      return deploy.version === null
        ? advanceDeploy(look, deploy)
        : judge(look, deploy, deploy.version)
    },
    cancel: (operation) => cancelOrder(ports, settings, operation),
  }
}
