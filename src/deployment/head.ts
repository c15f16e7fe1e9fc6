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
import type { Promotion } from './app.ts'
import type { PendingNotice } from './notice.ts'
import type { PushOrder } from './revision.ts'

/** A release that was live on another app when the request was accepted. */
export type Promoted = Promotion & Pick<Release, 'commit' | 'digest'>

/**
 * A person's request to deploy. Operators write only the journal; reconcile looks up image, secret and
 * instances, and opens the deployment or refuses the request.
 */
export interface Request {
  /** A commit or a digest; null for the live digest with today's settings and secrets. */
  readonly revision: RevisionId | null
  /** Its digest is deployed, and no other; null for an image of this app's own. */
  readonly promoted: Promoted | null
  readonly force: boolean
  readonly by: string
  readonly at: Instant
  /** Why it was refused; kept for `status` until the next request. */
  readonly refusal: Reason | null
}

/**
 * The request, by a person or an alarm, to take a deployment back. It precedes any request to deploy:
 * reconcile cancels what is open, and opens the rollback where one is needed, or refuses.
 */
export interface RollbackRequest {
  readonly kind: 'rollback' | 'cancel'
  /** The deployment to take back: the open one or the one that made the live release. */
  readonly generation: Generation
  /** The kept release to bring back; null for the last one that was live and is not quarantined. */
  readonly to: Generation | null
  readonly reason: 'alarm_fired' | 'rolled_back' | 'cancelled'
  readonly by: string
  readonly at: Instant
  /** Why it was refused; kept for `status` until the next one. */
  readonly refusal: Reason | null
}

/** An ended deployment that had sent a command: the fields that alarms are judged by. */
export interface Finished {
  readonly generation: Generation
  readonly kind: DeploymentKind
  readonly status: DeploymentStatus
  readonly commit: Commit | null
  readonly digest: Digest
  /** Whether its digest, secret or env differed from the live release: only then can it be at fault. */
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

/** An operator's command that was carried out; the id makes a repeated call harmless. */
export interface Operation {
  readonly id: string
  readonly kind: 'redeploy' | 'rollback' | 'cancel' | 'freeze' | 'unfreeze'
  readonly by: string
  readonly at: Instant
}

/** What an instance last reported that it serves; a repair is decided by it. */
export interface ObservedInstance {
  readonly id: InstanceId
  /** A target of the live release. */
  readonly target: TargetKey
  /** The release that it serves; null where that is not the live one, or is not known. */
  readonly generation: Generation | null
  /** When it was last asked, or found unreachable. */
  readonly at: Instant
  /** How often it was asked since it last served the live release. */
  readonly tries: number
  /** Why it does not serve the live release; `drifted` where it did, and was changed by hand. */
  readonly reason: Reason | null
}

/** A fleet scan found that the app's instances must be looked at, whatever the head knows of them. */
export interface Scan {
  readonly at: Instant
  /** Instances that have just come (back) online: what they reported before counts no more. */
  readonly returned: readonly InstanceId[]
}

/** An app's one mutable item. Every write raises `version`, on condition that no other write did. */
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
  /** The newest first, as in `operations` and `quarantine`. */
  readonly finished: readonly Finished[]
  /** Until when an alarm may take the newest deployment back; null where no window is open. */
  readonly alarmsUntil: Instant | null
  readonly notices: readonly PendingNotice[]
  readonly operations: readonly Operation[]
  readonly observed: readonly ObservedInstance[]
  /** The order of the newest revision ever opened; it never goes down. */
  readonly mark: PushOrder | null
  /** A hint, not a lock: the run that polls for some seconds, so that others may leave. */
  readonly poller: { readonly by: string; readonly until: Instant } | null
}

/** The most that a head keeps; the oldest are dropped first. `head-size.ts` counts the room that these take. */
export const headLimits = {
  releases: 5,
  /** More do not end within the hour in which a second rollback freezes the app. */
  finished: 10,
  operations: 10,
  /** Forgotten entries are far below the mark by then. */
  quarantined: 50,
  /** Of these, the ones that hold an env. */
  quarantinedSettings: 3,
  notices: 20,
  /** A notice usually takes 1 KB, the longest 8 KB. */
  noticesBytes: 20 * 1024,
  messageBytes: 1000,
  /** So many instances keep their messages in the head; those of every instance stand in its steps. */
  instanceMessages: 10,
  instanceMessageBytes: 300,
} as const

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

/** Whether an instance serves the live release, by its last report. */
export const isUpToDate = (head: Head, { generation }: ObservedInstance): boolean =>
  generation === liveRelease(head)?.generation

/** The command in flight. */
export const intentOf = ({ deployment }: Head): Intent | null =>
  deployment === null || hasEnded(deployment) ? null : deployment.intent

export const hasPendingRequest = (head: Head): boolean => head.request?.refusal === null

export const hasPendingRollback = (head: Head): boolean => head.rollback?.refusal === null
