import type { Generation, InstanceId } from '../kernel/id.ts'
import type { Instant } from '../kernel/clock.ts'
import type { Reason } from '../kernel/reason.ts'
import type { Purpose, Serving } from './deployment.ts'

/** One named unit of a deployment on one instance, as the host reported it. */
export interface Step {
  readonly name: string
  readonly status:
    | 'pending'
    | 'running'
    | 'succeeded'
    | 'failed'
    | 'timed_out'
    | 'skipped'
    | 'cancelled'
  readonly milliseconds: number | null
  readonly reason: Reason | null
}

/** What one instance answered to one command. */
export interface Answer {
  readonly id: InstanceId
  /** `waiting`: no answer yet. `lost`: the command ended without readable output. */
  readonly outcome: 'waiting' | 'succeeded' | 'failed' | 'refused' | 'lost'
  readonly reason: Reason | null
  readonly message: string | null
  readonly serving: Serving | null
  /** The newer fence that the host has seen, where it refused for that. */
  readonly fenceSeen: number | null
  /** It was known by another sealing certificate than the one that it has answered. */
  readonly isKeyNew: boolean
  readonly steps: readonly Step[]
  /** The last lines of the failing container or command, masked. */
  readonly tail: readonly string[]
}

/** The steps of one command on one instance, as the journal keeps them. */
export interface StepRecord {
  readonly generation: Generation
  readonly instance: InstanceId
  readonly fence: number
  readonly purpose: Purpose
  readonly at: Instant
  readonly outcome: Answer['outcome']
  readonly reason: Reason | null
  readonly message: string | null
  readonly steps: readonly Step[]
  readonly tail: readonly string[]
}
