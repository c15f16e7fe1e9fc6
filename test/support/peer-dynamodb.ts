import { randomInt } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import type { DynamoDb } from '../../local/aws/index.ts'

/** Another DynamoDB than dynalite; `npm run test:peers` names one. */
export const peerDynamoDb = process.env['LANDFALL_DYNAMODB']

/** Expressions on one line: moto reads no line break in them. */
const flatten = (body: string): string =>
  JSON.stringify(
    JSON.parse(body, (key: string, value: unknown): unknown =>
      key.endsWith('Expression') && typeof value === 'string'
        ? value.replaceAll(/\s+/g, ' ').trim()
        : value,
    ),
  )

/** Passes requests on to the one at this address, in an account of its own there. */
export const openPeerDynamoDb = (address: string): DynamoDb => {
  const account = String(randomInt(100_000_000_000, 999_999_999_999))
  const ask = async (target: string, body: Buffer, response: ServerResponse): Promise<void> => {
    const answer = await fetch(address, {
      method: 'POST',
      headers: {
        'x-moto-account-id': account,
        'x-amz-target': target,
        'content-type': 'application/x-amz-json-1.0',
        // Where moto finds the region and the service.
        authorization: 'AWS4-HMAC-SHA256 Credential=test/20261120/eu-west-3/dynamodb/aws4_request',
      },
      body: flatten(body.toString()),
    })
    response.statusCode = answer.status
    response.setHeader('content-type', answer.headers.get('content-type') ?? '')
    response.end(await answer.text())
  }
  // One at a time: moto checks a condition and writes in two steps, in a thread for each request.
  let last = Promise.resolve()
  return {
    handle: ({ headers, body }, response) => {
      last = last
        .then(() => ask(String(headers['x-amz-target']), body, response))
        .catch(() => void response.destroy())
    },
    settle: () => last,
    // Nobody waits for one: the journal's tests look at what they wrote.
    nextWrite: () => last,
    close: () => last,
  }
}
