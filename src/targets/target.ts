import type { Instant } from '../kernel/clock.ts'
import type {
  AppName,
  Commit,
  Digest,
  Fence,
  Generation,
  InstanceId,
  TargetKey,
} from '../kernel/id.ts'
import type { App } from '../deployment/app.ts'
import type { Candidate, DeploymentKind, Purpose, Release } from '../deployment/deployment.ts'
import type { TargetView } from '../deployment/plan.ts'
import type { Answer } from '../deployment/step.ts'

/** What a target is told to do, once or several times under one fence. */
export interface Order {
  readonly purpose: Purpose
  readonly app: AppName
  readonly kind: Exclude<DeploymentKind, 'repair'>
  /** The deployment that this belongs to. */
  readonly generation: Generation
  readonly fence: Fence
  /** When the deployment was opened: what is there from before is not of it. */
  readonly openedAt: Instant
  /**
   * `openedAt` where this deployment gives the release its number; null where it brings one that has its
   * number already. It tells two releases of one number apart, which a restored journal gives out.
   */
  readonly numberedAt: Instant | null
  /** When this was first ordered, however often it is repeated under its fence. */
  readonly since: Instant
  /** What shall run; null to bring back what was there before anything of ours was live. */
  readonly release: Release | null
  /** The settings to reach the target by, also where there is no release. */
  readonly settings: Release['settings']
  /** Its key in those settings. */
  readonly target: TargetKey
  readonly instances: readonly InstanceId[]
  /** The one that runs `predeploy`, if it is among them. */
  readonly predeployOn: InstanceId | null
  readonly notAfter: Instant
  readonly hostSeconds: number
}

/** What came of the attempt to begin: a handle for the journal, and who it could not be sent to. */
export interface Started {
  /** Null when it was sent to nobody; then `missing` answers for everybody. */
  readonly operation: string | null
  readonly missing: readonly Answer[]
}

export interface Capacity {
  /** 0: not even one. Infinity where that is no matter of size, or cannot be told now. */
  readonly instances: number
  /** Where it is 0: what is how large, and what would fit. */
  readonly message: string | null
}

export const unlimited: Capacity = { instances: Infinity, message: null }

/**
 * Where an app runs: an EC2 fleet, a Render service, a Heroku app. Every call may be repeated; a
 * second `start` under the same fence is harmless. What cannot be told apart from "not yet" is
 * `waiting`, never succeeded.
 *
 * @throws Retryable when the outside could not be asked now.
 */
export interface Target {
  /** Who the target selects now, and what stands in the way of reaching them. */
  candidates(): Promise<readonly Candidate[]>
  /** How many instances one command can hold these settings and this version of the secret for. */
  capacity(settings: Release['settings'], secretVersion: string | null): Promise<Capacity>
  /** Which of the instances need no `prepare` before they can be deployed to. */
  prepared(instances: readonly InstanceId[]): Promise<readonly InstanceId[]>
  start(order: Order): Promise<Started>
  observe(order: Order, operation: string): Promise<readonly Answer[]>
  cancel(operation: string): Promise<void>
}

/** A target that can be selected from and looked at. */
export interface PlannedTarget extends Pick<Target, 'candidates' | 'capacity'> {
  look(order: {
    readonly app: App
    /** Index into the app's targets. */
    readonly target: number
    readonly commit: Commit | null
    readonly digest: Digest | null
  }): Promise<TargetView>
}
