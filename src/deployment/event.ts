import type { Instant } from '../kernel/clock.ts'
import type { Fence, Generation, InstanceId, RevisionId, TargetKey } from '../kernel/id.ts'
import type { Reason } from '../kernel/reason.ts'
import type { Ending, Deployment, InstanceState, Intent } from './deployment.ts'
import type {
  Freeze,
  Operation,
  ObservedInstance,
  Quarantined,
  Request,
  RollbackRequest,
} from './head.ts'
import type { Channel } from './notice.ts'
import type { PushOrder } from './revision.ts'

/** The fields of each kind of event; kinds are in the past tense. */
interface EventFields {
  // Requests of people and alarms.
  readonly operation_recorded: { readonly operation: Operation }
  readonly redeploy_requested: { readonly request: Request }
  readonly redeploy_refused: { readonly reason: Reason }
  readonly rollback_requested: { readonly request: Omit<RollbackRequest, 'refusal'> }
  /** Also for a request that is cancelled. */
  readonly rollback_refused: {
    readonly request: Omit<RollbackRequest, 'refusal'>
    readonly reason: Reason
  }
  /** No release is left to bring back. */
  readonly rollback_settled: object
  /** `rule`: Landfall froze the app itself, and `freeze.reason` is the reason's code. */
  readonly frozen: { readonly freeze: Freeze; readonly cause: 'person' | 'rule' }
  readonly unfrozen: { readonly by: string }
  readonly content_quarantined: { readonly entries: readonly Quarantined[] }
  readonly quarantine_lifted: { readonly entries: readonly Quarantined[] }
  readonly mark_raised: { readonly order: PushOrder }

  /** A revision waits for what only a person can mend (`held`), or was not complete in time (`expired`). */
  readonly revision_reported: {
    readonly as: 'held' | 'expired'
    readonly by: string
    readonly revision: RevisionId
    readonly reason: Reason
    readonly message: string | null
  }

  // The lifecycle of a deployment.
  readonly deployment_opened: { readonly deployment: Deployment }
  readonly deployment_started: object
  /** `by` names the run that sends it and polls for its answers. */
  readonly command_issued: { readonly intent: Intent; readonly by: string }
  /** The same fence again, by another sender, with the time that is left. */
  readonly command_repeated: {
    readonly at: Instant
    readonly hostSeconds: number
    readonly by: string
  }
  /** `instances`: those that it was sent to. */
  readonly command_sent: {
    readonly operation: string | null
    readonly instances: readonly InstanceId[]
  }
  readonly instances_reported: { readonly instances: readonly InstanceState[] }
  /** All its answers are in, or none is expected any more. */
  readonly command_settled: object
  /** The command is given up and may still run on an instance. */
  readonly command_abandoned: { readonly target: TargetKey; readonly operation: string }
  /** A host has seen a higher fence than the journal has: the table was restored from a backup. */
  readonly fence_seen: { readonly fence: Fence }
  /** These were known by other sealing certificates than the ones that they have answered. */
  readonly certificates_changed: { readonly instances: readonly InstanceId[] }
  /** The number was another release's already: this release gets the next one, on every instance. */
  readonly release_renumbered: { readonly generation: Generation }
  readonly wave_paused: { readonly until: Instant }
  readonly rollout_withdrawn: { readonly reason: Reason; readonly message: string | null }
  readonly deployment_ended: { readonly ending: Ending; readonly at: Instant }
  /** The history has its record. */
  readonly deployment_archived: { readonly alarmsUntil: Instant | null }
  readonly alarm_window_closed: object

  // The instances while nothing is open.
  readonly instances_listed: { readonly observed: readonly ObservedInstance[] }
  readonly drift_found: { readonly by: string; readonly message: string }

  // The lifecycle of a notice.
  readonly notice_claimed: { readonly id: string; readonly until: Instant }
  readonly notice_tried: {
    readonly id: string
    readonly sentTo: readonly Channel[]
    readonly dueAt: Instant
  }
  /** Every channel has it, or its time is over. */
  readonly notice_dropped: { readonly id: string }
}

export type EventKind = keyof EventFields

/**
 * A decision. The state, the commands to send and to cancel and the notices follow from events alone; history
 * and audit log are copied from the state that they lead to.
 */
export type Event<Kind extends EventKind = EventKind> = {
  [Each in Kind]: { readonly kind: Each } & EventFields[Each]
}[Kind]
