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

export interface ApiCall {
  /** `dynamodb`, `ssm`, `secretsmanager`, `events`, `monitoring`, `ec2`, `sts`, `lambda` */
  readonly service: string
  readonly operation: string
}

/** What goes wrong on demand. A test replaces a field; each is asked at the moment it speaks of. */
export interface Faults {
  onCall: (call: ApiCall) => CallFault | null
  onEvent: (event: AwsEvent) => 'deliver' | 'lose' | 'double'
  onAsyncInvoke: (functionName: string, payload: unknown) => 'run' | 'lose' | 'double'
  /** `lose`: the agent never hears of it; `kill`: SIGKILL right after the script began. */
  onCommand: (instanceId: string, commandId: string) => 'run' | 'lose' | 'kill'
}

export const createFaults = (): Faults => ({
  onCall: () => null,
  onEvent: () => 'deliver',
  onAsyncInvoke: () => 'run',
  onCommand: () => 'run',
})
