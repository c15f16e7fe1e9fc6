import { LambdaClient } from '@aws-sdk/client-lambda'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { createReadConcurrency } from '../../src/aws/account.ts'
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

test('does not know the concurrency where reading it is not allowed, as under an older boundary', async () => {
  refuse('AccessDeniedException', 403)
  expect(await read()).toBeNull()
})

test('does not know the concurrency where AWS leaves it out', async () => {
  aws.faults.onCall = () => ({ kind: 'answer', body: {} })
  expect(await read()).toBeNull()
})

test('fails retryably while Lambda throttles the reading of the concurrency', async () => {
  refuse('TooManyRequestsException', 429)
  await expect(read()).rejects.toThrow(Retryable)
})
