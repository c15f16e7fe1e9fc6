import { createServer } from 'node:http'
import { listen, toAddress } from '../local/base/listen.ts'

export interface InstantAws {
  readonly address: string
  /** How often each operation was called: `PutItem`. */
  readonly calls: Map<string, number>
  stop(): void
}

/** The secret is older than a day: no previous one is asked for. */
const toAnswer = (operation: string, secret: string): object =>
  operation === 'GetSecretValue'
    ? { SecretString: secret, VersionId: 'v1', CreatedDate: 1_700_000_000 }
    : {}

/**
 * As much of AWS as `webhook` asks, which answers at once and keeps nothing: what is measured before it is the function's
 * own, and no table's.
 */
export const startInstantAws = async (secret: string): Promise<InstantAws> => {
  const calls = new Map<string, number>()
  const server = createServer((request, response) => {
    const [, operation = 'Invoke'] = String(request.headers['x-amz-target'] ?? '').split('.')
    calls.set(operation, (calls.get(operation) ?? 0) + 1)
    request.resume().on('end', () => {
      response.statusCode = operation === 'Invoke' ? 202 : 200
      response.setHeader('content-type', 'application/x-amz-json-1.0')
      response.end(operation === 'Invoke' ? '' : JSON.stringify(toAnswer(operation, secret)))
    })
  })
  server.keepAliveTimeout = 120_000
  const port = await listen(server, 0)
  return { address: toAddress(port), calls, stop: () => server.close().closeAllConnections() }
}
