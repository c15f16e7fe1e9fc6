import type { Instant } from '../kernel/clock.ts'
import type {
  Commit,
  Digest,
  Fence,
  Generation,
  InstanceId,
  RevisionId,
  TargetKey,
} from '../kernel/id.ts'
import type { Reason } from '../kernel/reason.ts'
import type { App } from './app.ts'

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
  /** Of the release that is deployed. */
  readonly target: TargetKey
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

/** An instance that a target selected, and why nothing can be sent to it, if so. */
export interface Candidate {
  readonly id: InstanceId
  readonly target: TargetKey
  readonly obstacle: Reason | null
}

export type Purpose = 'prepare' | 'deploy' | 'restore'

/**
 * Written before the command is sent. Its writer owns it for 20 s and must send within 10 s; after that any
 * run may send the same fence again, and the host makes the second command harmless.
 */
export interface Intent {
  readonly purpose: Purpose
  readonly target: TargetKey
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
  | 'repair'
export type DeploymentStatus =
  | 'queued'
  | 'in_progress'
  | 'succeeded'
  | 'failed'
  | 'cancelled'
  /** Taken back on suspicion, by an alarm or a person: while it was open, or later (in the history). */
  | 'rolled_back'

/** What the opening fixes, and what each phase goes on with. */
interface Opened {
  readonly generation: Generation
  readonly kind: DeploymentKind
  /** Who asked: `github`, `docker-hub`, or the operator's name. */
  readonly by: string
  readonly openedAt: Instant
  readonly deadlineAt: Instant
  /** Of the first command that changes anything on an instance; from here on an alarm may be its fault. */
  readonly sentAt: Instant | null
  readonly release: Release
  /** Alarms that were firing already when it was opened: not its fault. */
  readonly firing: readonly string[]
  /** The deployment that this rollback takes back. */
  readonly takesBack: Generation | null
  readonly instances: readonly InstanceState[]
}

/** Brings its release to one wave after the other. */
export interface Advancing extends Opened {
  readonly phase: 'advancing'
  /** False while nothing was sent. */
  readonly isStarted: boolean
  readonly intent: Intent | null
  /** Between two waves (`rollout.pause`): when the next one may begin. */
  readonly pausedUntil: Instant | null
  /** Said of it from the beginning, such as that another secret had to do. */
  readonly message: string | null
}

/** Given up: brings the live release back to the instances that it has touched. */
export interface Withdrawing extends Opened {
  readonly phase: 'withdrawing'
  readonly intent: Intent | null
  readonly reason: Reason
  readonly message: string | null
}

export interface Ending {
  readonly status: Exclude<DeploymentStatus, 'queued' | 'in_progress'>
  readonly reason: Reason
  readonly message: string | null
}

/** It stays in the head until it stands in the history. */
export interface Ended extends Opened, Ending {
  readonly phase: 'ended'
  readonly endedAt: Instant
  /** The deployment that took this one back; itself where it was still open. */
  readonly rolledBackBy: Generation | null
}

export type OpenDeployment = Advancing | Withdrawing

/** The attempt to bring a release to its targets. */
export type Deployment = OpenDeployment | Ended

/** Without the fields of its phase: what the next phase begins with. */
export const withoutPhase = (deployment: Deployment): Opened => ({
  generation: deployment.generation,
  kind: deployment.kind,
  by: deployment.by,
  openedAt: deployment.openedAt,
  deadlineAt: deployment.deadlineAt,
  sentAt: deployment.sentAt,
  release: deployment.release,
  firing: deployment.firing,
  takesBack: deployment.takesBack,
  instances: deployment.instances,
})

export const statusOf = (deployment: Deployment): DeploymentStatus => {
  if (deployment.phase === 'ended') return deployment.status
  return deployment.phase === 'advancing' && !deployment.isStarted ? 'queued' : 'in_progress'
}

export const hasEnded = (deployment: Deployment): deployment is Ended =>
  deployment.phase === 'ended'

/** Whether what is open only brings the live release to where it belongs: it gives way to all else. */
export const isRepair = (deployment: Deployment | null): boolean => deployment?.kind === 'repair'

/** What brings back or keeps what is live: one instance's failure keeps it from no other. */
export const continuesOnFailure = ({ kind }: Deployment): boolean =>
  kind === 'rollback' || kind === 'repair'

/** Whether its release is a new one, under the number of this deployment. */
export const assignsNumber = ({ kind, generation, release }: Deployment): boolean =>
  kind !== 'repair' && release.generation === generation
