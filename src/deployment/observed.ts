import { addSeconds, type Instant } from '../kernel/clock.ts'
import { isPast } from './deadline.ts'
import type { Ended, InstanceKey, InstanceState, Release, Serving } from './deployment.ts'
import { findSamePlace, findTarget } from './find-target.ts'
import { isUpToDate, liveRelease, type Head, type ObservedInstance } from './head.ts'

/** Finds the first of an instance, without a search through the list for each of many instances. */
export const indexInstances = <Named extends InstanceKey>(
  names: readonly Named[],
): ((name: InstanceKey) => Named | null) => {
  const byName = new Map(names.toReversed().map((one) => [`${one.id} ${one.target}`, one]))
  return ({ id, target }) => byName.get(`${id} ${target}`) ?? null
}

/** Whether an instance serves this release and nothing else. */
export const servesRelease = (serving: Serving | null, release: Release): boolean =>
  serving?.generation === release.generation && serving.digest === release.digest

/**
 * Whether an instance may be asked again what it serves: each hour where it is up to date or drifted; else
 * at once, then after 60, 120, 240 … up to 3600 s.
 */
export const isCheckDue = (head: Head, place: ObservedInstance, now: Instant): boolean => {
  const isHourly = isUpToDate(head, place) || place.reason === 'drifted'
  const gap = place.tries === 0 ? 0 : Math.min(3600, 60 * 2 ** (place.tries - 1))
  return isPast(addSeconds(place.at, isHourly ? 3600 : gap), now)
}

/** Whether an instance found out of date has drifted: it last reported the live release, or its drift is known. */
export const isDrift = (head: Head, place: ObservedInstance | null): boolean =>
  place !== null && (isUpToDate(head, place) || place.reason === 'drifted')

/** What an instance reported while the deployment was open; null where it reported nothing new. */
const toObserved = (
  head: Head,
  { kind, status, release }: Ended,
  instance: InstanceState,
  before: ObservedInstance | null,
  now: Instant,
): ObservedInstance | null => {
  const isUnchecked = instance.status === 'unseen' || instance.status === 'pending'
  if (kind === 'repair' ? isUnchecked : !instance.touched) return null
  const { id, serving, reason } = instance
  const desired = status === 'succeeded' ? release : liveRelease(head)
  // The target's key in the live release, also where the failed release has another key for it.
  const place =
    desired && findSamePlace(release.settings, desired.settings, instance, head.observed)
  const target = place?.key ?? instance.target
  if (desired !== null && servesRelease(serving, desired) && instance.status !== 'unknown')
    return { id, target, generation: desired.generation, at: now, tries: 0, reason: null }
  const tries = kind === 'repair' ? (before?.tries ?? 0) + 1 : 0
  return { id, target, generation: null, at: now, tries, reason: reason ?? 'no_answer' }
}

/** What the head knows of the instances once a deployment has ended. */
export const recordObserved = (
  head: Head,
  ended: Ended,
  now: Instant,
): readonly ObservedInstance[] => {
  const before = indexInstances(head.observed)
  const reported = ended.instances.flatMap(
    (instance) => toObserved(head, ended, instance, before(instance), now) ?? [],
  )
  const reportedOf = indexInstances(reported)
  const isOfRemovedTarget = (place: ObservedInstance): boolean =>
    ended.status === 'succeeded' && findTarget(ended.release.settings, place.target) === null
  const others = head.observed.filter(
    (place) => !isOfRemovedTarget(place) && reportedOf(place) === null,
  )
  return [...others, ...reported]
}

const describeOutcome = (ended: Ended, { id, status, reason }: InstanceState): string => {
  if (status === 'succeeded') return `${id} was put right`
  if (status === 'failed' && reason === 'drifted') return `${id} is left as it is (drift: report)`
  const why = status === 'pending' ? ended.reason : reason
  return `${id} could not be put right (${why ?? 'no_answer'})`
}

/** The drift that a repair has found, for people; null where there is none or all of it was reported before. */
export const describeDrift = (head: Head, ended: Ended): string | null => {
  const placeOf = indexInstances(head.observed)
  const drifted = ended.instances.filter((instance) => {
    const place = placeOf(instance)
    const isFound = instance.touched || instance.reason === 'drifted'
    return isFound && isDrift(head, place) && place?.reason !== 'drifted'
  })
  return drifted.map((one) => describeOutcome(ended, one)).join('; ') || null
}
