import { addSeconds, type Instant } from '../kernel/clock.ts'
import type { TargetKey } from '../kernel/id.ts'
import { isPast } from './deadline.ts'
import { findSamePlace, findTarget } from './find-target.ts'
import type { Ended, InstanceState, Release, Serving } from './deployment.ts'
import {
  hasPendingRequest,
  hasPendingRollback,
  liveRelease,
  type Head,
  type ObservedInstance,
} from './head.ts'
import { isQuarantined } from './quarantine.ts'

/** Who serves as it should is asked so often whether it still does. */
const checkedEverySeconds = 3600
/** The gap after the first try in vain; it doubles up to `askedEverySeconds`. */
const firstGapSeconds = 60

type InstanceKey = Pick<ObservedInstance, 'id' | 'target'>

/** Finds the first of an instance; for many instances, without a look through all of them for each. */
export const indexInstances = <Named extends InstanceKey>(
  names: readonly Named[],
): ((name: InstanceKey) => Named | null) => {
  const byName = new Map(names.toReversed().map((one) => [`${one.id} ${one.target}`, one]))
  return ({ id, target }) => byName.get(`${id} ${target}`) ?? null
}

/** Whether an instance serves this release and nothing else. */
export const servesRelease = (serving: Serving | null, release: Release): boolean =>
  serving?.generation === release.generation && serving.digest === release.digest

/** What every instance is to serve; null where nothing is live, or what is live was to be left. */
export const desiredRelease = (head: Head): Release | null => {
  const live = liveRelease(head)
  return live === null || isQuarantined(head, live) ? null : live
}

export const isUpToDate = (head: Head, { generation }: ObservedInstance): boolean =>
  generation === liveRelease(head)?.generation

const gapSeconds = (head: Head, place: ObservedInstance): number => {
  if (isUpToDate(head, place) || place.reason === 'drifted') return checkedEverySeconds
  if (place.tries === 0) return 0
  return Math.min(checkedEverySeconds, firstGapSeconds * 2 ** (place.tries - 1))
}

/** Whether an instance may be asked again what it serves. */
export const isCheckDue = (head: Head, place: ObservedInstance, now: Instant): boolean =>
  isPast(addSeconds(place.at, gapSeconds(head, place)), now)

/** Whether an instance has yet to get the live release; the clock looks at its app. */
export const hasOutdated = (head: Head): boolean =>
  desiredRelease(head) !== null && head.observed.some((place) => !isUpToDate(head, place))

/**
 * What the clock has to look at: something open or wished for, a report owed, an alarm's window, or an
 * instance that is out of date.
 */
export const hasWork = (head: Head): boolean =>
  head.deployment !== null ||
  hasPendingRequest(head) ||
  hasPendingRollback(head) ||
  head.notices.length > 0 ||
  head.alarmsUntil !== null ||
  hasOutdated(head)

/** It served the live release, as far as anybody knew, and was changed since. */
export const isDrift = (head: Head, place: ObservedInstance | null): boolean =>
  place !== null && (isUpToDate(head, place) || place.reason === 'drifted')

export const hasDrifted = (head: Head, name: InstanceKey): boolean =>
  isDrift(
    head,
    head.observed.find(({ id, target }) => id === name.id && target === name.target) ?? null,
  )

const isUnchecked = ({ status }: InstanceState): boolean =>
  status === 'unseen' || status === 'pending'

/** A place is known by its target in what is live, also where what failed there names it otherwise. */
const toDesiredTarget = (
  { observed: places }: Head,
  own: Release,
  shall: Release,
  instance: InstanceState,
): TargetKey =>
  findSamePlace(own.settings, shall.settings, instance, places)?.key ?? instance.target

/** What an instance said of itself while the deployment was open; null where it said nothing new. */
const toObserved = (
  head: Head,
  { kind, status, release }: Ended,
  instance: InstanceState,
  before: ObservedInstance | null,
  now: Instant,
): ObservedInstance | null => {
  if (kind === 'repair' ? isUnchecked(instance) : !instance.touched) return null
  const { id, serving, reason } = instance
  const shall = status === 'succeeded' ? release : liveRelease(head)
  const target = shall === null ? instance.target : toDesiredTarget(head, release, shall, instance)
  if (shall !== null && servesRelease(serving, shall) && instance.status !== 'unknown')
    return { id, target, generation: shall.generation, at: now, tries: 0, reason: null }
  const tries = kind === 'repair' ? (before?.tries ?? 0) + 1 : 0
  return { id, target, generation: null, at: now, tries, reason: reason ?? 'no_answer' }
}

/** What is known of the instances once a deployment has ended. */
export const recordObserved = (
  head: Head,
  ended: Ended,
  now: Instant,
): readonly ObservedInstance[] => {
  const before = indexInstances(head.observed)
  const told = ended.instances.flatMap(
    (instance) => toObserved(head, ended, instance, before(instance), now) ?? [],
  )
  const toldOf = indexInstances(told)
  const isLeft = (place: ObservedInstance): boolean =>
    ended.status === 'succeeded' && findTarget(ended.release.settings, place.target) === null
  const others = head.observed.filter((place) => !isLeft(place) && toldOf(place) === null)
  return [...others, ...told]
}

/** For the reason why it ended: what is still to be put right at the end. */
const sayDrift = (ended: Ended, { id, status, reason }: InstanceState): string => {
  if (status === 'succeeded') return `${id} was put right`
  if (status === 'failed' && reason === 'drifted') return `${id} is left as it is (drift: report)`
  const why = status === 'pending' ? ended.reason : reason
  return `${id} could not be put right (${why ?? 'no_answer'})`
}

/** Told once, however often it is met again. */
const isNewDrift = (head: Head, instance: InstanceState, place: ObservedInstance | null): boolean =>
  isDrift(head, place) &&
  place?.reason !== 'drifted' &&
  (instance.touched || instance.reason === 'drifted')

/** What a repair that has ended found changed by hand, for people; null where there was nothing new. */
export const describeDrift = (head: Head, ended: Ended): string | null => {
  const placeOf = indexInstances(head.observed)
  const drifted = ended.instances.filter((instance) =>
    isNewDrift(head, instance, placeOf(instance)),
  )
  if (drifted.length === 0) return null
  return drifted.map((one) => sayDrift(ended, one)).join('; ')
}
