import { UpdateCommand } from '@aws-sdk/lib-dynamodb'
import type { EvidenceJournal } from '../delivery/record.ts'
import { ciKey } from '../deployment/choose.ts'
import type { Evidence } from '../deployment/revision.ts'
import type { Instant } from '../kernel/clock.ts'
import type { AppName, Commit, RevisionId } from '../kernel/id.ts'
import { isWritten } from './conditional.ts'
import { schemaVersion } from './item.ts'
import { revisionKey, revisionOpen } from './keys.ts'
import { mergeEvidence } from './merge-evidence.ts'
import { recordReceipt } from './receipts.ts'
import { ciAttribute, readRevision, replaceRevision } from './revision-item.ts'
import type { JournalTable } from './table.ts'
import { recordTag } from './tags.ts'
import { reach } from './unreachable.ts'

/** More writers than this on one revision at one moment are none that a webhook has. */
const mostConflicts = 20

interface Fact {
  readonly app: AppName
  readonly id: RevisionId
  readonly commit: Commit | null
  readonly evidence: Evidence
  readonly receivedAt: Instant
}

const attributeOf = (evidence: Evidence): string =>
  evidence.kind === 'ci' ? ciAttribute(ciKey(evidence.ci, evidence.workflow)) : evidence.kind

/**
 * One write and no read, where the revision is new or waiting and has nothing of this kind yet: the
 * case of nearly every delivery. A new hint makes the registry be asked at once (`asked` goes).
 */
const recordFirst = (table: JournalTable, fact: Fact): Promise<boolean> => {
  const { app, id, commit, evidence, receivedAt } = fact
  return isWritten(
    table.documents().send(
      new UpdateCommand({
        TableName: table.name,
        Key: revisionKey(app, id),
        UpdateExpression: `
          SET #evidence = :evidence, #status = :waiting, app = :app, id = :id, #commit = :commit,
            firstSeenAt = if_not_exists(firstSeenAt, :now), schemaVersion = :schemaVersion,
            waitingSince = if_not_exists(waitingSince, :now), #open = :open, openKey = :openKey
          ADD #version :one ${evidence.kind === 'image' ? 'REMOVE asked' : ''}`,
        ConditionExpression: `(attribute_not_exists(pk) OR
          (#status = :waiting AND schemaVersion = :schemaVersion))
          AND attribute_not_exists(#evidence)`,
        ExpressionAttributeNames: {
          '#evidence': attributeOf(evidence),
          '#status': 'status',
          '#commit': 'commit',
          '#open': 'open',
          '#version': 'version',
        },
        ExpressionAttributeValues: toValues({
          evidence,
          app,
          id,
          commit,
          now: receivedAt,
          waiting: 'waiting',
          schemaVersion,
          one: 1,
          ...revisionOpen(app, id),
        }),
      }),
    ),
  )
}

const toValues = (values: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [`:${name}`, value]))

/**
 * Idempotent, whatever the order of arrival. Where the short way is barred, the revision is read and
 * written back under its version. A doubled answer of ours counts as `unchanged`: it changes nothing.
 */
const recordEvidence = async (
  table: JournalTable,
  fact: Fact,
): Promise<'recorded' | 'unchanged'> => {
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

const record = async (
  table: JournalTable,
  { id, ...fact }: Omit<Fact, 'id'> & { readonly id: RevisionId | null },
): Promise<'recorded' | 'unchanged'> => {
  if (id !== null) return recordEvidence(table, { id, ...fact })
  if (fact.evidence.kind === 'image') return recordTag(table, fact.app, fact.evidence)
  throw new Error(`${fact.evidence.kind} evidence names its revision`)
}

/** All that a webhook writes; its bundle takes in nothing of heads and history. */
export const createEvidenceJournal = (table: JournalTable): EvidenceJournal => ({
  recordEvidence: (app, id, commit, evidence, receivedAt) =>
    reach(record(table, { app, id, commit, evidence, receivedAt })),
  recordReceipt: (receipt) => reach(recordReceipt(table, receipt)),
})
