import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda'
import { lazy } from '../kernel/lazy.ts'
import type { Carry } from '../targets/carry.ts'
import { inTime } from './client.ts'

/** Invokes `carry` without waiting for it. Throws what the call throws. */
export const createStartCarry = (
  functionName: string,
  create: () => LambdaClient = () => new LambdaClient({ maxAttempts: 2 }),
): Carry['start'] => {
  const client = lazy(create)
  return async (order) => {
    const call = new InvokeCommand({
      FunctionName: functionName,
      InvocationType: 'Event',
      Payload: JSON.stringify(order),
    })
    await client().send(call, inTime())
  }
}
