import type { Instant } from '../kernel/clock.ts'
import { Fence, Generation } from '../kernel/id.ts'
import type { AppName, Commit, Digest, InstanceId, RevisionId, TargetKey } from '../kernel/id.ts'
import type { Reason } from '../kernel/reason.ts'
import {
  hasEnded,
  type Deployment,
  type DeploymentKind,
  type DeploymentStatus,
  type Intent,
  type Release,
} from './deployment.ts'
import type { PendingNotice } from './notice.ts'
import type { PushOrder } from './revision.ts'

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
export interface RollbackRequest {
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
export interface ObservedInstance {
  readonly id: InstanceId
  /** Of the live release. */
  readonly target: TargetKey
  /** The release that it serves as it was ordered; null where it serves another, or has not said. */
  readonly generation: Generation | null
  /** When it was last asked, or could not be. */
  readonly at: Instant
  /** How often it was asked since it last served what it should. */
  readonly tries: number
  /** Why it does not serve what it should; `drifted` where it did, and was changed. */
  readonly reason: Reason | null
}

/** A scan of the stage found that the app's instances are to be looked at, whatever is known of them. */
export interface Scan {
  readonly at: Instant
  /** Instances that have just come (back) online: what they said before counts no more. */
  readonly returned: readonly InstanceId[]
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
  readonly rollback: RollbackRequest | null
  readonly freeze: Freeze | null
  readonly quarantine: readonly Quarantined[]
  /** The newest first, as in `operations`. */
  readonly finished: readonly Finished[]
  /** Until when an alarm may take the newest deployment back; null where nobody need look. */
  readonly alarmsUntil: Instant | null
  readonly notices: readonly PendingNotice[]
  readonly operations: readonly Operation[]
  readonly observed: readonly ObservedInstance[]
  /** The order of the newest revision ever opened; it never goes down. */
  readonly mark: PushOrder | null
  /** A hint, not a lock: who looks again for some seconds, so that the others may leave. */
  readonly poller: { readonly by: string; readonly until: Instant } | null
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
  rollback: null,
  freeze: null,
  quarantine: [],
  finished: [],
  alarmsUntil: null,
  notices: [],
  operations: [],
  observed: [],
  mark: null,
  poller: null,
})

export const liveRelease = (head: Head): Release | null => head.releases[0] ?? null

/** The command in flight. */
export const intentOf = ({ deployment }: Head): Intent | null =>
  deployment === null || hasEnded(deployment) ? null : deployment.intent

export const hasPendingRequest = (head: Head): boolean => head.request?.refusal === null

export const hasPendingRollback = (head: Head): boolean => head.rollback?.refusal === null
