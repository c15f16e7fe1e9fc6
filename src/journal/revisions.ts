import { askedAgain, type Revision } from '../deployment/revision.ts'
import type { AppName, RevisionId } from '../kernel/id.ts'
import type { Revisions } from '../rollout/journal.ts'
import { itemKey, openIndex, revisionOpenPrefix } from './keys.ts'
import { queryItems, readItems } from './list.ts'
import { fromRevisionItem, readRevision, replaceRevision } from './revision-item.ts'
import { toItemKey, type JournalTable } from './table.ts'

/** The waiting revisions of the index, and the given ones that wait, which it may not list yet. */
const loadWaiting = async (
  table: JournalTable,
  app: AppName,
  also: readonly RevisionId[],
): Promise<readonly Revision[]> => {
  const listed = await queryItems(table, {
    IndexName: openIndex,
    KeyConditionExpression: '#open = :open AND begins_with(openKey, :prefix)',
    ExpressionAttributeNames: { '#open': 'open' },
    ExpressionAttributeValues: { ':open': openIndex, ':prefix': revisionOpenPrefix(app) },
  })
  const keys = [...listed.map(toItemKey), ...also.map((id) => itemKey.revision(app, id))]
  const bySortKey = new Map(keys.map((key) => [key.sk, key]))
  const items = await readItems(table, [...bySortKey.values()])
  return items
    .map((item) => fromRevisionItem(toItemKey(item), item))
    .filter(({ status }) => status === 'waiting')
}

export const createRevisions = (table: JournalTable): Revisions => ({
  loadWaiting: (app, also) => loadWaiting(table, app, also),

  load: (app, id) => readRevision(table, app, id),

  recordStatus: (revision, status, reason, now) =>
    replaceRevision(table, { ...revision, status, reason }, now),

  // Not repeated where newer evidence came first: its writer has nudged reconcile.
  recordAsked: async (revision, found, now) => {
    const wait = found.ok ? null : found.error.retryAfterSeconds
    const asked = askedAgain(revision.asked, now, wait)
    const answer = found.ok
      ? { digest: found.value, reason: null }
      : { digest: null, reason: found.error.reason }
    await replaceRevision(table, { ...revision, ...answer, asked }, now)
  },

  // The evidence that was found is written after it, and raises the version.
  recordLookedUp: async (revision, failure, now) => {
    const wait = failure?.kind === 'later' ? failure.afterSeconds : null
    const asked = askedAgain(revision.lookedUp, now, wait)
    const lookedUp = { ...asked, trouble: failure?.why ?? null }
    await replaceRevision(table, { ...revision, lookedUp }, now)
  },
})
