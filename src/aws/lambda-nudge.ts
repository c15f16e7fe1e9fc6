import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda'
import type { AppName, RevisionId } from '../kernel/id.ts'
import { lazy } from '../kernel/lazy.ts'
import { inTime } from './client.ts'

/** A nudge that is not through by then is not worth the caller's wait: the clock looks anyway. */
const nudgeMilliseconds = 2_000

/** Asks `reconcile` to look at an app now, without waiting for it. Throws what the call throws. */
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
    await client().send(order, inTime(nudgeMilliseconds))
  }
}
