import type { App } from '../deployment/app.ts'
import { isPast } from '../deployment/deadline.ts'
import type { Head } from '../deployment/head.ts'
import { awaitedDigest, findMoved } from '../deployment/moved.ts'
import { isToCompare, type Revision } from '../deployment/revision.ts'
import { toInstant, type Instant } from '../kernel/clock.ts'
import type { ReconcilePorts } from './ports.ts'
import { toTag } from './find-image.ts'

/** Over half an hour; a later push or run is compared anew. */
const mostCompares = 10

const isDue = (revision: Revision, now: Instant): boolean => {
  const retryAt = revision.asked?.retryAt ?? null
  return isToCompare(revision) && (retryAt === null || isPast(retryAt, now))
}

const gapSeconds = ({ asked }: Revision): number =>
  Math.min(300, 15 * 2 ** Math.min(10, asked?.count ?? 0))

/** The image under the tag of an awaited commit, by HEAD, which no quota counts; null for any other revision. */
const findUnderTag = (ports: ReconcilePorts, head: Head, app: App, revision: Revision) => {
  const { commit } = revision
  return commit === null || awaitedDigest(head, revision) === null || !app.tag.includes('{commit}')
    ? null
    : ports.images.findDigest(app, toTag(app, commit))
}

/**
 * Looks whether the tag of a commit whose image was found before its newest evidence names another image by now: no
 * evidence brings a commit out a second time. Reported once while it is so, and before it is recorded: a run that dies
 * in between reports it a second time. True where it has compared one.
 */
export const compareTag = async (
  ports: ReconcilePorts,
  head: Head,
  app: App,
  revisions: readonly Revision[],
  report: (revision: Revision, message: string) => Promise<void>,
): Promise<boolean> => {
  const now = toInstant(ports.clock())
  const revision = revisions.find((one) => isDue(one, now))
  if (revision === undefined) return false
  const found = await findUnderTag(ports, head, app, revision)
  if (found?.ok === false) {
    const { reason, retryAfterSeconds } = found.error
    const isOver = reason !== 'registry_unavailable' || (revision.asked?.count ?? 0) >= mostCompares
    const gap = isOver ? null : Math.max(gapSeconds(revision), retryAfterSeconds ?? 0)
    await ports.revisions.recordCompared(revision, revision.moved, gap, now)
    return true
  }
  const awaited = awaitedDigest(head, revision)
  const moved = found === null || found.value === awaited ? null : found.value
  if (moved !== null && awaited !== null && findMoved(head, revision) === null)
    await report(
      revision,
      `its tag names ${moved} by now, and ${awaited.slice(0, 19)} was found for it: only redeploy brings out the new one`,
    )
  await ports.revisions.recordCompared(revision, moved, null, now)
  return true
}
