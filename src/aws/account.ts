import { GetAccountSettingsCommand, LambdaClient } from '@aws-sdk/client-lambda'
import { lazy } from '../kernel/lazy.ts'
import { inTime, read } from './client.ts'

/**
 * How many functions the account may run at a time, without what others of it have reserved; null where AWS leaves it out.
 *
 * @throws Retryable if AWS does not answer, or throttles
 * @throws Denied if it may not be read: a permissions boundary from before does not know the right
 */
export const createReadConcurrency = (
  create: () => LambdaClient = () => new LambdaClient({ maxAttempts: 3 }),
): (() => Promise<number | null>) => {
  const client = lazy(create)
  return async () => {
    const { AccountLimit: limit } = await read('lambda:GetAccountSettings', () =>
      client().send(new GetAccountSettingsCommand({}), inTime()),
    )
    return limit?.UnreservedConcurrentExecutions ?? null
  }
}
