import type { InstanceId } from '../kernel/id.ts'
import type { Reason } from '../kernel/reason.ts'
import type { InstanceState, Serving } from './deployment.ts'

/** One thing that was looked at. */
export interface Finding {
  /** `problem`: a deployment would fail. `warning`: it would wait, or somebody should look. */
  readonly level: 'problem' | 'warning' | 'fine'
  /** `secret`, `image`, `port`, …: what was looked at. */
  readonly what: string
  /** For people; of what is not fine it says what to do. */
  readonly message: string
  /** What a deployment would end with; docs/reasons.md tells more. */
  readonly reason?: Reason
  readonly instance?: InstanceId
}

/** What a deployment would find and do on one instance. */
export interface InstancePlan {
  readonly id: InstanceId
  readonly name: string | null
  /** Index into the app's targets. */
  readonly target: number
  readonly wave: number
  readonly online: boolean
  readonly agent: string | null
  /** Of the Docker Engine; null where nobody could ask it. */
  readonly docker: string | null
  /** What serves there now. */
  readonly serving: Serving | null
  /** `<account>/<region>/<stage>` that deploys the app there; null where nobody does. */
  readonly owner: string | null
  readonly freeMegabytes: number | null
  readonly freeMemoryMegabytes: number | null
  /** The steps in their order, in words. */
  readonly would: readonly string[]
}

export interface PlanContext {
  /** The target's own instances, each in its wave, as the opening fixes them. */
  readonly opened: readonly Pick<InstanceState, 'id' | 'wave'>[]
  /** The one instance that runs `predeploy`, if any. */
  readonly predeployOn: InstanceId | null
  /** What the journal holds for live. */
  readonly live: Serving | null
}

/** A target that was looked at, and what a deployment would find and do there. */
export interface TargetView {
  plan(context: PlanContext): {
    readonly instances: readonly InstancePlan[]
    readonly findings: readonly Finding[]
  }
}

const levels = ['problem', 'warning', 'fine'] as const

/** What is wrong first; within a level as they came. */
export const sortFindings = (findings: readonly Finding[]): readonly Finding[] =>
  levels.flatMap((level) => findings.filter((one) => one.level === level))
