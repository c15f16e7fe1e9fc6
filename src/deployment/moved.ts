import type { Digest, RevisionId } from '../kernel/id.ts'
import type { Finished, Head } from './head.ts'
import { liveRelease } from './head.ts'
import type { Revision } from './revision.ts'

/** The newest deployment that somebody may wait for: a rollback is nobody's push. */
const lastFinished = ({ finished }: Head): Finished | null =>
  finished.find(({ kind }) => kind !== 'rollback') ?? null

/** Those that are awaited, besides the waiting ones. */
export const listRecent = (head: Head): readonly RevisionId[] => {
  const ids = [liveRelease(head)?.revision ?? null, lastFinished(head)?.commit ?? null]
  return [...new Set(ids.filter((id) => id !== null))]
}

/** The image that the last deployment had, if it was of this commit. */
export const lastDigest = (head: Head, { commit }: Revision): Digest | null => {
  const last = lastFinished(head)
  return last !== null && last.commit !== null && last.commit === commit ? last.digest : null
}

/**
 * The image that a commit waits with, serves with or was last tried with. Null for an older commit: a newer one has gone
 * out since, so that nobody waits for another image of it.
 */
export const awaitedDigest = (head: Head, revision: Revision): Digest | null => {
  const { id, status, digest } = revision
  if (status === 'waiting') return digest
  const live = liveRelease(head)
  return live?.revision === id ? live.digest : lastDigest(head, revision)
}

/** What the tag of an awaited commit names by now, where that is another image. */
export const findMoved = (head: Head, revision: Revision): Digest | null => {
  const awaited = awaitedDigest(head, revision)
  return awaited === null || awaited === revision.moved ? null : revision.moved
}
