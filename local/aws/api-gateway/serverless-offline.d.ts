declare module 'serverless-offline' {
  type Log = Readonly<
    Record<
      'debug' | 'error' | 'info' | 'notice' | 'verbose' | 'warning',
      (...args: unknown[]) => void
    >
  >

  interface Internals {
    mergeOptions(): void
    getEvents(): {
      readonly httpApiEvents: readonly unknown[]
      readonly lambdas: readonly unknown[]
    }
    createLambda(lambdas: readonly unknown[], skipStart: boolean): Promise<void>
    createHttp(events: readonly unknown[], skipStart: boolean): Promise<void>
    /** A hapi server. */
    getApiGatewayServer(): unknown
  }

  export default class ServerlessOffline {
    constructor(
      serverless: unknown,
      options: Readonly<Record<string, unknown>>,
      utils: { readonly log: Log; readonly progress: Readonly<Record<string, unknown>> },
    )
    internals(): Internals
  }
}
