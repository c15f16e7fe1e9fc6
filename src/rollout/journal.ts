import type { Ended, Release } from '../deployment/deployment.ts'
import type { Head, Operation } from '../deployment/head.ts'
import type {
  Asked,
  ImageEvidence,
  ImageRefusal,
  Revision,
  RevisionStatus,
} from '../deployment/revision.ts'
import type { KnownRepository } from '../deployment/repository.ts'
import type { SeenNames } from '../deployment/seen-names.ts'
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
  /** The app's head; a new one (version 0) where none was written yet. */
  load(app: AppName): Promise<Head>
  /**
   * Writes `head` if the stored version is still `expected` (0: none is stored). Reading back the write's own
   * nonce tells a lost answer from a lost race.
   */
  record(head: Head, expected: number): Promise<'recorded' | 'conflict'>
  /** Apps with an open deployment or a waiting revision, from the sparse index. */
  listOpen(): Promise<readonly AppName[]>
}

/** Revisions and their evidence, found in the index and each read consistently. */
export interface Revisions {
  loadWaiting(app: AppName): Promise<readonly Revision[]>
  /** Those that wait, and those whose tag is to be compared; the given ones are not listed for certain. */
  loadOpen(app: AppName, also: readonly RevisionId[]): Promise<readonly Revision[]>
  load(app: AppName, id: RevisionId): Promise<Revision | null>
  /** Ends it, or records its reason to wait, unless evidence was recorded since `revision.version`. */
  recordStatus(
    revision: Revision,
    status: RevisionStatus,
    reason: Reason | null,
    now: Instant,
  ): Promise<'recorded' | 'conflict'>
  /** The registry's answer for the tag: the image, or the reason that the revision waits for. */
  recordAsked(revision: Revision, found: Result<Digest, ImageRefusal>, now: Instant): Promise<void>
  /** The tag was compared: `moved` is what it names if that is another image. With a time, it is to be compared again. */
  recordCompared(
    revision: Revision,
    moved: Digest | null,
    retryAfterSeconds: number | null,
    now: Instant,
  ): Promise<void>
  /** GitHub was asked for missing evidence; `failure` is null where it answered. */
  recordLookedUp(revision: Revision, failure: ForeignFailure | null, now: Instant): Promise<void>
}

/** A push of a tag without a commit, and how often the registry failed to answer for it. */
export interface TagHint {
  readonly image: ImageEvidence
  /** The number of pushes: a webhook dates them to the second, in which there may be two. */
  readonly pushes: number
  readonly asked: Asked | null
}

/** Pushes of tags that carry no commit, until the registry has named their digest. */
export interface Tags {
  load(app: AppName): Promise<TagHint | null>
  /** The registry did not answer. A later push is looked up at once. */
  recordAsked(app: AppName, hint: TagHint, refusal: ImageRefusal, now: Instant): Promise<void>
  /** The registry has answered. A later push stays open. */
  settle(app: AppName, hint: TagHint): Promise<void>
}

/** The commit that an image was built of, by its label; null without a label. */
export interface Label {
  readonly digest: Digest
  readonly commit: Commit | null
}

/** The labels that were read, newest first, so that each image is fetched once. */
export interface Labels {
  load(app: AppName): Promise<readonly Label[]>
  record(app: AppName, label: Label, now: Instant): Promise<void>
}

/** The webhooks that have arrived, as `webhook` records them. */
export interface Seen {
  /** When an event of each kind (`github:push`) last arrived, to the hour; a missing kind never did. */
  load(app: AppName): Promise<SeenHooks>
}

/** The names in an app's deliveries, as `webhook` records them. */
export interface SeenNameRecords {
  loadNames(app: AppName): Promise<SeenNames>
}

/** Which repository the deliveries of an app are of, as `webhook` keeps it. */
export interface Repositories {
  load(app: AppName): Promise<KnownRepository | null>
}

/** The result of the last scan: one for the whole stage. */
export interface FleetScan {
  readonly online: readonly InstanceId[]
  /** When all instances of an app were last listed. */
  readonly asked: Readonly<Record<string, Instant>>
}

export interface FleetScans {
  /** An empty one where none was written yet. */
  load(): Promise<FleetScan>
  record(fleetScan: FleetScan): Promise<void>
}

/**
 * What was opened, how it ended, and its steps; each write is repeatable and gives the same record. `reconcile`
 * alone may write here.
 */
export interface History {
  /** Before a head names it under its number. */
  recordRelease(app: AppName, release: Release): Promise<void>
  /** Whether exactly this release was recorded. */
  hasRelease(app: AppName, release: Release): Promise<boolean>
  recordDeployment(app: AppName, deployment: Ended): Promise<void>
  recordSteps(app: AppName, steps: readonly StepRecord[]): Promise<void>
  /** A deployment in the history was rolled back; its record names the rollback, once. */
  recordRolledBack(app: AppName, generation: Generation, by: Generation): Promise<void>
  /** Null where there is none of this number, or none any more. */
  loadDeployment(app: AppName, generation: Generation): Promise<Ended | null>
  loadDeployments(app: AppName, limit: number): Promise<readonly Ended[]>
  loadSteps(app: AppName, generation: Generation): Promise<readonly StepRecord[]>
}

/** The ended deployments of an app, for people. */
export interface Past {
  /** The newest first; with `before` only those of a lower number. */
  list(app: AppName, limit: number, before: Generation | null): Promise<readonly Ended[]>
  load(app: AppName, generation: Generation): Promise<Ended | null>
}

/** The actions of people and alarms on an app, for people; each write is repeatable. */
export interface AuditLog {
  recordOperation(app: AppName, operation: Operation, detail: OperationDetail): Promise<void>
  recordAlarm(app: AppName, transition: AlarmTransition, verdict: Verdict): Promise<void>
}

/** The input of an operation beside its kind, such as the reason of a freeze. */
export type OperationDetail = Readonly<Record<string, string | number | boolean | null>>

/** The app of an SSM command, so that the event of its end wakes the right one. */
export interface CommandIndex {
  recordCommand(command: string, app: AppName, now: Instant): Promise<void>
  findApp(command: string): Promise<AppName | null>
}
