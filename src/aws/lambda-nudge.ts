import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda'
import type { AppName, RevisionId } from '../kernel/id.ts'
import { lazy } from '../kernel/lazy.ts'
import { inTime } from './client.ts'

/** Invokes `reconcile` for an app without waiting for its result. Throws the call's error. */
export const createNudge = (
  functionName: string,
  create: () => LambdaClient = () => new LambdaClient({ maxAttempts: 2 }),
): ((app: AppName, revision: RevisionId | null) => Promise<void>) => {
  const client = lazy(create)
  return async (app, revision) => {
    const order = new InvokeCommand({
      FunctionName: functionName,
      InvocationType: 'Event',
      Payload: JSON.stringify({ app, revision }),
    })
    // The caller waits no longer: the scheduled run looks anyway.
    await client().send(order, inTime(2_000))
  }
}
