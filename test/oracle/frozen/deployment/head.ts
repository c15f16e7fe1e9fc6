import type { Instant } from '../kernel/clock.ts'
import {
  Fence,
  Generation,
  type AppName,
  type Commit,
  type Digest,
  type InstanceId,
  type RevisionId,
} from '../kernel/id.ts'
import type { Reason } from '../kernel/reason.ts'
import type { App } from './app.ts'
import type { OwedFact } from './report.ts'
import type { PushOrder } from './revision.ts'

/** What is or was live: an image, a version of the secret, and the settings it ran with. */
export interface Release {
  /** The deployment that made it; hosts know their containers by it. */
  readonly generation: Generation
  readonly revision: RevisionId
  readonly commit: Commit | null
  readonly digest: Digest
  /** VersionId in Secrets Manager; null where the app has no secret. */
  readonly secretVersion: string | null
  readonly settings: App
}

/** What an instance said it serves. */
export interface Serving {
  readonly generation: Generation
  readonly digest: Digest
}

export type InstanceStatus =
  /** Of a convergence: not asked yet what it serves. */
  | 'unseen'
  | 'pending'
  | 'succeeded'
  | 'failed'
  /** Sent to, and its answer is missing. */
  | 'lost'
  | 'restored'
  /** Touched, and it never said what it serves. */
  | 'unknown'

export interface InstanceState {
  readonly id: InstanceId
  /** Index into the app's targets. */
  readonly target: number
  readonly wave: number
  readonly status: InstanceStatus
  /** True from the first deploy or restore command on: it may have been changed. */
  readonly touched: boolean
  /** How often a command was repeated for it: a changed key, a fence below the one it has seen. */
  readonly retries: number
  readonly serving: Serving | null
  readonly reason: Reason | null
  readonly message: string | null
}

export type Purpose = 'prepare' | 'deploy' | 'restore'

/**
 * Written before the command is sent. For 20 s it is its writer's, who sends within 10 s or not at
 * all; after that anyone may send the same fence again, and the host makes the second harmless.
 */
export interface Intent {
  readonly purpose: Purpose
  readonly target: number
  readonly instances: readonly InstanceId[]
  readonly fence: Fence
  /** When it was first written; `at` is its present sender's. */
  readonly since: Instant
  readonly at: Instant
  /** True once it was given to another sender: the first may have sent it all the same. */
  readonly repeated: boolean
  /** What the target answered when it was sent (an SSM command id); null until then. */
  readonly operation: string | null
  /** After this the missing answers count as lost. */
  readonly deadlineAt: Instant
  /** The host script's own limit, below `deadlineAt`. */
  readonly hostSeconds: number
}

export type DeploymentKind =
  | 'deploy'
  | 'redeploy'
  | 'rollback'
  /** Brings the live release to instances that do not serve it; under that release's own number. */
  | 'converge'
export type DeploymentStatus =
  | 'queued'
  | 'in_progress'
  | 'succeeded'
  | 'failed'
  | 'cancelled'
  /** Taken back on suspicion, by an alarm or a person: while it was open, or later (in the history). */
  | 'rolled_back'

/** The open attempt to bring a release to its targets. It lives in the head until it ends. */
export interface Deployment {
  readonly generation: Generation
  readonly kind: DeploymentKind
  /** Who asked: `github`, `docker-hub`, or the operator's name. */
  readonly by: string
  readonly status: DeploymentStatus
  readonly stage: 'rolling' | 'restoring' | 'ended'
  readonly openedAt: Instant
  readonly deadlineAt: Instant
  /** Of the first command that changes anything on an instance; from here on an alarm may be its fault. */
  readonly sentAt: Instant | null
  readonly endedAt: Instant | null
  readonly release: Release
  /** Alarms that were firing already when it was opened: not its fault. */
  readonly firing: readonly string[]
  /** The deployment that this rollback takes back. */
  readonly takesBack: Generation | null
  /** The deployment that took this one back; itself where it was still open. */
  readonly rolledBackBy: Generation | null
  readonly instances: readonly InstanceState[]
  readonly intent: Intent | null
  /** Between two waves (`rollout.pause`): when the next one may begin. */
  readonly pausedUntil: Instant | null
  readonly reason: Reason | null
  readonly message: string | null
}

/**
 * A person's word that something is to be deployed. Operators write only the journal; reconcile looks
 * up image, secret and instances, and opens the deployment or says why not.
 */
export interface Request {
  /** A commit or a digest; null for the live digest with today's settings and secrets. */
  readonly revision: RevisionId | null
  readonly force: boolean
  readonly by: string
  readonly at: Instant
  /** Why it was refused; it stays to be seen until the next request. */
  readonly refusal: Reason | null
}

/**
 * The word, of a person or an alarm, that something is to be taken back. It comes before any request:
 * reconcile cancels what is open, opens the rollback where one is needed, or says why not.
 */
export interface TakeBack {
  readonly kind: 'rollback' | 'cancel'
  /** What is taken back: the open deployment or the one that made the live release. */
  readonly generation: Generation
  /** The kept release to bring back; null for the last one that was live and is not quarantined. */
  readonly to: Generation | null
  readonly reason: 'alarm_fired' | 'rolled_back' | 'cancelled'
  readonly by: string
  readonly at: Instant
  /** Why it came to nothing; it stays to be seen until the next one. */
  readonly refusal: Reason | null
}

/** A deployment that sent something and ended, as far as an alarm is judged by it. */
export interface Finished {
  readonly generation: Generation
  readonly kind: DeploymentKind
  readonly status: DeploymentStatus
  readonly commit: Commit | null
  readonly digest: Digest
  /** Whether it brought another digest, secret or env than was live: only such a one can be at fault. */
  readonly changed: boolean
  readonly firing: readonly string[]
  readonly sentAt: Instant
  readonly endedAt: Instant
}

/** Where two live releases share a digest, only this combination of it is quarantined. */
export interface QuarantinedSettings {
  readonly digest: Digest
  readonly secretVersion: string | null
  readonly env: Readonly<Record<string, string>>
}

export type Quarantined = Commit | Digest | QuarantinedSettings

export interface Freeze {
  /** A person's words, or the reason's code where Landfall froze the app itself. */
  readonly reason: string
  readonly by: string
  readonly at: Instant
}

/** What an operator did, by the id that makes a repeated call harmless. */
export interface Operation {
  readonly id: string
  readonly kind: 'redeploy' | 'rollback' | 'cancel' | 'freeze' | 'unfreeze'
  readonly by: string
  readonly at: Instant
}

/** What an instance last said that it serves; what convergence goes by. */
export interface Place {
  readonly id: InstanceId
  /** Index into the targets of the live release. */
  readonly target: number
  /** The release that it serves as it was ordered; null where it serves another, or has not said. */
  readonly generation: Generation | null
  /** When it was last asked, or could not be. */
  readonly at: Instant
  /** How often it was asked since it last served what it should. */
  readonly tries: number
  /** Why it does not serve what it should; `drifted` where it did, and was changed. */
  readonly reason: Reason | null
}

/** An app's one mutable item. Every write raises `version` on condition that nobody else did. */
export interface Head {
  readonly app: AppName
  readonly version: Fence
  /** The number of the newest deployment ever opened. */
  readonly generation: Generation
  readonly deployment: Deployment | null
  /** The live release first, then up to four before it. */
  readonly releases: readonly Release[]
  readonly request: Request | null
  readonly takeBack: TakeBack | null
  readonly freeze: Freeze | null
  readonly quarantine: readonly Quarantined[]
  /** The newest first, as in `operations`. */
  readonly finished: readonly Finished[]
  /** Until when an alarm may take the newest deployment back; null where nobody need look. */
  readonly alarmsUntil: Instant | null
  readonly owed: readonly OwedFact[]
  readonly operations: readonly Operation[]
  readonly places: readonly Place[]
  /** The order of the newest revision ever opened; it never goes down. */
  readonly mark: PushOrder | null
  /** A hint, not a lock: who looks again for some seconds, so that the others may leave. */
  readonly watch: { readonly by: string; readonly until: Instant } | null
}

export const keptReleases = 5
/** More than that do not end within the hour in which a second rollback freezes. */
export const keptFinished = 10
export const keptOperations = 10

export const createHead = (app: AppName): Head => ({
  app,
  version: Fence.parse(0),
  generation: Generation.parse(0),
  deployment: null,
  releases: [],
  request: null,
  takeBack: null,
  freeze: null,
  quarantine: [],
  finished: [],
  alarmsUntil: null,
  owed: [],
  operations: [],
  places: [],
  mark: null,
  watch: null,
})

export const liveRelease = (head: Head): Release | null => head.releases[0] ?? null

export const hasPendingRequest = (head: Head): boolean => head.request?.refusal === null

export const hasPendingTakeBack = (head: Head): boolean => head.takeBack?.refusal === null

export const hasEnded = (deployment: Deployment): boolean => deployment.stage === 'ended'

/** Whether what is open only brings the live release to where it belongs: it gives way to all else. */
export const isConverging = (deployment: Deployment | null): boolean =>
  deployment?.kind === 'converge'

/** What brings back or keeps what is live: one instance's failure keeps it from no other. */
export const goesOn = ({ kind }: Deployment): boolean => kind === 'rollback' || kind === 'converge'
