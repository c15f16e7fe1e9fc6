import type { Digest, InstanceId } from '../kernel/id.ts'
import type { Reason } from '../kernel/reason.ts'
import type { TargetSettings } from './app.ts'
import type { InstanceState, Serving } from './deployment.ts'

/** The result of one check. */
export interface Finding {
  /**
   * `problem`: a deployment would fail with `reason`, or, without one, an operator must mend what no deployment fails for.
   * `warning`: it would wait, or an operator should look.
   */
  readonly level: 'problem' | 'warning' | 'fine'
  /** `secret`, `image`, `port`, … */
  readonly what: string
  /** For people; it says what to do about a problem or a warning. */
  readonly message: string
  /** The reason that a deployment would end with (docs/reasons.md). */
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
  /** Version of the Docker Engine; null where it could not be read. */
  readonly docker: string | null
  readonly serving: Serving | null
  /** `<account>/<region>/<stage>` that deploys the app there, if any. */
  readonly owner: string | null
  /**
   * Digests of the proxy that runs there (its tag where it was created by one; null where none runs) and of the
   * stage's image, of which a new one would be made; null where the app has no proxy.
   */
  readonly proxy: { readonly runs: string | null; readonly ofStage: Digest | null } | null
  readonly freeMegabytes: number | null
  readonly freeMemoryMegabytes: number | null
  /** The steps in their order, for people. */
  readonly would: readonly string[]
}

export interface PlanContext {
  /** The target's own instances, each in its wave, as the opening fixes them. */
  readonly opened: readonly Pick<InstanceState, 'id' | 'wave'>[]
  /** The one instance that runs `predeploy`, if any. */
  readonly predeployOn: InstanceId | null
  /** The live release by the journal. */
  readonly live: Serving | null
  /** The target's settings in the live release; null where that has no such target. */
  readonly before: TargetSettings | null
}

/** A target that was inspected, and what a deployment would find and do there. */
export interface TargetView {
  plan(context: PlanContext): {
    readonly instances: readonly InstancePlan[]
    readonly findings: readonly Finding[]
  }
}

/** Problems first; within a level as they came. */
export const sortFindings = (findings: readonly Finding[]): readonly Finding[] =>
  (['problem', 'warning', 'fine'] as const).flatMap((level) =>
    findings.filter((one) => one.level === level),
  )
