import type { Ended } from '../deployment/deployment.ts'
import type { Head, Operation } from '../deployment/head.ts'
import type { Asked, ImageEvidence, Revision, RevisionStatus } from '../deployment/revision.ts'
import type { SeenHooks } from '../deployment/seen.ts'
import type { StepRecord } from '../deployment/step.ts'
import type { AlarmTransition, Verdict } from '../deployment/observation.ts'
import type { Instant } from '../kernel/clock.ts'
import type { ForeignFailure } from '../kernel/foreign.ts'
import type { AppName, Commit, Digest, Generation, InstanceId, RevisionId } from '../kernel/id.ts'
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
  recordAsked(revision: Revision, found: Result<Digest, ImageRefusal>, now: Instant): Promise<void>
  /** GitHub was asked for what its hooks have not brought; null where it answered. */
  recordLookedUp(revision: Revision, failure: ForeignFailure | null, now: Instant): Promise<void>
}

/** Why the registry named no image, and for how long it asked to be left alone. */
export interface ImageRefusal {
  readonly reason: Reason
  readonly retryAfterSeconds: number | null
}

/** A tag without a commit was pushed, and how often the registry was asked about it in vain. */
export interface TagHint {
  readonly image: ImageEvidence
  /** How many pushes were told: a hook dates them to the second, in which there may be two. */
  readonly pushes: number
  readonly asked: Asked | null
}

/** Pushed tags that carry no commit, until the registry was asked for their digest. */
export interface Tags {
  load(app: AppName): Promise<TagHint | null>
  /** The registry did not answer; a push that was told since is asked about at once. */
  recordAsked(app: AppName, hint: TagHint, refusal: ImageRefusal, now: Instant): Promise<void>
  /** The registry was asked; a push that was told since stays open. */
  settle(app: AppName, hint: TagHint): Promise<void>
}

/** Which commit an image says that it was built of; null where it does not say. */
export interface Label {
  readonly digest: Digest
  readonly commit: Commit | null
}

/** Labels that were read, newest first, so that each image is fetched once. */
export interface Labels {
  load(app: AppName): Promise<readonly Label[]>
  record(app: AppName, label: Label, now: Instant): Promise<void>
}

/** Which hooks reach us, as the webhook notes it. */
export interface Seen {
  /** When an event of each kind (`github:push`) was last taken; to the hour, none: never. */
  load(app: AppName): Promise<SeenHooks>
}

/** Who was there when the clock last looked: one for the whole stage. */
export interface FleetScan {
  readonly online: readonly InstanceId[]
  /** When all instances of an app were last looked at. */
  readonly asked: Readonly<Record<string, Instant>>
}

export interface FleetScans {
  /** An empty one where none was ever written. */
  load(): Promise<FleetScan>
  record(fleetScan: FleetScan): Promise<void>
}

/** What has happened; each write is repeatable and gives the same record. */
export interface History {
  recordDeployment(app: AppName, deployment: Ended): Promise<void>
  recordSteps(app: AppName, steps: readonly StepRecord[]): Promise<void>
  /** A deployment in the history was taken back; its record says by which, once. */
  recordRolledBack(app: AppName, generation: Generation, by: Generation): Promise<void>
  loadDeployments(app: AppName, limit: number): Promise<readonly Ended[]>
  loadSteps(app: AppName, generation: Generation): Promise<readonly StepRecord[]>
}

/** What people and alarms did to an app, for people; each write is repeatable. */
export interface AuditLog {
  recordOperation(app: AppName, operation: Operation, detail: OperationDetail): Promise<void>
  recordAlarm(app: AppName, transition: AlarmTransition, verdict: Verdict): Promise<void>
}

/** What was asked for beside the operation's kind, such as the reason of a freeze. */
export type OperationDetail = Readonly<Record<string, string | number | boolean | null>>

/** Which app an SSM command belongs to, so that its event finds the way back. */
export interface CommandIndex {
  recordCommand(command: string, app: AppName, now: Instant): Promise<void>
  findApp(command: string): Promise<AppName | null>
}
