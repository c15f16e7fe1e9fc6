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
import type { Reason } from '../kernel/reason.ts'

/** One command for a target, which may be given several times under one fence. */
export interface Order {
  readonly purpose: Purpose
  readonly app: AppName
  readonly kind: Exclude<DeploymentKind, 'repair'>
  /** The deployment's number; `release` has its own. */
  readonly generation: Generation
  readonly fence: Fence
  /** When the deployment was opened: it did not make what is older. */
  readonly openedAt: Instant
  /**
   * `openedAt` if this deployment numbers the release, null if the release has its number already. It
   * tells apart two releases of one number, which a restored journal can hand out.
   */
  readonly numberedAt: Instant | null
  /** When the order was first given under its fence. */
  readonly since: Instant
  /** The release to run; null restores what ran before the first release of Landfall. */
  readonly release: Release | null
  /** The settings for reaching the target, also without a release. */
  readonly settings: Release['settings']
  /** The target's key in those settings. */
  readonly target: TargetKey
  readonly instances: readonly InstanceId[]
  /** The instance that runs `predeploy`, if it is one of these. */
  readonly predeployOn: InstanceId | null
  readonly notAfter: Instant
  readonly hostSeconds: number
}

/** The result of a start. */
export interface Started {
  /** The handle that the journal keeps; null if nothing was sent, and then `missing` has every instance. */
  readonly operation: string | null
  /** One answer for each instance that nothing was sent to. */
  readonly missing: readonly Answer[]
}

export interface Capacity {
  /** Infinity if size does not limit the target, or is not known now. */
  readonly instances: number
  /** If it is 0: the size, and what would fit. */
  readonly message: string | null
}

export const unlimited: Capacity = { instances: Infinity, message: null }

/** As an image's index calls the kinds of machines that Landfall deploys to. */
export type Architecture = 'amd64' | 'arm64'

/** The instances that a target selects now, each with the obstacle to reaching it. */
export interface Selection {
  /** Those of its instances, as far as they are known. */
  readonly architectures: readonly Architecture[]
  readonly candidates: readonly Candidate[]
  /** Which of those that landfall.yml names are left out, and why; null if none is. */
  readonly leftOut: string | null
}

/** What an opening asks of a service, Render or Heroku: it is one instance of `amd64`, and nothing limits its size. */
export const selectOne = (
  id: InstanceId,
  target: TargetKey,
): Pick<Target, 'select' | 'capacity'> => ({
  select: () =>
    Promise.resolve({
      architectures: ['amd64'],
      candidates: [{ id, target, obstacle: null, warning: null }],
      leftOut: null,
    }),
  capacity: () => Promise.resolve(unlimited),
})

/**
 * Where an app runs: an EC2 fleet, a Render service, a Heroku app. Every call may be repeated; a
 * second `start` under the same fence is harmless. An uncertain result is `waiting`, never succeeded.
 *
 * @throws Retryable if the target does not answer now.
 */
export interface Target {
  select(): Promise<Selection>
  /** How many instances fit into one command with these settings and this version of the secret. */
  capacity(settings: Release['settings'], secretVersion: string | null): Promise<Capacity>
  /** The instances that need no `prepare` before a deploy. */
  prepared(instances: readonly InstanceId[]): Promise<readonly InstanceId[]>
  start(order: Order): Promise<Started>
  observe(order: Order, operation: string): Promise<readonly Answer[]>
  cancel(operation: string): Promise<void>
  /** What the stage lacks before anything can be deployed there; left out by a target that needs nothing of it. */
  findLack?(): Promise<Reason | null>
}

/** What `plan` would deploy; the digest is null while the image is not known. */
export interface LookOrder {
  readonly app: App
  /** Index into the app's targets. */
  readonly target: number
  readonly commit: Commit | null
  readonly digest: Digest | null
  /** The names of the variables that the container gets; null if they are not known. */
  readonly envNames?: readonly string[] | null
}

/** A target as `plan` reads it: nothing here can change it. */
export interface PlannedTarget extends Pick<Target, 'select' | 'capacity'> {
  look(order: LookOrder): Promise<TargetView>
}
