import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda'
import { toGatewayEvent } from './gateway-event.ts'

// What serverless-offline runs in place of each function: the function itself runs in the local
// Lambda, with its own environment, timeout and crashes.

const client = new LambdaClient({})

/** What API Gateway tells the caller of a function that threw; serverless-offline would say 200. */
const failure = {
  statusCode: 500,
  headers: { 'content-type': 'application/json' },
  body: '{"message":"Internal Server Error"}',
}

export const handler = async (
  event: unknown,
  context: { readonly functionName: string },
): Promise<unknown> => {
  const { Payload, FunctionError } = await client.send(
    new InvokeCommand({
      FunctionName: context.functionName,
      Payload: JSON.stringify(toGatewayEvent(event)),
    }),
  )
  if (FunctionError !== undefined) return failure
  const answer: unknown = JSON.parse(Payload?.transformToString() ?? 'null')
  return answer
}
