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

const lookUpEvidence = async (ports: LookUpPorts, app: App, missing: MissingEvidence) => {
  const { id, commit } = missing
  const { found, failure } = await ports.findEvidence(app, commit)
  const now = toInstant(ports.clock())
  await ports.revisions.recordLookedUp(missing, failure, now)
  const fields = { app: app.name, revision: id }
  if (failure !== null)
    ports.log.warn('failed to look up missing evidence on GitHub', { ...fields, why: failure.why })
  let hasNews = false
  for (const evidence of found) {
    const written = await ports.recordEvidence(app.name, id, commit, evidence, now)
    if (written === 'unchanged') continue
    hasNews = true
    ports.log.info('missing evidence found on GitHub', { ...fields, evidence: evidence.kind })
  }
  return { hasNews, hasFailed: failure !== null }
}

/**
 * Makes up for lost webhooks with GitHub's API. Its evidence is recorded like that of a webhook, so a late
 * webhook changes nothing. A failure delays only the next look-up, and ends this one, because the other
 * revisions would be asked for with the same token. True where there is new evidence.
 */
export const lookUpMissing = async (
  ports: LookUpPorts,
  head: Head,
  app: App,
  revisions: readonly Revision[],
  seen: SeenHooks,
): Promise<boolean> => {
  const now = toInstant(ports.clock())
  let hasNews = false
  for (const missing of listMissingEvidence(head, app, revisions, seen, now)) {
    const looked = await lookUpEvidence(ports, app, missing)
    hasNews ||= looked.hasNews
    if (looked.hasFailed) break
  }
  return hasNews
}
