import type { Instant } from '../kernel/clock.ts'
import type { Commit, Digest, Generation } from '../kernel/id.ts'
import type { Reason } from '../kernel/reason.ts'
import { fail, succeed, type Result } from '../kernel/result.ts'
import {
  hasEnded,
  hasPendingRequest,
  hasPendingTakeBack,
  isConverging,
  liveRelease,
  type Deployment,
  type Head,
  type Release,
  type TakeBack,
} from './head.ts'
import { isQuarantined, isSameContent, liftQuarantine, quarantineRelease } from './quarantine.ts'
import { newerOrder } from './revision.ts'

/** A release to go back to, as a person names it: its deployment's number, its commit or its digest. */
export type ReleaseName = Generation | Commit | Digest

/** The newest release before the live one that may go out. */
export const lastGoodRelease = (head: Head): Release | null =>
  head.releases.slice(1).find((release) => !isQuarantined(head, release)) ?? null

/** What a pending take-back still has to bring back once nothing is open; null where that is done. */
export const releaseToBringBack = (head: Head): Release | null => {
  const { takeBack } = head
  if (takeBack === null || takeBack.kind === 'cancel') return null
  if (takeBack.to !== null)
    return head.releases.find(({ generation }) => generation === takeBack.to) ?? null
  const wasLive = head.releases.some(({ generation }) => generation === takeBack.generation)
  return wasLive ? lastGoodRelease(head) : null
}

/** An open deployment, or none: one that has ended is on its way out, and a convergence out of the way. */
export const openDeployment = ({ deployment }: Head): Deployment | null =>
  deployment === null || hasEnded(deployment) || isConverging(deployment) ? null : deployment

/** A rollback sets the mark to now: what was pushed before it does not come out by itself. */
const raiseMark = (head: Head, now: Instant): Head => ({
  ...head,
  mark: newerOrder(head.mark, { createdAt: now, number: Number.MAX_SAFE_INTEGER }),
})

const quarantine = (head: Head, generation: Generation): Head => {
  const open = openDeployment(head)
  if (open?.generation === generation) return quarantineOpen(head, open)
  const left = head.releases.find((release) => release.generation === generation)
  return left === undefined ? head : quarantineRelease(head, left)
}

/** What goes back to a release of the very same content leaves nothing that could be at fault. */
const quarantineOpen = (head: Head, { release }: Deployment): Head => {
  const live = liveRelease(head)
  if (live !== null && isSameContent(live, release)) return head
  const { quarantine: quarantined } = quarantineRelease(
    { ...head, releases: [release, ...head.releases] },
    release,
  )
  return { ...head, quarantine: quarantined }
}

/** Who names a release to go back to leaves every one in front of it, unless it is the very same. */
const quarantinePassed = (head: Head, to: Generation | null): Head => {
  const at = head.releases.findIndex(({ generation }) => generation === to)
  const aim = head.releases[at]
  if (aim === undefined) return head
  const passed = head.releases.slice(0, at).filter((release) => !isSameContent(release, aim))
  return passed.toReversed().reduce(quarantineRelease, head)
}

/** Notes that a deployment is to be taken back, and quarantines what it brought. */
export const takeBack = (head: Head, word: Omit<TakeBack, 'refusal'>, now: Instant): Head => {
  const noted = { ...head, takeBack: { ...word, refusal: null } }
  if (word.kind === 'cancel') return noted
  return raiseMark(quarantine(quarantinePassed(noted, word.to), word.generation), now)
}

/** Whether there is a release to go back to, once this one is left. */
export const leadsBack = (head: Head, generation: Generation): boolean =>
  head.releases.some((release) => release.generation === generation) &&
  lastGoodRelease(quarantine(head, generation)) !== null

export interface Word {
  readonly by: string
  readonly at: Instant
}

const isNamed = (release: Release, name: ReleaseName): boolean =>
  release.generation === name || release.commit === name || release.digest === name

const findRelease = (head: Head, name: ReleaseName): Result<Release, Reason> => {
  const found = head.releases.find((release) => isNamed(release, name))
  if (found === undefined) return fail('release_unknown')
  return isQuarantined(head, found) ? fail('quarantined') : succeed(found)
}

/** What stands in the way of taking anything back now. */
const obstacleOf = (head: Head): Reason | null => {
  if (hasPendingTakeBack(head)) return 'request_pending'
  const open = openDeployment(head)
  return open !== null && (open.kind === 'rollback' || open.stage === 'restoring')
    ? 'going_back'
    : null
}

/**
 * A person's rollback: what is open is cancelled and taken back; with nothing open, what is live.
 * Without `to` it goes to the last good release.
 */
export const rollBack = (
  head: Head,
  name: ReleaseName | null,
  { by, at }: Word,
): Result<Head, Reason> => {
  const obstacle = obstacleOf(head)
  if (obstacle !== null) return fail(obstacle)
  const open = openDeployment(head)
  const live = liveRelease(head)
  const to = name === null ? null : findRelease(head, name)
  if (to?.ok === false) return to
  const generation = open?.generation ?? live?.generation
  if (generation === undefined) return fail('nothing_live')
  if (to?.value.generation === generation) return fail('already_live')
  const isAim = to?.value.generation === live?.generation
  const word = { kind: 'rollback', reason: 'rolled_back', generation, by, at } as const
  const next = takeBack(head, { ...word, to: isAim ? null : (to?.value.generation ?? null) }, at)
  const isPossible = open !== null || releaseToBringBack(next) !== null
  return isPossible ? succeed(next) : fail('nothing_to_roll_back_to')
}

/** Nothing is open yet: what is live stays, and may be gone back to again. */
const callOff = (head: Head, called: TakeBack): Head => {
  const kept = { ...head, takeBack: { ...called, refusal: 'cancelled' as const } }
  const live = head.releases.find(({ generation }) => generation === called.generation)
  return live === undefined ? kept : liftQuarantine(kept, live)
}

/**
 * A person's cancel: of the open deployment, of a rollback that was not opened yet, or of a request
 * that was not taken up yet.
 */
export const cancel = (head: Head, { by, at }: Word): Result<Head, Reason> => {
  const { takeBack: called } = head
  const isIdle = head.deployment === null || isConverging(head.deployment)
  if (isIdle && called !== null && hasPendingTakeBack(head)) return succeed(callOff(head, called))
  const obstacle = obstacleOf(head)
  if (obstacle !== null) return fail(obstacle)
  const open = openDeployment(head)
  if (open !== null) {
    const { generation } = open
    const word = { kind: 'cancel', reason: 'cancelled', generation, to: null, by, at } as const
    return succeed(takeBack(head, word, at))
  }
  if (head.request === null || !hasPendingRequest(head)) return fail('nothing_open')
  return succeed({ ...head, request: { ...head.request, refusal: 'cancelled' } })
}
