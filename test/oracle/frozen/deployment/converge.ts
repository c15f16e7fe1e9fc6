import { addSeconds, type Instant } from '../kernel/clock.ts'
import type { InstanceId } from '../kernel/id.ts'
import { isPast } from './deadline.ts'
import {
  hasPendingRequest,
  hasPendingTakeBack,
  type Deployment,
  type Head,
  type Place,
  type Release,
} from './head.ts'
import { toInstances, type Candidate } from './open.ts'
import { isPlaceDue, isSamePlace, isSettled, placeOf, releaseToKeep } from './places.ts'

/** Somebody looked who is there, whatever was known. */
export interface Called {
  readonly at: Instant
  /** Those who have only just come (back) online: whatever they said before it counts no more. */
  readonly returned: readonly InstanceId[]
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
const isToBeAsked = (
  head: Head,
  { settings }: Release,
  candidate: Candidate,
  called: Called | null,
  now: Instant,
): boolean => {
  const place = placeOf(head, candidate)
  if (settings.targets[candidate.target]?.kind !== 'ec2')
    return place !== null && !isSettled(head, place) && isPlaceDue(head, place, now)
  if (place === null || isPlaceDue(head, place, now)) return true
  return called !== null && called.returned.includes(candidate.id) && !isPast(called.at, place.at)
}

const toAbsent = (head: Head, candidate: Candidate, now: Instant): Place => ({
  id: candidate.id,
  target: candidate.target,
  generation: null,
  at: now,
  tries: (placeOf(head, candidate)?.tries ?? 0) + 1,
  reason: candidate.obstacle,
})

const openConvergence = (
  release: Release,
  strays: readonly Candidate[],
  capacities: readonly number[],
  now: Instant,
): Deployment => ({
  generation: release.generation,
  kind: 'converge',
  by: 'convergence',
  status: 'queued',
  stage: 'rolling',
  openedAt: now,
  deadlineAt: addSeconds(now, release.settings.deadlineSeconds),
  sentAt: null,
  endedAt: null,
  firing: [],
  takesBack: null,
  rolledBackBy: null,
  release,
  instances: toInstances(release.settings, strays, capacities).map((instance) =>
    release.settings.targets[instance.target]?.kind === 'ec2'
      ? { ...instance, status: 'unseen' as const }
      : instance,
  ),
  intent: null,
  pausedUntil: null,
  reason: null,
  message: null,
})

/**
 * Takes in who is there now. Whoever has not said for a while that it serves the live release is asked,
 * and gets it where it does not; who cannot be reached is tried again with growing gaps; who is gone is
 * forgotten. It never brings anything else than what is live.
 */
export const converge = (
  head: Head,
  candidates: readonly Candidate[],
  capacities: readonly number[],
  called: Called | null,
  now: Instant,
): Head => {
  const release = releaseToKeep(head)
  if (release === null || !isIdle(head)) return head
  const asked = candidates.filter((one) => isToBeAsked(head, release, one, called, now))
  const strays = asked.filter(({ obstacle }) => obstacle === null)
  const absent = asked
    .filter(({ obstacle }) => obstacle !== null)
    .map((candidate) => toAbsent(head, candidate, now))
  const known = head.places.filter(
    (place) =>
      candidates.some((one) => isSamePlace(one, place)) &&
      !absent.some((one) => isSamePlace(one, place)),
  )
  if (asked.length === 0 && known.length === head.places.length) return head
  return {
    ...head,
    places: [...known, ...absent],
    deployment: strays.length === 0 ? null : openConvergence(release, strays, capacities, now),
  }
}
