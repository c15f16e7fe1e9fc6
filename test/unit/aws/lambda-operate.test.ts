import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import { LambdaClient } from '@aws-sdk/client-lambda'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { listen } from '../../../local/base/listen.ts'
import { createInvokeOperator } from '../../../src/aws/lambda-operate.ts'

interface Reply {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body: string
}

let reply: Reply = { status: 200, body: '{}' }
const calls: { readonly url: string; readonly body: string }[] = []
const answer = async (incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> => {
  calls.push({ url: incoming.url ?? '', body: await text(incoming) })
  outgoing.writeHead(reply.status, reply.headers ?? {}).end(reply.body)
}
const server = createServer((incoming, outgoing) => {
  answer(incoming, outgoing).catch(() => incoming.socket.destroy())
})
let port = 0
beforeAll(async () => {
  port = await listen(server, 0)
})
afterAll(() => server.close().closeAllConnections())

const invoke = createInvokeOperator(
  'prod',
  () =>
    new LambdaClient({
      endpoint: `http://localhost:${port}`,
      region: 'eu-west-3',
      credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
      maxAttempts: 1,
    }),
)

test('invokes the function of the stage and answers what it answered', async () => {
  reply = { status: 200, body: '{"outcome":"accepted"}' }
  expect(await invoke('freeze', { app: 'shop' })).toEqual({ outcome: 'accepted' })
  expect(calls).toEqual([
    {
      url: '/2015-03-31/functions/landfall-prod-freeze/invocations',
      body: '{"app":"shop"}',
    },
  ])
})

test.each<[string, Reply]>([
  ['crashed', { status: 200, headers: { 'x-amz-function-error': 'Unhandled' }, body: '{}' }],
  ['answered no JSON', { status: 200, body: 'oops' }],
  [
    'was throttled',
    { status: 429, headers: { 'x-amzn-errortype': 'TooManyRequestsException' }, body: '{}' },
  ],
  ['was not reached', { status: 503, headers: {}, body: '{}' }],
])('answers null where the function %s', async (_, given) => {
  reply = given
  expect(await invoke('freeze', {})).toBeNull()
})

test('throws where the role may not call it', async () => {
  reply = {
    status: 403,
    headers: { 'x-amzn-errortype': 'AccessDeniedException' },
    body: '{"Message":"no"}',
  }
  await expect(invoke('freeze', {})).rejects.toThrow()
})
