import { isDeepStrictEqual } from 'node:util'
import type { App } from '../deployment/app.ts'
import { toInstant, type Clock } from '../kernel/clock.ts'
import { newNonce, type AppName, type RevisionId } from '../kernel/id.ts'
import type { Log } from '../kernel/log.ts'
import { Retryable } from '../kernel/retryable.ts'
import type { EcrPush } from '../registry/ecr.ts'
import type { CommandIndex, Heads, FleetScans } from './journal.ts'
import type { Nudge } from './ports.ts'
import { scanFleet, hasInstances, type ListedInstance } from './fleet-scan.ts'

/** Reconcile is woken by a nudge for an app, the end of an SSM command, an image pushed to ECR, or the schedule. */
export type Wake =
  | { readonly kind: 'nudge'; readonly app: AppName; readonly revision: RevisionId | null }
  | { readonly kind: 'command'; readonly command: string }
  | { readonly kind: 'push'; readonly push: EcrPush }
  | { readonly kind: 'tick' }

interface WakePorts {
  readonly reconcile: (nudge: Nudge) => Promise<void>
  readonly heads: Pick<Heads, 'listOpen'>
  readonly commands: Pick<CommandIndex, 'findApp'>
  /** Records a push, and tells of which revisions of which apps; of no revision where the tag names none. */
  readonly takePush: (
    push: EcrPush,
  ) => Promise<readonly { readonly app: AppName; readonly revision: RevisionId | null }[]>
  readonly apps: readonly App[]
  /** The stage's instances, from one listing whatever the number of apps. */
  readonly listPresent: () => Promise<readonly ListedInstance[]>
  readonly fleetScans: FleetScans
  /** Brings an operator's renewal of the stage's proxies on. */
  readonly renewProxies: () => Promise<void>
  readonly clock: Clock
  readonly log: Log
}

type Look = Pick<Nudge, 'app' | 'revisions' | 'scan'>

const toLook = (app: AppName, revision: RevisionId | null = null): Look => ({
  app,
  revisions: revision === null ? [] : [revision],
  scan: null,
})

const findApps = async (wake: Wake, ports: WakePorts): Promise<readonly Look[]> => {
  switch (wake.kind) {
    case 'nudge':
      return [toLook(wake.app, wake.revision)]
    case 'push':
      return (await ports.takePush(wake.push)).map(({ app, revision }) => toLook(app, revision))
    case 'tick':
      return (await ports.heads.listOpen()).map((app) => toLook(app))
    case 'command': {
      const app = await ports.commands.findApp(wake.command)
      return app === null ? [] : [toLook(app)]
    }
  }
}

/**
 * The scan of a tick. It is kept only when all due apps were reconciled: an interrupted one is repeated. A failure stops
 * no app; a bug, or a listing that AWS refuses, is returned, to be thrown once the apps are reconciled.
 */
const scanAll = async (
  { apps, listPresent, fleetScans, clock, log }: WakePorts,
  lookAt: (looks: readonly Look[]) => Promise<'done' | 'failed'>,
): Promise<readonly unknown[]> => {
  if (!apps.some(hasInstances)) return []
  try {
    const [present, last] = await Promise.all([listPresent(), fleetScans.load()])
    const { due, next } = scanFleet(apps, present, last, toInstant(clock()))
    const outcome = await lookAt(due.map((one) => ({ ...one, revisions: [] })))
    if (outcome === 'done' && !isDeepStrictEqual(next, last)) await fleetScans.record(next)
    return []
  } catch (error) {
    if (!(error instanceof Retryable)) return [error]
    log.warn('failed to scan fleet, retrying on next tick', { why: error.message })
    return []
  }
}

/** Its failures are those of `scanAll`. */
const renewOnTick = async ({ apps, renewProxies, log }: WakePorts): Promise<readonly unknown[]> => {
  if (!apps.some(hasInstances)) return []
  try {
    await renewProxies()
    return []
  } catch (error) {
    if (!(error instanceof Retryable)) return [error]
    log.warn('renewal of proxies postponed, retrying on next tick', { why: error.message })
    return []
  }
}

/** Reconciles each app that the event is about. A failure of one stops no other; a bug is thrown at the end. */
export const createWake =
  (ports: WakePorts) =>
  async (wake: Wake): Promise<void> => {
    const isTick = wake.kind === 'tick'
    const bugs: unknown[] = []
    const lookAt = async (looks: readonly Look[]): Promise<'done' | 'failed'> => {
      let outcome: 'done' | 'failed' = 'done'
      const look = async ({ app, ...rest }: Look): Promise<void> => {
        const settings = ports.apps.find(({ name }) => name === app) ?? null
        try {
          await ports.reconcile({ app, ...rest, settings, isTick, by: newNonce() })
        } catch (error) {
          outcome = 'failed'
          if (error instanceof Retryable) {
            const why = error.message
            ports.log.warn('reconcile postponed, retrying on next tick', { app, why })
          } else {
            ports.log.error('failed to reconcile app', { app, error })
            bugs.push(error)
          }
        }
      }
      await Promise.all(looks.map(look))
      return outcome
    }
    const [ofRenewal, ofScan] = await Promise.all([
      isTick ? renewOnTick(ports) : [],
      isTick ? scanAll(ports, lookAt) : [],
      findApps(wake, ports).then(lookAt),
    ])
    bugs.push(...ofRenewal, ...ofScan)
    if (bugs.length > 0) throw bugs[0]
  }
