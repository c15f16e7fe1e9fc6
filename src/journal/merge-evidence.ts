import {
  ciKey,
  runsOf,
  type CiEvidence,
  type Evidence,
  type ImageEvidence,
  type PushEvidence,
  type Revision,
} from '../deployment/revision.ts'
import { secondsBetween, type Instant } from '../kernel/clock.ts'

/** A repetition may tell of the commit what the first did not: a webhook that comes after the look-up. */
const keepOrigin = <Kind extends Evidence>(kept: Kind, other: Kind | null): Kind =>
  kept.origin === null && other !== null && other.origin !== null
    ? { ...kept, origin: other.origin }
    : kept

/**
 * The greatest (run number, attempt) wins; a run keeps the earliest creation time of its attempts, so that
 * the order of arrival does not matter.
 */
const mergeCi = (recorded: CiEvidence | undefined, evidence: CiEvidence): CiEvidence => {
  if (!recorded || evidence.runNumber > recorded.runNumber) return evidence
  if (evidence.runNumber < recorded.runNumber) return recorded
  const isRepeated = evidence.attempt === recorded.attempt
  const kept = isRepeated ? keepOrigin(recorded, evidence) : recorded
  const newest = evidence.attempt > recorded.attempt ? evidence : kept
  const oldest = secondsBetween(recorded.createdAt, evidence.createdAt) < 0 ? evidence : recorded
  const { createdAt } = oldest
  return createdAt === newest.createdAt ? newest : { ...newest, createdAt }
}

/** The newest: the runs of a branch set back to the commit belong to this push, not to the first. */
const mergePush = (recorded: PushEvidence | null, evidence: PushEvidence): PushEvidence =>
  recorded && secondsBetween(recorded.pushedAt, evidence.pushedAt) <= 0
    ? keepOrigin(recorded, evidence)
    : keepOrigin(evidence, recorded)

/** A replayed hint carries its first time; a later time means another push of the tag, with its own labels. */
const mergeImage = (recorded: ImageEvidence | null, evidence: ImageEvidence): ImageEvidence =>
  recorded && secondsBetween(recorded.seenAt, evidence.seenAt) <= 0 ? recorded : evidence

/** A run of the same workflow, as far as is known: each of two files of one name has its own. */
const findRecorded = (
  { ci }: Revision,
  { workflowId, ...evidence }: CiEvidence,
): readonly [string, CiEvidence] | undefined =>
  Object.entries(ci).find(
    ([, run]) =>
      run.ci === evidence.ci &&
      run.workflow === evidence.workflow &&
      (run.workflowId === workflowId || run.workflowId === null || workflowId === null),
  )

/** The item must fit into the journal, however many files have one name. */
const mostWorkflowsOfName = 16

const addCi = (revision: Revision, evidence: CiEvidence): Revision => {
  const [recordedName, recorded] = findRecorded(revision, evidence) ?? []
  const others = runsOf(revision, evidence).length
  if (recorded === undefined && others >= mostWorkflowsOfName) return revision
  const first = ciKey(evidence.ci, evidence.workflow)
  const name = recordedName ?? (others === 0 ? first : `${first} ${evidence.workflowId}`)
  const run = mergeCi(recorded, evidence)
  return run === recorded ? revision : { ...revision, ci: { ...revision.ci, [name]: run } }
}

const addEvidence = (revision: Revision, evidence: Evidence): Revision => {
  switch (evidence.kind) {
    case 'ci':
      return addCi(revision, evidence)
    case 'push': {
      const push = mergePush(revision.push, evidence)
      return push === revision.push ? revision : { ...revision, push }
    }
    case 'image': {
      const image = mergeImage(revision.image, evidence)
      return image === revision.image ? revision : { ...revision, image, asked: null }
    }
  }
}

/** The commit was pushed anew (a branch set back to it): another run, not another attempt of one. */
const isNewRun = (revision: Revision, evidence: Evidence): boolean => {
  if (evidence.kind !== 'ci') return false
  const [, recorded] = findRecorded(revision, evidence) ?? []
  return recorded !== undefined && recorded.runId !== evidence.runId
}

/** A run may have pushed the image anew, as a hint of the registry says that it was. */
const mayMoveTag = (evidence: Evidence): boolean =>
  evidence.kind === 'image' || (evidence.kind === 'ci' && evidence.conclusion === 'success')

/**
 * The revision with the evidence in it, or null where it says nothing new. A refused or expired revision
 * waits again (a re-run turned green), and the registry is asked again. A deployed or superseded one stays
 * so, because its order is at or below the mark; only a new run gives it another order. One that waits for
 * a person goes on to do so, unless its CI turned red. Where an image is found already, its tag is compared again.
 */
export const mergeEvidence = (
  revision: Revision,
  evidence: Evidence,
  receivedAt: Instant,
): Revision | null => {
  const added = addEvidence(revision, evidence)
  if (added === revision) return null
  // What a commit is decides nothing: it brings no revision back.
  if (addEvidence(revision, { ...evidence, origin: null }) === revision) return added
  const isFound = added.digest !== null && mayMoveTag(evidence)
  const merged = isFound ? { ...added, asked: null } : added
  const mayReturn = revision.status === 'refused' || revision.status === 'expired'
  if (revision.status === 'waiting') {
    const isRed = evidence.kind === 'ci' && evidence.conclusion === 'failure'
    return isRed ? { ...merged, reason: null } : merged
  }
  if (!(mayReturn || isNewRun(revision, evidence))) return merged
  const waiting = { status: 'waiting', reason: null, waitingSince: receivedAt } as const
  const unasked = { digest: null, asked: null, moved: null, lookedUp: null, lacked: null }
  return { ...merged, ...waiting, ...unasked }
}
