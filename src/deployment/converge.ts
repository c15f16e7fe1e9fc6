import { addSeconds, type Instant } from '../kernel/clock.ts'
import { isPast } from './deadline.ts'
import { emit, type Draft } from './draft.ts'
import { findTarget } from './find-target.ts'
import { listFitting } from './head-size.ts'
import type { Advancing, Candidate, Release } from './deployment.ts'
import {
  hasPendingRequest,
  hasPendingTakeBack,
  type Called,
  type Head,
  type Place,
} from './head.ts'
import { toInstances } from './open.ts'
import { indexNames, isPlaceDue, isSettled, releaseToKeep } from './places.ts'

/** What was found of the instances of the live release. */
export interface Found {
  readonly candidates: readonly Candidate[]
  readonly capacities: readonly number[]
  readonly called: Called | null
}

const isIdle = (head: Head): boolean =>
  head.deployment === null && !hasPendingTakeBack(head) && !hasPendingRequest(head)

/** Whether to look who is there: somebody came, the hour is over, or a stray may be tried again. */
export const isConvergenceDue = (head: Head, called: Called | null, now: Instant): boolean =>
  releaseToKeep(head) !== null &&
  isIdle(head) &&
  (called !== null ||
    head.places.some((place) => !isSettled(head, place) && isPlaceDue(head, place, now)))

/** Where nobody can be asked what they serve, only what is known to be wrong is put right. */
const whoIsToBeAsked = (
  head: Head,
  { settings }: Release,
  { candidates, called }: Found,
  now: Instant,
): readonly Candidate[] => {
  const placeOf = indexNames(head.places)
  const returned = new Set(called?.returned)
  return candidates.filter((candidate) => {
    const place = placeOf(candidate)
    if (findTarget(settings, candidate.target)?.canBeAsked !== true)
      return place !== null && !isSettled(head, place) && isPlaceDue(head, place, now)
    if (place === null || isPlaceDue(head, place, now)) return true
    return called !== null && returned.has(candidate.id) && !isPast(called.at, place.at)
  })
}

const toAbsent = (candidate: Candidate, before: Place | null, now: Instant): Place => ({
  id: candidate.id,
  target: candidate.target,
  generation: null,
  at: now,
  tries: (before?.tries ?? 0) + 1,
  reason: candidate.obstacle,
})

const openConvergence = (
  release: Release,
  strays: readonly Candidate[],
  capacities: readonly number[],
  now: Instant,
): Advancing => ({
  generation: release.generation,
  kind: 'converge',
  by: 'convergence',
  openedAt: now,
  deadlineAt: addSeconds(now, release.settings.deadlineSeconds),
  sentAt: null,
  firing: [],
  takesBack: null,
  release,
  instances: toInstances(release.settings, strays, capacities).map((instance) =>
    findTarget(release.settings, instance.target)?.canBeAsked
      ? { ...instance, status: 'unseen' as const }
      : instance,
  ),
  phase: 'advancing',
  isStarted: false,
  intent: null,
  pausedUntil: null,
  message: null,
})

type Name = Pick<Place, 'id' | 'target'>

/** Those that the head has room for; the longest unasked first, so that all of them have their turn. */
const chooseFitting = (head: Head, release: Release, names: readonly Name[]): readonly Name[] => {
  const placeOf = indexNames(head.places)
  const askedAt = (name: Name) => placeOf(name)?.at ?? ''
  const inTurn = names
    .map(({ id, target }) => ({ id, target, wave: names.length }))
    .toSorted((one, other) => askedAt(one).localeCompare(askedAt(other)))
  return listFitting(head, release, inTurn, [])
}

/**
 * Takes in who is there now. Whoever has not said for a while that it serves the live release is asked,
 * and gets it where it does not; who cannot be reached is tried again with growing gaps; who is gone is
 * forgotten. It never brings anything else than what is live.
 */
export const converge = (draft: Draft, seen: Found, now: Instant): Draft => {
  const { head } = draft
  const { candidates, capacities } = seen
  const release = releaseToKeep(head)
  if (release === null || !isIdle(head)) return draft
  const asked = whoIsToBeAsked(head, release, seen, now)
  const strays = asked.filter(({ obstacle }) => obstacle === null)
  const before = indexNames(head.places)
  const absent = asked
    .filter(({ obstacle }) => obstacle !== null)
    .map((candidate) => toAbsent(candidate, before(candidate), now))
  const [candidateOf, absentOf] = [indexNames(candidates), indexNames(absent)]
  const known = head.places.filter(
    (place) => candidateOf(place) !== null && absentOf(place) === null,
  )
  if (asked.length === 0 && known.length === head.places.length) return draft
  const fitting = indexNames(
    chooseFitting({ ...head, places: known }, release, [...strays, ...absent]),
  )
  const isFitting = (one: Name) => fitting(one) !== null
  const noted = absent.filter(isFitting)
  // What has no room changes nothing: the next look is the clock's.
  const isSame = noted.length === 0 && known.length === head.places.length
  const places = [...known, ...noted]
  const listed = isSame ? draft : emit(draft, { kind: 'instances_listed', places })
  const chosen = strays.filter(isFitting)
  if (chosen.length === 0) return listed
  const deployment = openConvergence(release, chosen, capacities, now)
  return emit(listed, { kind: 'deployment_opened', deployment })
}
