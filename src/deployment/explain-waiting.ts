import type { Instant } from '../kernel/clock.ts'
import type { App } from './app.ts'
import { firstBlocker } from './blockers.ts'
import { needsPerson, readinessOf, toLack } from './choose.ts'
import type { Head } from './head.ts'
import type { Revision } from './revision.ts'
import type { SeenHooks } from './seen.ts'

/** What a waiting revision lacks, or why it waits although it lacks nothing. */
export const explainWaiting = (
  head: Head,
  app: App,
  revision: Revision,
  seen: SeenHooks,
  now: Instant,
) => {
  const readiness = readinessOf(head, app, revision, seen, now)
  if (readiness.kind === 'lacking') return { lacks: readiness.what, reason: 'evidence_missing' }
  if (readiness.kind === 'ended') return { lacks: [], reason: readiness.reason }
  if (readiness.kind === 'ready' && revision.digest !== null && needsPerson(app, revision))
    return { lacks: [], reason: 'manual' }
  const blocker = firstBlocker(head, { kind: 'deploy', force: false, content: null })
  if (blocker !== null) return { lacks: [], reason: blocker }
  return revision.digest === null
    ? { lacks: [toLack(revision.reason)], reason: revision.reason ?? 'image_missing' }
    : { lacks: [], reason: revision.reason }
}
