import type { App, InstanceSelector } from '../deployment/app.ts'
import { isPast } from '../deployment/deadline.ts'
import { addSeconds, type Instant } from '../kernel/clock.ts'
import type { AppName, InstanceId } from '../kernel/id.ts'
import type { FleetScan } from './journal.ts'
import type { Scan } from '../deployment/head.ts'

/** Each app's instances are asked what they serve this often, even if nothing seems to have changed. */
const scannedEverySeconds = 3600

/** An instance of the stage. */
export interface ListedInstance {
  readonly id: InstanceId
  readonly isOnline: boolean
  /** Null where they are unknown, as for a hybrid machine: any app may select it. */
  readonly tags: Readonly<Record<string, string>> | null
}

/** An app whose instances are to be listed. */
export interface DueApp {
  readonly app: AppName
  readonly scan: Scan
}

const isSelected = (selector: InstanceSelector, { id, tags }: ListedInstance): boolean =>
  selector.kind === 'ids'
    ? selector.ids.includes(id)
    : tags === null || tags[selector.key] === selector.value

const belongsTo = ({ targets }: App, listed: ListedInstance): boolean =>
  targets.some(({ instances }) => instances !== null && isSelected(instances, listed))

export const hasInstances = ({ targets }: App): boolean =>
  targets.some(({ instances }) => instances !== null)

/**
 * The due apps, from one listing of the whole stage: those with an instance that has come online since the
 * last scan, and each app once an hour. Pure.
 */
export const scanFleet = (
  apps: readonly App[],
  present: readonly ListedInstance[],
  last: FleetScan,
  now: Instant,
): { readonly due: readonly DueApp[]; readonly next: FleetScan } => {
  const online = present.filter(({ isOnline }) => isOnline)
  const come = online.filter(({ id }) => !last.online.includes(id))
  const due = apps.filter(hasInstances).flatMap((app) => {
    const returned = come.filter((listed) => belongsTo(app, listed)).map(({ id }) => id)
    const asked = last.asked[app.name]
    const isDue = asked === undefined || isPast(addSeconds(asked, scannedEverySeconds), now)
    return returned.length > 0 || isDue ? [{ app: app.name, scan: { at: now, returned } }] : []
  })
  const asked = Object.fromEntries(
    apps.flatMap(({ name }) => {
      const at = due.some(({ app }) => app === name) ? now : last.asked[name]
      return at === undefined ? [] : [[name, at]]
    }),
  )
  return { due, next: { online: online.map(({ id }) => id), asked } }
}
