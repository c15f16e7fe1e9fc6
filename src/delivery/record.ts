import type { Evidence } from '../deployment/revision.ts'
import type { Instant } from '../kernel/clock.ts'
import type { AppName, Commit, DeliveryId, RevisionId } from '../kernel/id.ts'
import type { Result } from '../kernel/result.ts'
import type { Parsed, SourceName } from '../sources/source.ts'
import type { IgnoreReason, Match } from './match.ts'

/** How long a delivery stays in the journal. */
export const receiptLifetimeSeconds = 30 * 24 * 60 * 60

/** What the journal keeps of a verified delivery. The body itself is not kept. */
export interface Receipt {
  readonly deliveryId: DeliveryId
  readonly source: SourceName
  /** The sender's own id of it (`X-GitHub-Delivery`): not signed, and the same for every hook of an event. */
  readonly senderId: string | null
  readonly receivedAt: Instant
  readonly expiresAt: Instant
  /** SHA-256 of the raw body, hex. */
  readonly bodyHash: string
  readonly reason: 'recorded' | 'duplicate' | IgnoreReason
  readonly parsed: Parsed
  readonly matches: readonly { readonly app: AppName; readonly revision: RevisionId | null }[]
}

/** Each call rejects with `Retryable` where the journal cannot be reached; anything else is a bug. */
export interface EvidenceJournal {
  /**
   * Idempotent: the same evidence again, or an older run or attempt than the stored one, changes
   * nothing. `revision` is null where the app's tag carries no commit (see `Match`).
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

/** Says "look again" to reconcile. May be lost: the clock finds what is waiting. */
export type NudgeApp = (app: AppName, revision: RevisionId | null) => Promise<void>

type Unsettled = Omit<Receipt, 'reason' | 'matches'>

/**
 * Evidence first, then the receipt: whoever repeats a delivery that failed in between finds the
 * evidence unchanged and writes what is missing.
 */
export const recordDelivery = async (
  journal: EvidenceJournal,
  delivery: Unsettled,
  matched: Result<readonly Match[], IgnoreReason>,
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
  await journal.recordReceipt(receipt)
  return receipt
}
