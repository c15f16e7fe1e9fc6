import type { Role } from '../iam/role.ts'

/** One function as packaged. */
export interface LambdaFunction {
  /** `landfall-local-webhook` */
  readonly name: string
  /** Its logical id in the template. */
  readonly logicalId: string
  /** Where its bundle lies, and `handlers/webhook.handler` in it. */
  readonly directory: string
  readonly handler: string
  readonly timeoutSeconds: number
  readonly memoryMegabytes: number
  readonly environment: Readonly<Record<string, string>>
  readonly retries: number
  readonly maximumAgeSeconds: number
  /** The ARN of what Lambda sends a failed async event to. */
  readonly failureDestination: string | null
  /** What the function, and Lambda in its name, may do. */
  readonly role: Role
}

export interface InvokeResult {
  /** JSON */
  readonly payload: string
  readonly functionError: 'Unhandled' | null
  /** The last lines it printed. */
  readonly log: string
}

export const toFailure = (type: string, message: string, log = ''): InvokeResult => ({
  payload: JSON.stringify({ errorType: type, errorMessage: message, trace: [] }),
  functionError: 'Unhandled',
  log,
})
