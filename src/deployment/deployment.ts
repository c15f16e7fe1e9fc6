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
import type { Origin } from '../kernel/origin.ts'
import type { Reason } from '../kernel/reason.ts'
import type { ReleaseSettings, Promotion } from './app.ts'

/** What is or was live: an image, a version of the secret, and the settings. */
export interface Release {
  /** The number of the deployment that made it; hosts label their containers with it. */
  readonly generation: Generation
  readonly revision: RevisionId
  readonly commit: Commit | null
  readonly digest: Digest
  /** VersionId in Secrets Manager; null where the app has no secret. */
  readonly secretVersion: string | null
  /** As known at the opening; the revision may learn more later. */
  readonly origin: Origin | null
  readonly settings: ReleaseSettings
  readonly promotedFrom: Promotion | null
}

/** What an instance reported that it serves. */
export interface Serving {
  readonly generation: Generation
  readonly digest: Digest
}

export const instanceStatuses = [
  /** In a repair: not asked yet what it serves. */
  'unseen',
  'pending',
  'succeeded',
  'failed',
  /** A command was sent, and its answer is missing. */
  'lost',
  'restored',
  /** Touched, and what it serves is not known. */
  'unknown',
] as const

export interface InstanceState {
  readonly id: InstanceId
  /** A target of the deployment's release. */
  readonly target: TargetKey
  readonly wave: number
  readonly status: (typeof instanceStatuses)[number]
  /** True from the first deploy or restore command on, which may have changed it. */
  readonly touched: boolean
  /** How often a command was repeated for it, after a changed key or a fence below the highest it has seen. */
  readonly retries: number
  readonly serving: Serving | null
  readonly reason: Reason | null
  readonly message: string | null
}

/** Names an instance under the target that selects it. */
export type InstanceKey = Pick<InstanceState, 'id' | 'target'>

/** An instance that a target selected; `obstacle` says why no command can be sent to it. */
export interface Candidate {
  readonly id: InstanceId
  readonly target: TargetKey
  readonly obstacle: Reason | null
  /** What an operator should mend on it; it keeps no deployment from it. */
  readonly warning: string | null
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
  /** When it was first written; `at` is when its present sender wrote it. */
  readonly since: Instant
  readonly at: Instant
  /** True once another run took it over: the first sender may have sent it all the same. */
  readonly repeated: boolean
  /** The target's id of the sent command (an SSM command id); null until it is sent. */
  readonly operation: string | null
  /** After this the missing answers count as lost. */
  readonly deadlineAt: Instant
  /** The host script's own limit, below `deadlineAt`. */
  readonly hostSeconds: number
}

/** A `repair` brings the live release to instances that do not serve it, under that release's own number. */
export type DeploymentKind = 'deploy' | 'redeploy' | 'rollback' | 'repair'

export type DeploymentStatus =
  | 'queued'
  | 'in_progress'
  | 'succeeded'
  | 'failed'
  | 'cancelled'
  /** Taken back by an alarm or a person: while it was open, or later (in the history). */
  | 'rolled_back'

/** The fields that the opening fixes, and those that every phase has. */
interface Opened {
  readonly generation: Generation
  readonly kind: DeploymentKind
  /** The cause: `github`, `docker-hub`, or the operator's name. */
  readonly by: string
  readonly openedAt: Instant
  readonly deadlineAt: Instant
  /** When the first command was sent that changes an instance; later alarms may be caused by it. */
  readonly sentAt: Instant | null
  readonly release: Release
  /** Alarms that were firing already when it was opened: not caused by it. */
  readonly firing: readonly string[]
  /** The deployment that this rollback takes back. */
  readonly takesBack: Generation | null
  readonly instances: readonly InstanceState[]
}

/** Deploys its release to one wave after the other. */
export interface Advancing extends Opened {
  readonly phase: 'advancing'
  /** False until its first command. */
  readonly isStarted: boolean
  readonly intent: Intent | null
  /** Between two waves (`rollout.pause`): when the next one may begin. */
  readonly pausedUntil: Instant | null
  /** Shown from its beginning, such as that another version of the secret was taken. */
  readonly message: string | null
}

/** Given up: restores the live release on the instances that it has touched. */
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

/** It stays in the head until the history has its record. */
export interface Ended extends Opened, Ending {
  readonly phase: 'ended'
  readonly endedAt: Instant
  /** The deployment that took this one back; itself where it was still open. */
  readonly rolledBackBy: Generation | null
}

export type OpenDeployment = Advancing | Withdrawing

/** The attempt to deploy a release to its targets. */
export type Deployment = OpenDeployment | Ended

/** The fields that the next phase begins with. */
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

/** Whether this is a repair, which gives way to anything else. */
export const isRepair = (deployment: Deployment | null): boolean => deployment?.kind === 'repair'

/** A rollback and a repair proceed on the other instances after a failure. */
export const continuesOnFailure = ({ kind }: Deployment): boolean =>
  kind === 'rollback' || kind === 'repair'

/** Whether its release is new, under the number of this deployment. */
export const assignsNumber = ({ kind, generation, release }: Deployment): boolean =>
  kind !== 'repair' && release.generation === generation
