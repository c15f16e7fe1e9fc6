import { addSeconds, type Instant } from '../kernel/clock.ts'
import { emit, type Draft } from './apply.ts'
import { isPast } from './deadline.ts'
import type { Advancing, Candidate, InstanceKey, Release } from './deployment.ts'
import { findTarget } from './find-target.ts'
import { listFitting } from './head-size.ts'
import {
  hasPendingRequest,
  hasPendingRollback,
  isUpToDate,
  type Head,
  type ObservedInstance,
  type Scan,
} from './head.ts'
import { keepOneTarget } from './meeting.ts'
import type { FoundInstances } from './observation.ts'
import { indexInstances, isCheckDue } from './observed.ts'
import { desiredRelease } from './quarantine.ts'
import { toInstances } from './wave.ts'

const isIdle = (head: Head): boolean =>
  head.deployment === null && !hasPendingRollback(head) && !hasPendingRequest(head)

/** Whether to list the instances now: a fleet scan asked for it, or an instance out of date is due. */
export const isRepairDue = (head: Head, scan: Scan | null, now: Instant): boolean =>
  desiredRelease(head) !== null &&
  isIdle(head) &&
  (scan !== null ||
    head.observed.some((place) => !isUpToDate(head, place) && isCheckDue(head, place, now)))

/** The instances to ask or to deploy to. Of a target that cannot be asked, only those known to be out of date. */
const selectDue = (
  head: Head,
  { settings }: Release,
  { candidates, scan }: FoundInstances,
  now: Instant,
): readonly Candidate[] => {
  const placeOf = indexInstances(head.observed)
  const returned = new Set(scan?.returned)
  return candidates.filter((candidate) => {
    const place = placeOf(candidate)
    if (findTarget(settings, candidate.target)?.canBeAsked !== true)
      return place !== null && !isUpToDate(head, place) && isCheckDue(head, place, now)
    if (place === null || isCheckDue(head, place, now)) return true
    return scan !== null && returned.has(candidate.id) && !isPast(scan.at, place.at)
  })
}

const toUnreachable = (
  { id, target, obstacle }: Candidate,
  before: ObservedInstance | null,
  now: Instant,
): ObservedInstance => ({
  id,
  target,
  generation: null,
  at: now,
  tries: (before?.tries ?? 0) + 1,
  reason: obstacle,
})

const createRepair = (
  release: Release,
  due: readonly Candidate[],
  capacities: readonly number[],
  now: Instant,
): Advancing => ({
  generation: release.generation,
  kind: 'repair',
  by: 'convergence',
  openedAt: now,
  deadlineAt: addSeconds(now, release.settings.deadlineSeconds),
  sentAt: null,
  firing: [],
  takesBack: null,
  release,
  instances: toInstances(release.settings, due, capacities).map((instance) =>
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

/** Finds the instances that the head has room for; the longest unasked come first, so that each has its turn. */
const indexFitting = (head: Head, release: Release, keys: readonly InstanceKey[]) => {
  const placeOf = indexInstances(head.observed)
  const askedAt = (key: InstanceKey) => placeOf(key)?.at ?? ''
  const inTurn = keys.toSorted((one, other) => askedAt(one).localeCompare(askedAt(other)))
  return indexInstances(listFitting(head, release, inTurn, []))
}

/**
 * Takes in which instances the live release has now. An instance that has not confirmed the live release for
 * a while is asked, and deployed to where it does not serve it; an unreachable one is tried again with growing
 * gaps, as is one that is new and that two targets select; one that is gone is removed. A repair never brings
 * anything but the live release.
 */
export const startRepair = (draft: Draft, found: FoundInstances, now: Instant): Draft => {
  const { head } = draft
  const { capacities } = found
  const release = desiredRelease(head)
  if (release === null || !isIdle(head)) return draft
  const candidates = keepOneTarget(found.candidates, head.observed, (first) => ({
    ...first,
    obstacle: 'instance_in_two_targets',
  }))
  const due = selectDue(head, release, { ...found, candidates }, now)
  const reachable = due.filter(({ obstacle }) => obstacle === null)
  const before = indexInstances(head.observed)
  const absent = due
    .filter(({ obstacle }) => obstacle !== null)
    .map((candidate) => toUnreachable(candidate, before(candidate), now))
  const [candidateOf, absentOf] = [indexInstances(candidates), indexInstances(absent)]
  const known = head.observed.filter(
    (place) => candidateOf(place) !== null && absentOf(place) === null,
  )
  if (due.length === 0 && known.length === head.observed.length) return draft
  const fitting = indexFitting({ ...head, observed: known }, release, [...reachable, ...absent])
  const noted = absent.filter((one) => fitting(one) !== null)
  // Instances without room change nothing; the schedule tries again.
  const isSame = noted.length === 0 && known.length === head.observed.length
  const observed = [...known, ...noted]
  const listed = isSame ? draft : emit(draft, { kind: 'instances_listed', observed })
  const chosen = reachable.filter((one) => fitting(one) !== null)
  if (chosen.length === 0) return listed
  const deployment = createRepair(release, chosen, capacities, now)
  return emit(listed, { kind: 'deployment_opened', deployment })
}
