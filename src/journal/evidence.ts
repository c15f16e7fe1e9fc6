import type { EvidenceJournal } from '../delivery/record.ts'
import { ciKey, type Evidence } from '../deployment/revision.ts'
import type { Instant } from '../kernel/clock.ts'
import type { AppName, Commit, RevisionId } from '../kernel/id.ts'
import { schemaVersion } from './item.ts'
import { itemKey, openAttributes } from './keys.ts'
import { toExpiry } from './lifetime.ts'
import { mergeEvidence } from './merge-evidence.ts'
import { ciAttribute, readRevision, replaceRevision } from './revision-item.ts'
import { putItem, updateItem, type JournalTable } from './table.ts'
import { recordTag } from './tags.ts'
import { reach } from './unreachable.ts'

/** Webhooks do not write one revision more often than this at one moment. */
const mostConflicts = 20

interface Fact {
  readonly app: AppName
  readonly id: RevisionId
  readonly commit: Commit | null
  readonly evidence: Evidence
  readonly receivedAt: Instant
}

/**
 * One write and no read where the revision is new, or waits (not for a person) and has nothing of this kind
 * yet: the case of nearly every delivery. Removing `asked` on a new hint makes reconcile ask the registry at once.
 */
const recordFirst = (table: JournalTable, fact: Fact): Promise<boolean> => {
  const { app, id, commit, evidence, receivedAt } = fact
  const { open, openKey } = openAttributes.revision(app, id)
  return updateItem(table, itemKey.revision(app, id), {
    UpdateExpression: `
      SET #evidence = :evidence, #status = :waiting, app = :app, id = :id, #commit = :commit,
        firstSeenAt = if_not_exists(firstSeenAt, :now), schemaVersion = :schemaVersion,
        waitingSince = if_not_exists(waitingSince, :now), #open = :open, openKey = :openKey
      ADD #version :one ${evidence.kind === 'image' ? 'REMOVE asked' : ''}`,
    ConditionExpression: `(attribute_not_exists(pk) OR
      (#status = :waiting AND schemaVersion = :schemaVersion
        AND (attribute_not_exists(#reason) OR #reason <> :manual)))
      AND attribute_not_exists(#evidence)`,
    ExpressionAttributeNames: {
      '#evidence':
        evidence.kind === 'ci' ? ciAttribute(ciKey(evidence.ci, evidence.workflow)) : evidence.kind,
      '#status': 'status',
      '#reason': 'reason',
      '#commit': 'commit',
      '#open': 'open',
      '#version': 'version',
    },
    ExpressionAttributeValues: {
      ':evidence': evidence,
      ':app': app,
      ':id': id,
      ':commit': commit,
      ':now': receivedAt,
      ':waiting': 'waiting',
      ':manual': 'manual',
      ':schemaVersion': schemaVersion,
      ':one': 1,
      ':open': open,
      ':openKey': openKey,
    },
  })
}

/**
 * Idempotent, whatever the order of arrival. Where the first write is refused, the revision is read and
 * written back under its version. A repetition of our own write counts as `unchanged`.
 */
const recordFact = async (table: JournalTable, fact: Fact): Promise<'recorded' | 'unchanged'> => {
  for (let tries = 0; tries < mostConflicts; tries += 1) {
    if (await recordFirst(table, fact)) return 'recorded'
    const read = await readRevision(table, fact.app, fact.id)
    if (read === null) continue
    const merged = mergeEvidence(read, fact.evidence, fact.receivedAt)
    if (merged === null) return 'unchanged'
    if ((await replaceRevision(table, merged, fact.receivedAt)) === 'recorded') return 'recorded'
  }
  throw new Error(`too many conflicts on revision ${fact.id} of ${fact.app}`)
}

const recordEvidence = async (
  table: JournalTable,
  { id, ...fact }: Omit<Fact, 'id'> & { readonly id: RevisionId | null },
): Promise<'recorded' | 'unchanged'> => {
  if (id !== null) return recordFact(table, { id, ...fact })
  if (fact.evidence.kind === 'image') return recordTag(table, fact.app, fact.evidence)
  throw new Error(`${fact.evidence.kind} evidence names its revision`)
}

/** All that `webhook` writes; its bundle holds nothing of heads and history. */
export const createEvidenceJournal = (table: JournalTable): EvidenceJournal => ({
  recordEvidence: (app, id, commit, evidence, receivedAt) =>
    reach(recordEvidence(table, { app, id, commit, evidence, receivedAt })),

  // Read by people only: no function reads it back.
  recordReceipt: async ({ expiresAt, ...receipt }) => {
    const key = itemKey.receipt(receipt.deliveryId)
    await reach(
      putItem(table, { ...key, schemaVersion, ...receipt, expiresAt: toExpiry(expiresAt) }),
    )
  },
})
