import { addSeconds, type Instant } from '../kernel/clock.ts'
import type { TargetKey } from '../kernel/id.ts'
import { isPast } from './deadline.ts'
import { findSamePlace, findTarget } from './find-target.ts'
import type { Ended, InstanceState, Release, Serving } from './deployment.ts'
import {
  hasPendingRequest,
  hasPendingTakeBack,
  liveRelease,
  type Head,
  type Place,
} from './head.ts'
import { isQuarantined } from './quarantine.ts'

/** Who serves as it should is asked so often whether it still does. */
const askedEverySeconds = 3600
/** The gap after the first try in vain; it doubles up to `askedEverySeconds`. */
const firstGapSeconds = 60

type Name = Pick<Place, 'id' | 'target'>

/** Finds the first of an instance; for many instances, without a look through all of them for each. */
export const indexNames = <Named extends Name>(
  names: readonly Named[],
): ((name: Name) => Named | null) => {
  const byName = new Map(names.toReversed().map((one) => [`${one.id} ${one.target}`, one]))
  return ({ id, target }) => byName.get(`${id} ${target}`) ?? null
}

/** Whether an instance serves this release and nothing else. */
export const servesRelease = (serving: Serving | null, release: Release): boolean =>
  serving?.generation === release.generation && serving.digest === release.digest

/** What every instance is to serve; null where nothing is live, or what is live was to be left. */
export const releaseToKeep = (head: Head): Release | null => {
  const live = liveRelease(head)
  return live === null || isQuarantined(head, live) ? null : live
}

export const isSettled = (head: Head, { generation }: Place): boolean =>
  generation === liveRelease(head)?.generation

const gapSeconds = (head: Head, place: Place): number => {
  if (isSettled(head, place) || place.reason === 'drifted') return askedEverySeconds
  if (place.tries === 0) return 0
  return Math.min(askedEverySeconds, firstGapSeconds * 2 ** (place.tries - 1))
}

/** Whether an instance may be asked again what it serves. */
export const isPlaceDue = (head: Head, place: Place, now: Instant): boolean =>
  isPast(addSeconds(place.at, gapSeconds(head, place)), now)

/** Whether an instance has yet to get the live release; the clock looks at its app. */
export const hasStrays = (head: Head): boolean =>
  releaseToKeep(head) !== null && head.places.some((place) => !isSettled(head, place))

/**
 * What the clock has to look at: something open or wished for, a report owed, an alarm's window, or an
 * instance that is out of date.
 */
export const hasWork = (head: Head): boolean =>
  head.deployment !== null ||
  hasPendingRequest(head) ||
  hasPendingTakeBack(head) ||
  head.owed.length > 0 ||
  head.alarmsUntil !== null ||
  hasStrays(head)

/** It served the live release, as far as anybody knew, and was changed since. */
export const isDrift = (head: Head, place: Place | null): boolean =>
  place !== null && (isSettled(head, place) || place.reason === 'drifted')

export const hasDrifted = (head: Head, name: Name): boolean =>
  isDrift(
    head,
    head.places.find(({ id, target }) => id === name.id && target === name.target) ?? null,
  )

const isUnasked = ({ status }: InstanceState): boolean =>
  status === 'unseen' || status === 'pending'

/** A place is known by its target in what is live, also where what failed there names it otherwise. */
const toTarget = (
  { places }: Head,
  own: Release,
  shall: Release,
  instance: InstanceState,
): TargetKey =>
  findSamePlace(own.settings, shall.settings, instance, places)?.key ?? instance.target

/** What an instance said of itself while the deployment was open; null where it said nothing new. */
const toPlace = (
  head: Head,
  { kind, status, release }: Ended,
  instance: InstanceState,
  before: Place | null,
  now: Instant,
): Place | null => {
  if (kind === 'converge' ? isUnasked(instance) : !instance.touched) return null
  const { id, serving, reason } = instance
  const shall = status === 'succeeded' ? release : liveRelease(head)
  const target = shall === null ? instance.target : toTarget(head, release, shall, instance)
  if (shall !== null && servesRelease(serving, shall) && instance.status !== 'unknown')
    return { id, target, generation: shall.generation, at: now, tries: 0, reason: null }
  const tries = kind === 'converge' ? (before?.tries ?? 0) + 1 : 0
  return { id, target, generation: null, at: now, tries, reason: reason ?? 'no_answer' }
}

/** What is known of the instances once a deployment has ended. */
export const notePlaces = (head: Head, ended: Ended, now: Instant): readonly Place[] => {
  const before = indexNames(head.places)
  const told = ended.instances.flatMap(
    (instance) => toPlace(head, ended, instance, before(instance), now) ?? [],
  )
  const toldOf = indexNames(told)
  const isLeft = (place: Place): boolean =>
    ended.status === 'succeeded' && findTarget(ended.release.settings, place.target) === null
  const others = head.places.filter((place) => !isLeft(place) && toldOf(place) === null)
  return [...others, ...told]
}
