import { LambdaClient } from '@aws-sdk/client-lambda'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { createReadConcurrency } from '../../src/aws/account.ts'
import { describeDenial } from '../../src/aws/client.ts'
import { Denied } from '../../src/kernel/denied.ts'
import { Retryable } from '../../src/kernel/retryable.ts'
import { startTestAws, type TestAws } from '../support/local-aws.ts'

let aws: TestAws
let read: () => Promise<number | null>
beforeAll(async () => {
  aws = await startTestAws()
  read = createReadConcurrency(() => new LambdaClient({ ...aws.client, maxAttempts: 1 }))
})
afterAll(() => aws.stop())
beforeEach(() => {
  aws.faults.onCall = () => null
})

const refuse = (code: string, statusCode: number): void => {
  aws.faults.onCall = () => ({ kind: 'refuse', code, message: 'no', statusCode })
}

test('reads how many functions the account may run at a time', async () => {
  expect(await read()).toBe(1000)
})

test.each(['AccessDeniedException', 'UnrecognizedClientException'])(
  'tells that the concurrency may not be read where AWS says %s, as under an older boundary',
  async (code) => {
    refuse(code, 403)
    await expect(read()).rejects.toThrow(
      new Denied(describeDenial('lambda:GetAccountSettings', { code })),
    )
  },
)

test('does not know the concurrency where AWS leaves it out', async () => {
  aws.faults.onCall = () => ({ kind: 'answer', body: {} })
  expect(await read()).toBeNull()
})

test('fails retryably while Lambda throttles the reading of the concurrency', async () => {
  refuse('TooManyRequestsException', 429)
  await expect(read()).rejects.toThrow(Retryable)
})
