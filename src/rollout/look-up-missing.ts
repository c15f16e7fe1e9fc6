import type { App } from '../deployment/app.ts'
import type { Head } from '../deployment/head.ts'
import type { Revision } from '../deployment/revision.ts'
import type { SeenHooks } from '../deployment/seen.ts'
import { listMissingEvidence, type MissingEvidence } from '../deployment/choose.ts'
import { toInstant } from '../kernel/clock.ts'
import type { ReconcilePorts } from './ports.ts'

type LookUpPorts = Pick<
  ReconcilePorts,
  'findEvidence' | 'recordEvidence' | 'revisions' | 'clock' | 'log'
>

const lookUpEvidence = async (ports: LookUpPorts, app: App, lost: MissingEvidence) => {
  const { id, commit } = lost
  const { found, failure } = await ports.findEvidence(app, commit)
  const now = toInstant(ports.clock())
  await ports.revisions.recordLookedUp(lost, failure, now)
  const about = { app: app.name, revision: id }
  if (failure !== null)
    ports.log.warn('GitHub did not tell what its hooks did not bring', {
      ...about,
      why: failure.why,
    })
  let hasNews = false
  for (const evidence of found) {
    const written = await ports.recordEvidence(app.name, id, commit, evidence, now)
    if (written === 'unchanged') continue
    hasNews = true
    ports.log.info('GitHub told what no hook has brought', { ...about, evidence: evidence.kind })
  }
  return { hasNews, hasFailed: failure !== null }
}

/**
 * Makes lost webhooks good from GitHub's API. What it tells is recorded as if a hook had brought it, so
 * that it does not matter if one does so too. A failure holds nothing up: the next look is later, and
 * the others are left alone, for they would ask with the same token. True where there is news.
 */
export const lookUpMissing = async (
  ports: LookUpPorts,
  head: Head,
  app: App,
  revisions: readonly Revision[],
  seen: SeenHooks,
): Promise<boolean> => {
  let hasNews = false
  for (const lost of listMissingEvidence(head, app, revisions, seen, toInstant(ports.clock()))) {
    const looked = await lookUpEvidence(ports, app, lost)
    hasNews ||= looked.hasNews
    if (looked.hasFailed) break
  }
  return hasNews
}
