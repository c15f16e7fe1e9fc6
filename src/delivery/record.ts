import type { Evidence } from '../deployment/revision.ts'
import type { Instant } from '../kernel/clock.ts'
import type { AppName, Commit, DeliveryId, RevisionId } from '../kernel/id.ts'
import type { Result } from '../kernel/result.ts'
import type { Parsed, SourceName } from '../sources/source.ts'
import type { IgnoreReason, Match } from './match.ts'

/** How long a delivery stays in the journal. */
export const receiptLifetimeSeconds = 30 * 24 * 60 * 60

/** The record of a verified delivery, without its body. */
export interface Receipt {
  readonly deliveryId: DeliveryId
  readonly source: SourceName
  /** The sender's id (`X-GitHub-Delivery`): not signed, and equal for every hook of an event. */
  readonly senderId: string | null
  readonly receivedAt: Instant
  readonly expiresAt: Instant
  /** SHA-256 of the raw body, hex. */
  readonly bodyHash: string
  readonly reason: 'recorded' | 'duplicate' | IgnoreReason
  readonly parsed: Parsed
  readonly matches: readonly { readonly app: AppName; readonly revision: RevisionId | null }[]
}

/** Rejects with `Retryable` where the journal cannot be reached; another error is a bug. */
export interface EvidenceJournal {
  /**
   * Idempotent: repeated evidence, or an older run or attempt than the stored one, changes nothing.
   * `revision` is null where the app's tag contains no commit (see `Match`).
   */
  readonly recordEvidence: (
    app: AppName,
    revision: RevisionId | null,
    commit: Commit | null,
    evidence: Evidence,
    receivedAt: Instant,
  ) => Promise<'recorded' | 'unchanged'>
  readonly recordReceipt: (receipt: Receipt) => Promise<void>
}

/** Invokes reconcile for an app. It may be lost: the next tick finds what waits. */
export type NudgeApp = (app: AppName, revision: RevisionId | null) => Promise<void>

/**
 * Records the evidence, then the receipt, and nudges at the same time: no function reads a receipt. If it fails in between,
 * a repeated delivery finds the evidence unchanged and writes the receipt.
 */
export const recordDelivery = async (
  journal: EvidenceJournal,
  delivery: Omit<Receipt, 'reason' | 'matches'>,
  matched: Result<readonly Match[], IgnoreReason>,
  nudgeAll: (matches: Receipt['matches']) => Promise<void>,
): Promise<Receipt> => {
  const matches = matched.ok ? matched.value : []
  const changes = await Promise.all(
    matches.map(({ app, revision, commit, evidence }) =>
      journal.recordEvidence(app, revision, commit, evidence, delivery.receivedAt),
    ),
  )
  const change = changes.includes('recorded') ? 'recorded' : 'duplicate'
  const reason = matched.ok ? change : matched.error
  const of = matches.map(({ app, revision }) => ({ app, revision }))
  const receipt: Receipt = { ...delivery, reason, matches: of }
  await Promise.all([journal.recordReceipt(receipt), nudgeAll(of)])
  return receipt
}
