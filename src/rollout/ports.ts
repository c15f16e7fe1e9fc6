import type { Clock, Instant } from '../kernel/clock.ts'
import type { ForeignFailure } from '../kernel/foreign.ts'
import type { AppName, Commit, Digest, RevisionId } from '../kernel/id.ts'
import type { Log } from '../kernel/log.ts'
import type { Origin } from '../kernel/origin.ts'
import type { Reason } from '../kernel/reason.ts'
import type { Result } from '../kernel/result.ts'
import type { App, TargetSettings } from '../deployment/app.ts'
import type { Evidence, ImageRefusal, PlatformImage } from '../deployment/revision.ts'
import type { Target } from '../targets/target.ts'
import type { Channel, Notice, SendResult } from '../deployment/notice.ts'
import type {
  AuditLog,
  CommandIndex,
  Heads,
  History,
  Labels,
  Revisions,
  Seen,
  Tags,
} from './journal.ts'
import type { Scan } from '../deployment/head.ts'

/** Why a look-up failed, for people; never with a value of a secret. */
export interface LookUpFailure {
  readonly reason: Reason
  readonly message: string
}

/** The registry of an app, asked with the app's credentials. */
export interface Images {
  /** The digest under a tag now; or the digest itself, if the registry still has it. */
  findDigest(app: App, tag: string): Promise<Result<Digest, ImageRefusal>>
  /** The commit of the image's label. Docker Hub counts it as a pull. */
  findCommit(app: App, digest: Digest): Promise<Result<Commit | null, ImageRefusal>>
  /** The images that an index names, and which of them are gone; none if it is no index, or not known. */
  checkPlatforms(app: App, digest: Digest): Promise<readonly PlatformImage[]>
  /** What the image's labels say of its commit; null where they do not, or not at once. A pull as well. */
  findOrigin(app: App, digest: Digest): Promise<Origin | null>
}

/**
 * Sends one notice to one channel. It may be called again for the same notice, also after an answer was
 * lost, and must not send it twice where the other side can tell. Ends within 10 s and throws bugs only.
 */
export type SendNotice = (channel: Channel, notice: Notice, app: App) => Promise<SendResult>

/** An alarm that exists, with the time since when it fires; null where it does not fire. */
export interface KnownAlarm {
  readonly alarm: string
  readonly at: Instant | null
}

/** Those of the named alarms that exist. */
export type ReadAlarms = (names: readonly string[]) => Promise<readonly KnownAlarm[]>

/**
 * The evidence that GitHub's API has of a commit, by the same rules as its webhooks: finished runs of required
 * workflows, and the push to the branch. Ends within 10 s. A token may have access to only one of the two:
 * `failure` says why there may be more than was found.
 */
export type FindEvidence = (
  app: App,
  commit: Commit,
) => Promise<{ readonly found: readonly Evidence[]; readonly failure: ForeignFailure | null }>

/** Repeatable, also beside a webhook with the same evidence. */
export type RecordEvidence = (
  app: AppName,
  revision: RevisionId,
  commit: Commit | null,
  evidence: Evidence,
  now: Instant,
) => Promise<'recorded' | 'unchanged'>

export interface ReconcilePorts {
  readonly heads: Heads
  readonly revisions: Revisions
  readonly tags: Tags
  readonly history: History
  readonly commands: CommandIndex
  readonly labels: Labels
  readonly seen: Seen
  readonly images: Images
  readonly findEvidence: FindEvidence
  readonly recordEvidence: RecordEvidence
  readonly auditLog: Pick<AuditLog, 'recordAlarm'>
  /** The VersionId that is AWSCURRENT; the opening freezes it. */
  readonly readSecretVersion: (name: string) => Promise<Result<string, LookUpFailure>>
  /** Whether that version of the secret can still be read. */
  readonly hasSecretVersion: (name: string, version: string) => Promise<boolean>
  readonly readAlarms: ReadAlarms
  readonly sendNotice: SendNotice
  readonly toTarget: (settings: TargetSettings) => Target
  readonly clock: Clock
  readonly sleep: (milliseconds: number) => Promise<void>
  readonly log: Log
}

/** Reconcile this app, perhaps with these revisions, which the index may not list yet. */
export interface Nudge {
  readonly app: AppName
  readonly settings: App | null
  readonly revisions: readonly RevisionId[]
  /** The schedule's nudge: once a minute, and the only one that makes up for lost events. */
  readonly isTick: boolean
  /** Null where the app is not due for a fleet scan. */
  readonly scan: Scan | null
  /** Names this run, for the poller. */
  readonly by: string
}
