import type { AlarmTransition, Verdict } from './frozen/deployment/alarm.ts'
import type { App, TargetSettings } from './frozen/deployment/app.ts'
import type { OperatorWord } from './frozen/deployment/operate.ts'
import type { Answer } from './frozen/deployment/step.ts'
import type {
  AppName,
  Digest,
  Fence,
  Generation,
  InstanceId,
  RevisionId,
} from './frozen/kernel/id.ts'
import type { Reason } from './frozen/kernel/reason.ts'
import type { Nudge, ReconcilePorts } from './frozen/rollout/ports.ts'
import type { Capacity } from './frozen/targets/target.ts'

/** A command as a target gets it, with nothing in it that depends on how the core is written. */
export interface Command {
  readonly purpose: 'prepare' | 'deploy' | 'restore'
  readonly kind: string
  readonly generation: number
  readonly fence: Fence
  readonly release: {
    readonly generation: Generation
    readonly digest: Digest
    readonly secretVersion: string | null
    /** `environment` of the release's settings, which names their version. */
    readonly settings: string
  } | null
  /** `environment` of the settings that the target is reached by. */
  readonly settings: string
  readonly numberedAt: string | null
  /** When it was first ordered; with the fence it names a command, also after the journal was restored. */
  readonly since: string
  /** The target's position in those settings. */
  readonly target: number
  readonly instances: readonly InstanceId[]
  readonly predeployOn: InstanceId | null
  readonly notAfter: string
  readonly hostSeconds: number
}

export interface Started {
  readonly operation: string | null
  readonly missing: readonly Answer[]
}

export interface WorldTarget {
  candidates(): Promise<
    readonly { readonly id: InstanceId; readonly obstacle: 'instance_offline' | null }[]
  >
  capacity(): Promise<Capacity>
  prepared(ids: readonly InstanceId[]): Promise<readonly InstanceId[]>
  start(command: Command): Promise<Started>
  observe(
    command: Pick<Command, 'purpose' | 'instances'>,
    operation: string,
  ): Promise<readonly Answer[]>
  cancel(operation: string): Promise<void>
}

/** A deployment as the history keeps it, without times. */
export interface DeploymentRecord {
  readonly generation: Generation
  readonly kind: string
  readonly by: string
  readonly status: string
  readonly reason: string | null
  readonly message: string | null
  readonly takesBack: number | null
  readonly rolledBackBy: number | null
  readonly firing: readonly string[]
  readonly release: {
    readonly generation: number
    readonly revision: string
    readonly commit: string | null
    readonly digest: string
    readonly secretVersion: string | null
    readonly settings: string
  }
  readonly instances: readonly {
    readonly id: string
    /** Position in the release's settings. */
    readonly target: number
    readonly status: string
    readonly reason: string | null
    readonly message: string | null
    readonly serving: string
  }[]
}

export interface StepEntry {
  readonly generation: number
  readonly instance: string
  readonly fence: number
  readonly purpose: string
  readonly outcome: string
  readonly reason: string | null
  readonly message: string | null
}

/** All that a side of the comparison meets the world by. A head is nobody's business but the side's. */
export interface Ports<Head> extends Pick<
  ReconcilePorts,
  | 'revisions'
  | 'tags'
  | 'commands'
  | 'labels'
  | 'seen'
  | 'images'
  | 'findEvidence'
  | 'recordEvidence'
  | 'readSecretVersion'
  | 'hasSecretVersion'
  | 'readFiring'
  | 'tell'
  | 'clock'
  | 'sleep'
  | 'log'
> {
  readonly heads: {
    /** Null where none was ever written. */
    load(): Promise<Head | null>
    record(head: Head, version: number, expected: number): Promise<'recorded' | 'conflict'>
    /** The app, always: whether there is work is the head's own affair. */
    listOpen(): Promise<readonly AppName[]>
  }
  readonly history: {
    recordDeployment(record: DeploymentRecord): Promise<void>
    recordSteps(entries: readonly StepEntry[]): Promise<void>
    recordRolledBack(generation: number, by: number): Promise<void>
  }
  readonly chronicle: {
    recordOperation(kind: string, id: string, by: string, detail: object): Promise<void>
    recordAlarm(transition: AlarmTransition, verdict: Verdict): Promise<void>
  }
  toTarget(settings: TargetSettings): WorldTarget
}

export interface OperatorOrder {
  readonly app: AppName
  readonly word: OperatorWord
  readonly by: string
  readonly id: string
}

export interface RedeployOrder {
  readonly app: App
  readonly revision: RevisionId | null
  readonly force: boolean
  readonly by: string
  readonly id: string
}

/** What an operator is answered, as far as it can be seen: repeated or not, or the reason why not. */
export type OperatorAnswer =
  | { readonly ok: true; readonly isRepeated: boolean; readonly more: object }
  | { readonly ok: false; readonly error: Reason }

/** The core, old or new, as the rest of Landfall uses it. */
export interface Side<Head> {
  /** The error that says "not now" to this side. */
  readonly retryable: (message: string) => Error
  readonly isRetryable: (error: unknown) => boolean
  reconcile(ports: Ports<Head>, nudge: Nudge): Promise<void>
  operate(ports: Ports<Head>, order: OperatorOrder): Promise<OperatorAnswer>
  redeploy(ports: Ports<Head>, order: RedeployOrder): Promise<OperatorAnswer>
  takeAlarm(
    ports: Ports<Head>,
    app: AppName,
    transition: AlarmTransition,
    windowSeconds: number,
  ): Promise<Verdict>
  /** What `status` shows; without the history, which is compared by itself. */
  status(ports: Ports<Head>, app: App): Promise<Readonly<Record<string, unknown>>>
}
