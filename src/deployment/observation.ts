import type { Instant } from '../kernel/clock.ts'
import type { Commit, Digest, Fence, Generation, InstanceId, RevisionId } from '../kernel/id.ts'
import type { Reason } from '../kernel/reason.ts'
import type { Candidate, DeploymentKind, Release } from './deployment.ts'
import type { Request, Scan } from './head.ts'
import type { Channel } from './notice.ts'
import type { PushOrder } from './revision.ts'
import type { Answer } from './step.ts'

/** A release to go back to, as a person names it: its deployment's number, its commit or its digest. */
export type ReleaseName = Generation | Commit | Digest

/** An operator's command, without `redeploy`: reconcile has to look things up for that one. */
export type OperatorCommand =
  | { readonly kind: 'rollback'; readonly to: ReleaseName | null }
  | { readonly kind: 'cancel' }
  | { readonly kind: 'freeze'; readonly reason: string }
  | { readonly kind: 'unfreeze' }

/** An alarm's transition to ALARM, as EventBridge or DescribeAlarms reports it. */
export interface AlarmTransition {
  readonly alarm: string
  /** The alarm's own timestamp. */
  readonly at: Instant
  /** Null where only the present state is known. */
  readonly from: 'OK' | 'INSUFFICIENT_DATA' | null
}

/** What follows from a transition for one app. Every ending has its reason. */
export type Verdict =
  | { readonly kind: 'ignored'; readonly reason: Reason }
  | { readonly kind: 'freeze'; readonly reason: Reason }
  | { readonly kind: 'take_back'; readonly generation: Generation; readonly freeze: boolean }
  /** The deployment is at fault, and no earlier release is left to go back to. */
  | { readonly kind: 'stuck'; readonly generation: Generation; readonly reason: Reason }

/** Everything that the write which opens a deployment fixes. */
export interface Opening {
  readonly kind: Exclude<DeploymentKind, 'repair'>
  readonly by: string
  /** The revision's place among the pushes; null for an operator's redeploy of the live release. */
  readonly order: PushOrder | null
  /** A rollback brings back an earlier release under its own generation; other kinds get a new one. */
  readonly release: Omit<Release, 'generation'> & { readonly generation: Generation | null }
  readonly candidates: readonly Candidate[]
  /** How many instances of each target of the release, in their order, one command can hold it for. */
  readonly capacities: readonly number[]
  /** Alarms that fire already. */
  readonly firing: readonly string[]
  /** Shown with the deployment from its beginning, such as that another version of the secret was taken. */
  readonly message: string | null
  /** What makes it fail at once: a secret that is missing, a kind of target that is not supported. */
  readonly obstacle: Reason | null
  readonly force: boolean
}

/** The instances that the targets of the live release select now. */
export interface FoundInstances {
  readonly candidates: readonly Candidate[]
  readonly capacities: readonly number[]
  readonly scan: Scan | null
}

/** The result of sending a notice: the channels that have it, and whether others are still due. */
export interface NoticeOutcome {
  readonly id: string
  readonly sentTo: readonly Channel[]
  readonly isDone: boolean
  /** The wait that a busy channel asked for. */
  readonly afterSeconds: number | null
}

/** Everything that can be observed of the world; each may come late, twice or never. */
export type Observation =
  | { readonly kind: 'requested'; readonly request: Request; readonly id: string }
  /** An operator's command; the same id once more is the same command. */
  | {
      readonly kind: 'operated'
      readonly command: OperatorCommand
      readonly by: string
      readonly id: string
    }
  | {
      readonly kind: 'alarmed'
      readonly transition: AlarmTransition
      readonly windowSeconds: number
    }
  /** The request could not be turned into an opening. */
  | { readonly kind: 'declined'; readonly reason: Reason }
  /** A revision waits for what only a person can mend (`held`), or was not complete in time (`expired`). */
  | {
      readonly kind: 'reported'
      readonly as: 'held' | 'expired'
      readonly by: string
      readonly revision: RevisionId
      readonly reason: Reason
      readonly message: string | null
    }
  /** The release that is open, or to be brought back, is not as reconcile recorded it. */
  | { readonly kind: 'disowned'; readonly generation: Generation }
  /** A rollback request has nothing left to bring back. */
  | { readonly kind: 'brought_back' }
  | { readonly kind: 'opening_gathered'; readonly opening: Opening }
  | ({ readonly kind: 'instances_found' } & FoundInstances)
  | {
      readonly kind: 'polled'
      /** Instances of the next wave that have a fresh certificate. */
      readonly prepared: readonly InstanceId[]
      /** Names the run. */
      readonly by: string
    }
  | {
      readonly kind: 'sent'
      readonly fence: Fence
      readonly operation: string | null
      /** Instances that the command did not go to, with the reason. */
      readonly missing: readonly Answer[]
    }
  | { readonly kind: 'answered'; readonly fence: Fence; readonly answers: readonly Answer[] }
  /** The ended deployment stands in the history; from its end on alarms are watched for so long. */
  | {
      readonly kind: 'archived'
      readonly generation: Generation
      readonly windowSeconds: number | null
    }
  | { readonly kind: 'notice_claimed'; readonly id: string }
  | { readonly kind: 'notice_sent'; readonly outcome: NoticeOutcome }
