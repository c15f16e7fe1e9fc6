import { isDeepStrictEqual } from 'node:util'
import type { App } from '../deployment/app.ts'
import { toInstant, type Clock } from '../kernel/clock.ts'
import { newNonce, type AppName, type RevisionId } from '../kernel/id.ts'
import type { Log } from '../kernel/log.ts'
import { Retryable } from '../kernel/retryable.ts'
import type { CommandIndex, Heads, FleetScans } from './journal.ts'
import type { Nudge } from './ports.ts'
import { scanFleet, hasInstances, type ListedInstance } from './fleet-scan.ts'

/** What wakes reconcile: a nudge for an app, the end of an SSM command, or the clock. */
export type Wake =
  | { readonly kind: 'nudge'; readonly app: AppName; readonly revision: RevisionId | null }
  | { readonly kind: 'command'; readonly command: string }
  | { readonly kind: 'tick' }

interface WakePorts {
  readonly reconcile: (nudge: Nudge) => Promise<void>
  readonly heads: Pick<Heads, 'listOpen'>
  readonly commands: Pick<CommandIndex, 'findApp'>
  readonly apps: readonly App[]
  /** The stage's instances, from one listing whatever the number of apps. */
  readonly listPresent: () => Promise<readonly ListedInstance[]>
  readonly fleetScans: FleetScans
  readonly clock: Clock
  readonly log: Log
}

type Look = Pick<Nudge, 'app' | 'revisions' | 'scan'>

const findApps = async (wake: Wake, { heads, commands }: WakePorts): Promise<readonly Look[]> => {
  const toLook = (app: AppName): Look => ({ app, revisions: [], scan: null })
  if (wake.kind === 'nudge')
    return [{ ...toLook(wake.app), revisions: wake.revision === null ? [] : [wake.revision] }]
  if (wake.kind === 'tick') return (await heads.listOpen()).map(toLook)
  const app = await commands.findApp(wake.command)
  return app === null ? [] : [toLook(app)]
}

/** A failure for one app keeps no other from being looked at; what is a bug is returned. */
const reportTroubles = (
  log: Log,
  looks: readonly Look[],
  settled: readonly PromiseSettledResult<void>[],
): readonly unknown[] => {
  const bugs: unknown[] = []
  for (const [index, one] of settled.entries()) {
    if (one.status === 'fulfilled') continue
    const error: unknown = one.reason
    const app = looks[index]?.app
    if (error instanceof Retryable) {
      log.warn('reconcile postponed, retrying on next tick', { app, why: error.message })
      continue
    }
    log.error('failed to reconcile app', { app, error })
    bugs.push(error)
  }
  return bugs
}

type LookAt = (looks: readonly Look[]) => Promise<'looked' | 'troubled'>

/**
 * The minute's look at all instances. What it found is kept only when all apps that are concerned have been
 * looked at: what is cut off is scanned again.
 */
const callAll = async (
  { apps, listPresent, fleetScans, clock, log }: WakePorts,
  lookAt: LookAt,
): Promise<void> => {
  if (!apps.some(hasInstances)) return
  try {
    const [present, last] = await Promise.all([listPresent(), fleetScans.load()])
    const { due, next } = scanFleet(apps, present, last, toInstant(clock()))
    const looked = await lookAt(due.map((one) => ({ ...one, revisions: [] })))
    if (looked === 'looked' && !isDeepStrictEqual(next, last)) await fleetScans.record(next)
  } catch (error) {
    if (!(error instanceof Retryable)) throw error
    log.warn('failed to scan fleet, retrying on next tick', { why: error.message })
  }
}

/** Looks at each app that the event is about; the first bug of any is thrown at the end. */
export const createWake =
  (ports: WakePorts) =>
  async (wake: Wake): Promise<void> => {
    const isTick = wake.kind === 'tick'
    const bugs: unknown[] = []
    const lookAt: LookAt = async (looks) => {
      const settled = await Promise.allSettled(
        looks.map((look) => {
          const settings = ports.apps.find(({ name }) => name === look.app) ?? null
          return ports.reconcile({ ...look, settings, isTick, by: newNonce() })
        }),
      )
      bugs.push(...reportTroubles(ports.log, looks, settled))
      return settled.some(({ status }) => status === 'rejected') ? 'troubled' : 'looked'
    }
    await Promise.all([findApps(wake, ports).then(lookAt), isTick ? callAll(ports, lookAt) : null])
    if (bugs.length > 0) throw bugs[0]
  }
