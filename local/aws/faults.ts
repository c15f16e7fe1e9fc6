import type { AwsEvent } from './event-pattern.ts'

export type CallFault =
  | {
      readonly kind: 'refuse'
      readonly code: string
      readonly message: string
      readonly statusCode: number
    }
  | { readonly kind: 'delay'; readonly milliseconds: number }
  /** The call is carried out, but its answer never arrives. */
  | { readonly kind: 'lose_answer' }
  /** It answers this, and nothing is carried out: a listing that is empty still. */
  | { readonly kind: 'answer'; readonly body: Readonly<Record<string, unknown>> }

export interface ApiCall {
  /** `dynamodb`, `ssm`, `secretsmanager`, `events`, `monitoring`, `ec2`, `lambda` */
  readonly service: string
  readonly operation: string
}

export type EventFate =
  | 'deliver'
  | 'lose'
  | 'double'
  /** Whatever is emitted meanwhile overtakes it. */
  | { readonly kind: 'late'; readonly milliseconds: number }

export type InvokeFate =
  | 'run'
  | 'lose'
  | 'double'
  /** Its environment is gone at the moment that the promise speaks of. */
  | { readonly kind: 'kill'; readonly when: () => Promise<unknown> }

/** What becomes of a command for one instance, and of what the instance answers. */
export type CommandFate =
  | 'run'
  /** The agent never hears of it. */
  | 'lose'
  /** SIGKILL right after the script began. */
  | 'kill'
  /** SIGKILL at the moment that the promise speaks of. */
  | { readonly kind: 'kill'; readonly when: () => Promise<unknown> }
  /** SSM gives up at once: the instance is known, and cannot be reached. */
  | { readonly kind: 'undeliverable' }
  /** The agent has no room for its files: it runs nothing, says so in `Output`, and both streams are empty. */
  | { readonly kind: 'disk_full' }
  /** The agent may write no file at all: it runs nothing, and says nothing. */
  | { readonly kind: 'read_only' }
  /** It runs on, and SSM, which hears nothing of it, takes it for never delivered. */
  | { readonly kind: 'forget'; readonly milliseconds: number }
  /** The agent's worker is gone at that moment, as after a restart of the machine: so much later the agent says so. */
  | {
      readonly kind: 'lose_worker'
      readonly when: () => Promise<unknown>
      readonly milliseconds: number
    }
  /**
   * The agent restarts: the script goes on, its end is told so much later, and what was cancelled while it waited begins.
   */
  | { readonly kind: 'restart_agent'; readonly milliseconds: number }
  /** No more of its output arrives. */
  | { readonly kind: 'cut_output'; readonly characters: number }
  /** The clock of the instance is so much ahead of ours; behind it, if negative. */
  | { readonly kind: 'wrong_clock'; readonly seconds: number }

/** What goes wrong on demand. A test replaces a field; each is asked at the moment it speaks of. */
export interface Faults {
  onCall: (call: ApiCall) => CallFault | null
  onEvent: (event: AwsEvent) => EventFate
  onAsyncInvoke: (functionName: string, payload: unknown) => InvokeFate
  onCommand: (instanceId: string, commandId: string, documentName: string) => CommandFate
}

export const createFaults = (): Faults => ({
  onCall: () => null,
  onEvent: () => 'deliver',
  onAsyncInvoke: () => 'run',
  onCommand: () => 'run',
})
