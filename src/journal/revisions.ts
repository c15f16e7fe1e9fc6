import { askedAgain, isToCompare, type Revision } from '../deployment/revision.ts'
import type { AppName, RevisionId } from '../kernel/id.ts'
import type { Revisions } from '../rollout/journal.ts'
import { itemKey, openIndex, revisionOpenPrefix } from './keys.ts'
import { queryItems, readItems } from './list.ts'
import { fromRevisionItem, readRevision, replaceRevision } from './revision-item.ts'
import { toItemKey, type JournalTable } from './table.ts'

/** Those that wait or whose tag is to be compared: of the index, and of the given ones, which it may not list yet. */
const loadOpen = async (
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
    .filter((revision) => revision.status === 'waiting' || isToCompare(revision))
}

export const createRevisions = (table: JournalTable): Revisions => ({
  loadOpen: (app, also) => loadOpen(table, app, also),

  loadWaiting: async (app) =>
    (await loadOpen(table, app, [])).filter(({ status }) => status === 'waiting'),

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

  recordCompared: async (revision, moved, retryAfterSeconds, now) => {
    const asked = askedAgain(revision.asked, now, retryAfterSeconds)
    await replaceRevision(table, { ...revision, moved, asked }, now)
  },

  // The evidence that was found is written after it, and raises the version.
  recordLookedUp: async (revision, failure, now) => {
    const wait = failure?.kind === 'later' ? failure.afterSeconds : null
    const asked = askedAgain(revision.lookedUp, now, wait)
    const lookedUp = { ...asked, trouble: failure?.why ?? null }
    await replaceRevision(table, { ...revision, lookedUp }, now)
  },
})
