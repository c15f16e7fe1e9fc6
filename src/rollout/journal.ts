import type { Deployment, Head } from '../deployment/head.ts'
import type { ImageEvidence, Revision, RevisionStatus } from '../deployment/revision.ts'
import type { StepRecord } from '../deployment/step.ts'
import type { Instant } from '../kernel/clock.ts'
import type { AppName, Digest, Generation, RevisionId } from '../kernel/id.ts'
import type { Reason } from '../kernel/reason.ts'
import type { Result } from '../kernel/result.ts'

/** Heads, read strongly consistent and written under a condition on their version. */
export interface Heads {
  /** The app's head; a fresh one (version 0) where none was ever written. */
  load(app: AppName): Promise<Head>
  /**
   * Writes `head` if the stored version is still `expected` (0: none is stored). A lost answer is
   * told from a lost race by reading back the write's own nonce.
   */
  record(head: Head, expected: number): Promise<'recorded' | 'conflict'>
  /** Apps with an open deployment or a waiting revision, from the sparse index. */
  listOpen(): Promise<readonly AppName[]>
}

/** Revisions and their evidence. `loadWaiting` finds them in the index and reads each consistently. */
export interface Revisions {
  loadWaiting(app: AppName, also: readonly RevisionId[]): Promise<readonly Revision[]>
  load(app: AppName, id: RevisionId): Promise<Revision | null>
  /** Ends it, or says what it waits for, unless evidence came in since `revision.version`. */
  recordStatus(
    revision: Revision,
    status: RevisionStatus,
    reason: Reason | null,
    now: Instant,
  ): Promise<'recorded' | 'conflict'>
  /** What the registry answered under the tag, or why it did not: what the revision then waits for. */
  recordAsked(revision: Revision, found: Result<Digest, Reason>, now: Instant): Promise<void>
}

/** Pushed tags that carry no commit, until the registry was asked for their digest. */
export interface Tags {
  load(app: AppName): Promise<ImageEvidence | null>
  /** Makes a revision of the digest; one that is known already stays as it is. */
  recordDigest(app: AppName, digest: Digest, image: ImageEvidence, now: Instant): Promise<void>
  /** The registry was asked; a newer hint stays open. */
  settle(app: AppName, image: ImageEvidence): Promise<void>
}

/** What has happened; each write is repeatable and gives the same record. */
export interface History {
  recordDeployment(app: AppName, deployment: Deployment): Promise<void>
  recordSteps(app: AppName, steps: readonly StepRecord[]): Promise<void>
  loadDeployments(app: AppName, limit: number): Promise<readonly Deployment[]>
  loadSteps(app: AppName, generation: Generation): Promise<readonly StepRecord[]>
}

/** Which app an SSM command belongs to, so that its event finds the way back. */
export interface CommandIndex {
  recordCommand(command: string, app: AppName, now: Instant): Promise<void>
  findApp(command: string): Promise<AppName | null>
}
