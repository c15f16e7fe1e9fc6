import { addSeconds, type Instant } from '../kernel/clock.ts'
import type { Commit } from '../kernel/id.ts'
import type { App } from './app.ts'
import { ciKey, readinessOf } from './choose.ts'
import { isPast } from './deadline.ts'
import type { Head } from './head.ts'
import type { Revision } from './revision.ts'
import { lacksPush, type SeenHooks } from './seen.ts'

export type MissingEvidence = Revision & { readonly commit: Commit }

/** A minute's look asks about no more than these; the others have their turn in the next. */
const mostAtOnce = 5

const lacksRun = (app: App, { ci }: Revision): boolean =>
  app.requires.some(
    (required) =>
      required.kind === 'ci' &&
      required.ci === 'github' &&
      ci[ciKey('github', required.workflow)] === undefined,
  )

/** GitHub is asked 60 s after the first evidence, then after 120, 240 … up to 600 s. */
const isLookUpDue = ({ lookedUp, waitingSince }: Revision, now: Instant): boolean => {
  if (lookedUp === null) return isPast(addSeconds(waitingSince, 60), now)
  if (lookedUp.retryAt !== null && !isPast(lookedUp.retryAt, now)) return false
  return isPast(addSeconds(lookedUp.at, Math.min(600, 60 * 2 ** lookedUp.count)), now)
}

/**
 * Commits for which a hook of GitHub is long in coming: it may be lost, for GitHub sends none again by
 * itself. The newest first. None where the app names no token (`reports.github`).
 */
export const listMissingEvidence = (
  head: Head,
  app: App,
  revisions: readonly Revision[],
  seen: SeenHooks,
  now: Instant,
): readonly MissingEvidence[] => {
  if (app.repository === null || app.reports.github === null) return []
  const lost = revisions.flatMap((revision): readonly MissingEvidence[] => {
    const { commit } = revision
    const isLacking = readinessOf(head, app, revision, seen, now).kind === 'lacking'
    const ofGithub = lacksRun(app, revision) || lacksPush(head, app, revision, seen, now)
    return commit !== null && isLacking && ofGithub && isLookUpDue(revision, now)
      ? [{ ...revision, commit }]
      : []
  })
  return lost
    .toSorted((a, b) => Date.parse(b.firstSeenAt) - Date.parse(a.firstSeenAt))
    .slice(0, mostAtOnce)
}
