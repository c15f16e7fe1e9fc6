import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda'
import { expect, test } from 'vitest'
import * as z from 'zod'
import { createStartCarry } from '../../../src/aws/lambda-carry.ts'
import { CarryOrder } from '../../../src/targets/carry.ts'
import { createCarryWorld, digestOf } from '../../support/carry-world.ts'

test('invokes carry with the order, and does not wait for it', async () => {
  const sent: InvokeCommand[] = []
  class Client extends LambdaClient {
    override send = (command: unknown): Promise<unknown> => {
      if (command instanceof InvokeCommand) sent.push(command)
      return Promise.resolve({ StatusCode: 202 })
    }
  }
  const order = createCarryWorld().orderOf(digestOf('x'), { release: ['migrate'] })
  await createStartCarry('landfall-prod-carry', () => new Client({ region: 'eu-west-3' }))(order)
  const [call] = sent.map(({ input }) => input)
  expect(call).toMatchObject({ FunctionName: 'landfall-prod-carry', InvocationType: 'Event' })
  const payload = z.string().parse(call?.Payload)
  expect(CarryOrder.parse(JSON.parse(payload))).toEqual(order)
})
