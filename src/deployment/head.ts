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

export type DeploymentKind = 'deploy' | 'redeploy' | 'rollback'
export type DeploymentStatus = 'queued' | 'in_progress' | 'succeeded' | 'failed' | 'cancelled'

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
  readonly endedAt: Instant | null
  readonly release: Release
  readonly instances: readonly InstanceState[]
  readonly intent: Intent | null
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
  readonly freeze: { readonly reason: string; readonly by: string; readonly at: Instant } | null
  readonly quarantine: readonly (Commit | Digest)[]
  /** The order of the newest revision ever opened; it never goes down. */
  readonly mark: PushOrder | null
  /** A hint, not a lock: who looks again for some seconds, so that the others may leave. */
  readonly watch: { readonly by: string; readonly until: Instant } | null
}

export const keptReleases = 5

export const createHead = (app: AppName): Head => ({
  app,
  version: Fence.parse(0),
  generation: Generation.parse(0),
  deployment: null,
  releases: [],
  request: null,
  freeze: null,
  quarantine: [],
  mark: null,
  watch: null,
})

export const liveRelease = (head: Head): Release | null => head.releases[0] ?? null

export const hasPendingRequest = (head: Head): boolean => head.request?.refusal === null

export const hasEnded = (deployment: Deployment): boolean => deployment.stage === 'ended'
