import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda'
import { lazy } from '../kernel/lazy.ts'
import { parseJson } from '../kernel/json.ts'
import type { InvokeOperator } from '../page/act.ts'
import * as z from 'zod'
import { inTime, toAwsFailure } from './client.ts'

/** Longer than the function's cold start and its writes; the page's own function has 15 s. */
const operateMilliseconds = 10_000

/** Invokes an operator's function of the stage and waits for its answer; null where it crashed or did not answer. */
export const createInvokeOperator = (
  stage: string,
  create: () => LambdaClient = () => new LambdaClient({ maxAttempts: 2 }),
): InvokeOperator => {
  const client = lazy(create)
  return async (name, input) => {
    const call = new InvokeCommand({
      FunctionName: `landfall-${stage}-${name}`,
      Payload: JSON.stringify(input),
    })
    const answer = await client()
      .send(call, inTime(operateMilliseconds))
      .catch((error: unknown) => {
        const { kind } = toAwsFailure(error)
        if (kind === 'denied' || kind === 'refused') throw error
        return null
      })
    if (answer === null || answer.FunctionError !== undefined || answer.Payload === undefined)
      return null
    return parseJson(z.unknown(), answer.Payload)
  }
}
