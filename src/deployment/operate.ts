import type { Instant } from '../kernel/clock.ts'
import type { Generation } from '../kernel/id.ts'
import type { Reason } from '../kernel/reason.ts'
import { fail, succeed, type Result } from '../kernel/result.ts'
import { emit, type Draft } from './apply.ts'
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
  type Operation,
  type Request,
  type RollbackRequest,
} from './head.ts'
import type { Observation, OperatorCommand, ReleaseName } from './observation.ts'
import { entriesAgainst, entriesFor, isQuarantined, isSameContent } from './quarantine.ts'

/** The newest release before the live one that is not quarantined. */
export const lastGoodRelease = (head: Head): Release | null =>
  head.releases.slice(1).find((release) => !isQuarantined(head, release)) ?? null

/** What a pending rollback request still has to bring back once nothing is open; null where that is done. */
export const releaseToBringBack = (head: Head): Release | null => {
  const { rollback, releases } = head
  if (rollback === null || rollback.kind === 'cancel') return null
  if (rollback.to !== null)
    return releases.find(({ generation }) => generation === rollback.to) ?? null
  const wasLive = releases.some(({ generation }) => generation === rollback.generation)
  return wasLive ? lastGoodRelease(head) : null
}

/** The open deployment; an ended one that is not archived yet and a repair do not count. */
export const openDeployment = ({ deployment }: Head): OpenDeployment | null =>
  deployment === null || hasEnded(deployment) || isRepair(deployment) ? null : deployment

const quarantineContent = (draft: Draft, left: Release, releases: readonly Release[]): Draft =>
  emit(draft, { kind: 'content_quarantined', entries: entriesFor(releases, left) })

/** A deployment with the content of the live release has nothing that could be at fault. */
const quarantineOpen = (draft: Draft, { release }: Deployment): Draft => {
  const { releases } = draft.head
  const live = liveRelease(draft.head)
  return live !== null && isSameContent(live, release)
    ? draft
    : quarantineContent(draft, release, [release, ...releases])
}

const quarantineTaken = (draft: Draft, generation: Generation): Draft => {
  const open = openDeployment(draft.head)
  if (open?.generation === generation) return quarantineOpen(draft, open)
  const { releases } = draft.head
  const left = releases.find((release) => release.generation === generation)
  return left === undefined ? draft : quarantineContent(draft, left, releases)
}

/** A rollback to a named release also quarantines the newer ones, unless they have its content. */
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
 * Requests that a deployment is taken back, and quarantines its content. A rollback sets the mark to now:
 * commits pushed before it are not deployed automatically.
 */
export const requestRollback = (
  draft: Draft,
  request: Omit<RollbackRequest, 'refusal'>,
  now: Instant,
): Draft => {
  const requested = emit(draft, { kind: 'rollback_requested', request })
  if (request.kind === 'cancel') return requested
  const order = { createdAt: now, number: Number.MAX_SAFE_INTEGER }
  const quarantined = quarantineTaken(quarantinePassed(requested, request.to), request.generation)
  return emit(quarantined, { kind: 'mark_raised', order })
}

/** Whether there is a release to go back to, once this one is quarantined. */
export const hasEarlierRelease = (head: Head, generation: Generation): boolean =>
  head.releases.some((release) => release.generation === generation) &&
  lastGoodRelease(quarantineTaken({ head, events: [] }, generation).head) !== null

type Issued = Pick<Operation, 'by' | 'at'>

const findRelease = (head: Head, name: ReleaseName): Result<Release, Reason> => {
  const found = head.releases.find(
    ({ generation, commit, digest }) => generation === name || commit === name || digest === name,
  )
  if (found === undefined) return fail('release_unknown')
  return isQuarantined(head, found) ? fail('quarantined') : succeed(found)
}

/** Why nothing can be taken back now. */
const rollbackObstacle = (head: Head): Reason | null => {
  if (hasPendingRollback(head)) return 'request_pending'
  const open = openDeployment(head)
  return open !== null && (open.kind === 'rollback' || open.phase === 'withdrawing')
    ? 'going_back'
    : null
}

/**
 * A person's rollback of the open deployment, which is cancelled, or else of the live release. Without a
 * name it goes to the last good release.
 */
const rollBack = (
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
  const request = {
    kind: 'rollback',
    reason: 'rolled_back',
    generation,
    to: isAim ? null : (to?.value.generation ?? null),
    by,
    at,
  } as const
  const next = requestRollback(draft, request, at)
  const isPossible = open !== null || releaseToBringBack(next.head) !== null
  return isPossible ? succeed(next) : fail('nothing_to_roll_back_to')
}

/** The rollback is not open yet: the live release stays, and its quarantine is lifted. */
const cancelRollback = (draft: Draft, request: RollbackRequest): Draft => {
  const kept = emit(draft, { kind: 'rollback_refused', request, reason: 'cancelled' })
  const live = draft.head.releases.find(({ generation }) => generation === request.generation)
  const entries = live === undefined ? [] : entriesAgainst(draft.head, live)
  return entries.length === 0 ? kept : emit(kept, { kind: 'quarantine_lifted', entries })
}

/** A person's cancel of a rollback request, of the open deployment, or of a request to deploy. */
const cancelDeployment = (draft: Draft, { by, at }: Issued): Result<Draft, Reason> => {
  const { head } = draft
  const { rollback, deployment } = head
  const isIdle = deployment === null || isRepair(deployment)
  if (isIdle && rollback !== null && hasPendingRollback(head))
    return succeed(cancelRollback(draft, rollback))
  const obstacle = rollbackObstacle(head)
  if (obstacle !== null) return fail(obstacle)
  const open = openDeployment(head)
  if (open !== null) {
    const { generation } = open
    const request = { kind: 'cancel', reason: 'cancelled', generation, to: null, by, at } as const
    return succeed(requestRollback(draft, request, at))
  }
  if (!hasPendingRequest(head)) return fail('nothing_open')
  return succeed(emit(draft, { kind: 'redeploy_refused', reason: 'cancelled' }))
}

const decideCommand = (
  draft: Draft,
  command: OperatorCommand,
  issued: Issued,
): Result<Draft, Reason> => {
  switch (command.kind) {
    case 'rollback':
      return rollBack(draft, command.to, issued)
    case 'cancel':
      return cancelDeployment(draft, issued)
    case 'freeze': {
      const freeze = { reason: command.reason, ...issued }
      return succeed(emit(draft, { kind: 'frozen', freeze, cause: 'person' }))
    }
    case 'unfreeze':
      return draft.head.freeze === null
        ? fail('not_frozen')
        : succeed(emit(draft, { kind: 'unfrozen', by: issued.by }))
  }
}

/** The operation of this id, where it was carried out before. */
export const findOperation = (head: Head, id: string): Operation | null =>
  head.operations.find((operation) => operation.id === id) ?? null

/** Carries out an operator's command; a repeated one changes nothing. */
export const operate = (
  draft: Draft,
  { command, by, id }: Extract<Observation, { kind: 'operated' }>,
  now: Instant,
): Result<Draft, Reason> => {
  if (findOperation(draft.head, id) !== null) return succeed(draft)
  const decided = decideCommand(draft, command, { by, at: now })
  if (!decided.ok) return decided
  const operation = { id, kind: command.kind, by, at: now }
  return succeed(emit(decided.value, { kind: 'operation_recorded', operation }))
}

/** Records the request to deploy again; reconcile looks up what it needs and takes it up. */
export const requestRedeploy = (draft: Draft, request: Request, id: string): Draft => {
  if (findOperation(draft.head, id) !== null) return draft
  const { by, at } = request
  return emit(
    draft,
    { kind: 'redeploy_requested', request },
    { kind: 'operation_recorded', operation: { id, kind: 'redeploy', by, at } },
  )
}
