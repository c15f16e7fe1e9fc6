import type { App, InstanceSelector } from '../deployment/app.ts'
import { isPast } from '../deployment/deadline.ts'
import { addSeconds, type Instant } from '../kernel/clock.ts'
import type { AppName, InstanceId } from '../kernel/id.ts'
import type { RollCall } from './journal.ts'
import type { Called } from '../deployment/head.ts'

/** Each app's instances are asked so often what they serve, whether anything seems to have happened or not. */
const askedEverySeconds = 3600

/** An instance of the stage. */
export interface Attendant {
  readonly id: InstanceId
  readonly isOnline: boolean
  /** Null where they are not known, as of a hybrid machine: it may be anybody's. */
  readonly tags: Readonly<Record<string, string>> | null
}

/** An app whose instances are to be looked at. */
export interface Summons {
  readonly app: AppName
  readonly called: Called
}

const selects = (selector: InstanceSelector, { id, tags }: Attendant): boolean =>
  selector.kind === 'ids'
    ? selector.ids.includes(id)
    : tags === null || tags[selector.key] === selector.value

const isOf = ({ targets }: App, attendant: Attendant): boolean =>
  targets.some(({ instances }) => instances !== null && selects(instances, attendant))

export const hasInstances = ({ targets }: App): boolean =>
  targets.some(({ instances }) => instances !== null)

/**
 * Whose instances are to be looked at, from one listing of the whole stage: those that somebody has come
 * to since the last one, and once an hour each. Pure; nothing is asked of an app that is not named.
 */
export const callRoll = (
  apps: readonly App[],
  present: readonly Attendant[],
  last: RollCall,
  now: Instant,
): { readonly summons: readonly Summons[]; readonly next: RollCall } => {
  const online = present.filter(({ isOnline }) => isOnline)
  const come = online.filter(({ id }) => !last.online.includes(id))
  const summons = apps.filter(hasInstances).flatMap((app) => {
    const returned = come.filter((attendant) => isOf(app, attendant)).map(({ id }) => id)
    const asked = last.asked[app.name]
    const isDue = asked === undefined || isPast(addSeconds(asked, askedEverySeconds), now)
    return returned.length > 0 || isDue ? [{ app: app.name, called: { at: now, returned } }] : []
  })
  const asked = Object.fromEntries(
    apps.flatMap(({ name }) => {
      const at = summons.some(({ app }) => app === name) ? now : last.asked[name]
      return at === undefined ? [] : [[name, at]]
    }),
  )
  return { summons, next: { online: online.map(({ id }) => id), asked } }
}
