import { askedAgain } from '../deployment/revision.ts'
import type { Revisions } from '../rollout/journal.ts'
import { openIndex, revisionKey, revisionOpenPrefix } from './keys.ts'
import { queryItems, readItems } from './list.ts'
import { fromRevisionItem, readRevision, replaceRevision } from './revision-item.ts'
import { toItemKey, type JournalTable } from './table.ts'

export const createRevisions = (table: JournalTable): Revisions => ({
  loadWaiting: async (app, also) => {
    const listed = await queryItems(table, {
      IndexName: openIndex,
      KeyConditionExpression: '#open = :open AND begins_with(openKey, :prefix)',
      ExpressionAttributeNames: { '#open': 'open' },
      ExpressionAttributeValues: { ':open': openIndex, ':prefix': revisionOpenPrefix(app) },
    })
    const keys = new Map(
      [...listed.map(toItemKey), ...also.map((id) => revisionKey(app, id))].map((key) => [
        key.sk,
        key,
      ]),
    )
    const items = await readItems(table, [...keys.values()])
    return items
      .map((item) => fromRevisionItem(toItemKey(item), item))
      .filter(({ status }) => status === 'waiting')
  },

  load: (app, id) => readRevision(table, app, id),

  recordStatus: (revision, status, reason, now) =>
    replaceRevision(table, { ...revision, status, reason }, now),

  // Lost to newer evidence it is not repeated: whoever wrote that has woken another look.
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
