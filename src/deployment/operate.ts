import type { Instant } from '../kernel/clock.ts'
import type { Commit, Digest, Generation } from '../kernel/id.ts'
import type { Reason } from '../kernel/reason.ts'
import { fail, succeed, type Result } from '../kernel/result.ts'
import { draftOf, emit, type Draft } from './draft.ts'
import {
  hasEnded,
  isRepair,
  type Deployment,
  type OpenDeployment,
  type Release,
} from './deployment.ts'
import {
  hasPendingRequest,
  hasPendingRollback,
  liveRelease,
  type Head,
  type RollbackRequest,
  type Operation,
  type Request,
} from './head.ts'
import { entriesAgainst, entriesFor, isQuarantined, isSameContent } from './quarantine.ts'

/** A release to go back to, as a person names it: its deployment's number, its commit or its digest. */
export type ReleaseName = Generation | Commit | Digest

/** The newest release before the live one that may go out. */
export const lastGoodRelease = (head: Head): Release | null =>
  head.releases.slice(1).find((release) => !isQuarantined(head, release)) ?? null

/** What a pending take-back still has to bring back once nothing is open; null where that is done. */
export const releaseToBringBack = (head: Head): Release | null => {
  const { rollback: takeBack } = head
  if (takeBack === null || takeBack.kind === 'cancel') return null
  if (takeBack.to !== null)
    return head.releases.find(({ generation }) => generation === takeBack.to) ?? null
  const wasLive = head.releases.some(({ generation }) => generation === takeBack.generation)
  return wasLive ? lastGoodRelease(head) : null
}

/** An open deployment, or none: one that has ended is on its way out, and a convergence out of the way. */
export const openDeployment = ({ deployment }: Head): OpenDeployment | null =>
  deployment === null || hasEnded(deployment) || isRepair(deployment) ? null : deployment

const quarantineContent = (draft: Draft, left: Release, releases: readonly Release[]): Draft =>
  emit(draft, { kind: 'content_quarantined', entries: entriesFor(releases, left) })

/** What goes back to a release of the very same content leaves nothing that could be at fault. */
const quarantineOpen = (draft: Draft, { release }: Deployment): Draft => {
  const { releases } = draft.head
  const live = liveRelease(draft.head)
  return live !== null && isSameContent(live, release)
    ? draft
    : quarantineContent(draft, release, [release, ...releases])
}

const quarantineLive = (draft: Draft, generation: Generation): Draft => {
  const open = openDeployment(draft.head)
  if (open?.generation === generation) return quarantineOpen(draft, open)
  const { releases } = draft.head
  const left = releases.find((release) => release.generation === generation)
  return left === undefined ? draft : quarantineContent(draft, left, releases)
}

/** Who names a release to go back to leaves every one in front of it, unless it is the very same. */
const quarantinePassed = (draft: Draft, to: Generation | null): Draft => {
  const { releases } = draft.head
  const at = releases.findIndex(({ generation }) => generation === to)
  const aim = releases[at]
  if (aim === undefined) return draft
  const passed = releases.slice(0, at).filter((release) => !isSameContent(release, aim))
  return passed
    .toReversed()
    .reduce((before, release) => quarantineContent(before, release, releases), draft)
}

/**
 * Notes that a deployment is to be taken back, and quarantines what it brought. A rollback sets the
 * mark to now: what was pushed before it does not come out by itself.
 */
export const requestRollback = (
  draft: Draft,
  word: Omit<RollbackRequest, 'refusal'>,
  now: Instant,
): Draft => {
  const noted = emit(draft, { kind: 'rollback_requested', request: word })
  if (word.kind === 'cancel') return noted
  const order = { createdAt: now, number: Number.MAX_SAFE_INTEGER }
  return emit(quarantineLive(quarantinePassed(noted, word.to), word.generation), {
    kind: 'mark_raised',
    order,
  })
}

/** Whether there is a release to go back to, once this one is left. */
export const hasEarlierRelease = (head: Head, generation: Generation): boolean =>
  head.releases.some((release) => release.generation === generation) &&
  lastGoodRelease(quarantineLive(draftOf(head), generation).head) !== null

export interface Issued {
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
const rollbackObstacle = (head: Head): Reason | null => {
  if (hasPendingRollback(head)) return 'request_pending'
  const open = openDeployment(head)
  return open !== null && (open.kind === 'rollback' || open.phase === 'withdrawing')
    ? 'going_back'
    : null
}

/**
 * A person's rollback: what is open is cancelled and taken back; with nothing open, what is live.
 * Without `to` it goes to the last good release.
 */
export const rollBack = (
  draft: Draft,
  name: ReleaseName | null,
  { by, at }: Issued,
): Result<Draft, Reason> => {
  const { head } = draft
  const obstacle = rollbackObstacle(head)
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
  const next = requestRollback(
    draft,
    { ...word, to: isAim ? null : (to?.value.generation ?? null) },
    at,
  )
  const isPossible = open !== null || releaseToBringBack(next.head) !== null
  return isPossible ? succeed(next) : fail('nothing_to_roll_back_to')
}

/** Nothing is open yet: what is live stays, and may be gone back to again. */
const cancelRollback = (draft: Draft, called: RollbackRequest): Draft => {
  const kept = emit(draft, { kind: 'rollback_refused', request: called, reason: 'cancelled' })
  const live = draft.head.releases.find(({ generation }) => generation === called.generation)
  const entries = live === undefined ? [] : entriesAgainst(draft.head, live)
  return entries.length === 0 ? kept : emit(kept, { kind: 'quarantine_lifted', entries })
}

/**
 * A person's cancel: of the open deployment, of a rollback that was not opened yet, or of a request
 * that was not taken up yet.
 */
export const cancelDeployment = (draft: Draft, { by, at }: Issued): Result<Draft, Reason> => {
  const { head } = draft
  const { rollback: called } = head
  const isIdle = head.deployment === null || isRepair(head.deployment)
  if (isIdle && called !== null && hasPendingRollback(head))
    return succeed(cancelRollback(draft, called))
  const obstacle = rollbackObstacle(head)
  if (obstacle !== null) return fail(obstacle)
  const open = openDeployment(head)
  if (open !== null) {
    const { generation } = open
    const word = { kind: 'cancel', reason: 'cancelled', generation, to: null, by, at } as const
    return succeed(requestRollback(draft, word, at))
  }
  if (!hasPendingRequest(head)) return fail('nothing_open')
  return succeed(emit(draft, { kind: 'redeploy_refused', reason: 'cancelled' }))
}

/** What an operator says besides `redeploy`, which reconcile has to look things up for. */
export type OperatorCommand =
  | { readonly kind: 'rollback'; readonly to: ReleaseName | null }
  | { readonly kind: 'cancel' }
  | { readonly kind: 'freeze'; readonly reason: string }
  | { readonly kind: 'unfreeze' }

const decideCommand = (
  draft: Draft,
  word: OperatorCommand,
  said: Issued,
): Result<Draft, Reason> => {
  switch (word.kind) {
    case 'rollback':
      return rollBack(draft, word.to, said)
    case 'cancel':
      return cancelDeployment(draft, said)
    case 'freeze': {
      const freeze = { reason: word.reason, ...said }
      return succeed(emit(draft, { kind: 'frozen', freeze, cause: 'person' }))
    }
    case 'unfreeze':
      return draft.head.freeze === null
        ? fail('not_frozen')
        : succeed(emit(draft, { kind: 'unfrozen', by: said.by }))
  }
}

/** The operation of this id, where it was done before. */
export const findOperation = (head: Head, id: string): Operation | null =>
  head.operations.find((operation) => operation.id === id) ?? null

/** Does what an operator says; a word that was heard before changes nothing. */
export const operate = (
  draft: Draft,
  word: OperatorCommand,
  said: Issued,
  id: string,
): Result<Draft, Reason> => {
  if (findOperation(draft.head, id) !== null) return succeed(draft)
  const followed = decideCommand(draft, word, said)
  if (!followed.ok) return followed
  const operation = { id, kind: word.kind, ...said }
  return succeed(emit(followed.value, { kind: 'operation_recorded', operation }))
}

/** Notes the wish to deploy again; reconcile looks up what it needs and takes it up. */
export const requestRedeploy = (draft: Draft, wish: Request, id: string): Draft => {
  if (findOperation(draft.head, id) !== null) return draft
  const { by, at } = wish
  return emit(
    draft,
    { kind: 'redeploy_requested', request: wish },
    { kind: 'operation_recorded', operation: { id, kind: 'redeploy', by, at } },
  )
}
