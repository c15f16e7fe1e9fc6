import type { Clock, Instant } from '../kernel/clock.ts'
import type { ForeignFailure } from '../kernel/foreign.ts'
import type { AppName, Commit, Digest, RevisionId } from '../kernel/id.ts'
import type { Log } from '../kernel/log.ts'
import type { Result } from '../kernel/result.ts'
import type { App, TargetSettings } from '../deployment/app.ts'
import type { Evidence } from '../deployment/revision.ts'
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
import type { AlarmTransition } from '../deployment/observation.ts'

export interface ImageFailure {
  readonly reason: 'image_missing' | 'registry_unauthorized' | 'registry_unavailable'
  /** What the registry asked to wait; null where it did not say. */
  readonly retryAfterSeconds: number | null
}

/** The registry of an app, asked with its credentials. */
export interface Images {
  /** The digest under a tag now; or a digest itself, where it is still there. */
  findDigest(app: App, tag: string): Promise<Result<Digest, ImageFailure>>
  /** The commit that the image says it was built of. Docker Hub counts it as a pull. */
  findCommit(app: App, digest: Digest): Promise<Result<Commit | null, ImageFailure>>
}

/**
 * Tells one fact to one channel. It may be called again for the same fact, also after an answer that
 * was lost, and must not tell it twice where the other side lets it find out. Ends within 10 s and
 * throws only what is a bug.
 */
export type SendNotice = (channel: Channel, fact: Notice, app: App) => Promise<SendResult>

/** The alarms of these names that fire now, each with the time since when. */
export type ReadFiring = (
  names: readonly string[],
) => Promise<readonly Pick<AlarmTransition, 'alarm' | 'at'>[]>

/**
 * What GitHub's API tells of a commit of an app, by the same rules as what its hooks bring: finished
 * runs of required workflows, and the push to the branch. Ends within 10 s. A token may see only one of
 * them: `failure` says why there may be more than was found.
 */
export type FindEvidence = (
  app: App,
  commit: Commit,
) => Promise<{ readonly found: readonly Evidence[]; readonly failure: ForeignFailure | null }>

/** Repeatable, whatever else brings the same. */
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
  /** The VersionId that is AWSCURRENT; a release is frozen with it. */
  readonly readSecretVersion: (name: string) => Promise<Result<string, 'secret_missing'>>
  /** Whether that version of the secret can still be read. */
  readonly hasSecretVersion: (name: string, version: string) => Promise<boolean>
  readonly readFiring: ReadFiring
  readonly sendNotice: SendNotice
  readonly toTarget: (settings: TargetSettings) => Target
  readonly clock: Clock
  readonly sleep: (milliseconds: number) => Promise<void>
  readonly log: Log
}

/** What a nudge says: look at this app; perhaps at this revision, which the index may not list yet. */
export interface Nudge {
  readonly app: AppName
  readonly settings: App | null
  readonly revisions: readonly RevisionId[]
  /** The clock's look: once a minute, and the only one that asks what events may have lost. */
  readonly isTick: boolean
  /** Null where the roll call does not name the app. */
  readonly scan: Scan | null
  /** Names this run among those that look again. */
  readonly by: string
}
