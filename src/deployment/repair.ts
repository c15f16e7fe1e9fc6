import { addSeconds, type Instant } from '../kernel/clock.ts'
import { isPast } from './deadline.ts'
import { emit, type Draft } from './draft.ts'
import { findTarget } from './find-target.ts'
import { listFitting } from './head-size.ts'
import type { Advancing, Candidate, Release } from './deployment.ts'
import {
  hasPendingRequest,
  hasPendingRollback,
  type Scan,
  type Head,
  type ObservedInstance,
} from './head.ts'
import { toInstances } from './open.ts'
import { indexInstances, isCheckDue, isUpToDate, desiredRelease } from './observed.ts'

/** What was found of the instances of the live release. */
export interface FoundInstances {
  readonly candidates: readonly Candidate[]
  readonly capacities: readonly number[]
  readonly scan: Scan | null
}

const isIdle = (head: Head): boolean =>
  head.deployment === null && !hasPendingRollback(head) && !hasPendingRequest(head)

/** Whether to look who is there: somebody came, the hour is over, or a stray may be tried again. */
export const isRepairDue = (head: Head, scan: Scan | null, now: Instant): boolean =>
  desiredRelease(head) !== null &&
  isIdle(head) &&
  (scan !== null ||
    head.observed.some((place) => !isUpToDate(head, place) && isCheckDue(head, place, now)))

/** Where nobody can be asked what they serve, only what is known to be wrong is put right. */
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
  candidate: Candidate,
  before: ObservedInstance | null,
  now: Instant,
): ObservedInstance => ({
  id: candidate.id,
  target: candidate.target,
  generation: null,
  at: now,
  tries: (before?.tries ?? 0) + 1,
  reason: candidate.obstacle,
})

const openRepair = (
  release: Release,
  strays: readonly Candidate[],
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

type RepairName = Pick<ObservedInstance, 'id' | 'target'>

/** Those that the head has room for; the longest unasked first, so that all of them have their turn. */
const chooseFitting = (
  head: Head,
  release: Release,
  names: readonly RepairName[],
): readonly RepairName[] => {
  const placeOf = indexInstances(head.observed)
  const askedAt = (name: RepairName) => placeOf(name)?.at ?? ''
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
export const startRepair = (draft: Draft, seen: FoundInstances, now: Instant): Draft => {
  const { head } = draft
  const { candidates, capacities } = seen
  const release = desiredRelease(head)
  if (release === null || !isIdle(head)) return draft
  const asked = selectDue(head, release, seen, now)
  const strays = asked.filter(({ obstacle }) => obstacle === null)
  const before = indexInstances(head.observed)
  const absent = asked
    .filter(({ obstacle }) => obstacle !== null)
    .map((candidate) => toUnreachable(candidate, before(candidate), now))
  const [candidateOf, absentOf] = [indexInstances(candidates), indexInstances(absent)]
  const known = head.observed.filter(
    (place) => candidateOf(place) !== null && absentOf(place) === null,
  )
  if (asked.length === 0 && known.length === head.observed.length) return draft
  const fitting = indexInstances(
    chooseFitting({ ...head, observed: known }, release, [...strays, ...absent]),
  )
  const isFitting = (one: RepairName) => fitting(one) !== null
  const noted = absent.filter(isFitting)
  // What has no room changes nothing: the next look is the clock's.
  const isSame = noted.length === 0 && known.length === head.observed.length
  const observed = [...known, ...noted]
  const listed = isSame ? draft : emit(draft, { kind: 'instances_listed', observed })
  const chosen = strays.filter(isFitting)
  if (chosen.length === 0) return listed
  const deployment = openRepair(release, chosen, capacities, now)
  return emit(listed, { kind: 'deployment_opened', deployment })
}
