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
