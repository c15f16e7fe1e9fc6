import { GetFunctionCommand, InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import * as z from 'zod'
import { startTestAws, waitUntil, writeFunction, type TestAws } from '../support/local-aws.ts'

const source = `
let count = 0
export const handler = async (event, context) => {
  count += 1
  if (event.do === 'throw') throw new TypeError('boom')
  if (event.do === 'later') setTimeout(() => { throw new Error('after the answer') }, 10)
  if (event.do === 'exit') process.exit(7)
  if (event.do === 'spin') while (true) {}
  if (event.do === 'log') console.log('a line', event.text)
  if (event.do === 'wait') await new Promise((resolve) => setTimeout(resolve, 300))
  return { count, event, name: context.functionName, table: process.env.TABLE_NAME ?? null,
    endpoint: process.env.AWS_ENDPOINT_URL, left: context.getRemainingTimeInMillis() }
}`

/** Its import takes longer than the function has. */
const slowSource = `
await new Promise((resolve) => setTimeout(resolve, 1500))
export const handler = async (event, context) =>
  ({ imported: true, left: context.getRemainingTimeInMillis() })`

describe('the local Lambda', () => {
  let test: TestAws
  let lambda: LambdaClient

  beforeEach(async () => {
    const environment = { TABLE_NAME: 'landfall-local' }
    const functions = [
      writeFunction('one', source, { environment, timeoutSeconds: 1 }),
      writeFunction('two', source),
      writeFunction('slow', slowSource, { timeoutSeconds: 1 }),
    ]
    test = await startTestAws({ service: { functions } })
    lambda = new LambdaClient({ ...test.client, maxAttempts: 1 })
  })
  afterEach(() => test.stop())

  const invoke = async (name: string, event: object) => {
    const Payload = JSON.stringify(event)
    const answer = await lambda.send(
      new InvokeCommand({ FunctionName: `landfall-local-${name}`, Payload }),
    )
    const text = answer.Payload?.transformToString() ?? ''
    const payload: unknown = JSON.parse(text)
    return { status: answer.StatusCode, error: answer.FunctionError, payload }
  }
  const start = (name: string, event: object) =>
    lambda.send(
      new InvokeCommand({
        FunctionName: `landfall-local-${name}`,
        InvocationType: 'Event',
        Payload: JSON.stringify(event),
      }),
    )

  it('answers what the function returns, from its own environment', async () => {
    const answer = await invoke('one', { a: 1 })
    expect(answer).toMatchObject({
      status: 200,
      payload: {
        count: 1,
        event: { a: 1 },
        name: 'landfall-local-one',
        table: 'landfall-local',
        endpoint: test.aws.address,
      },
    })
    expect((await invoke('two', {})).payload).toMatchObject({ count: 1, table: null })
  })

  it('keeps a warm environment, and answers it within milliseconds', async () => {
    await invoke('one', {})
    const started = performance.now()
    for (let index = 0; index < 20; index += 1) await invoke('one', {})
    expect((performance.now() - started) / 20).toBeLessThan(25)
    expect((await invoke('one', {})).payload).toMatchObject({ count: 22 })
  })

  it('serves concurrent events in environments of their own', async () => {
    const answers = await Promise.all([
      invoke('two', { do: 'wait' }),
      invoke('two', { do: 'wait' }),
    ])
    expect(answers.map(({ payload }) => payload)).toMatchObject([{ count: 1 }, { count: 1 }])
  })

  it('takes an async event at once and runs it later', async () => {
    expect((await start('one', { do: 'log', text: 'async' })).StatusCode).toBe(202)
    await waitUntil(() => test.logs.some((line) => line === 'landfall-local-one a line async'))
  })

  it('tells a throw as the function error that it is, and goes on', async () => {
    expect(await invoke('one', { do: 'throw' })).toMatchObject({
      status: 200,
      error: 'Unhandled',
      payload: { errorType: 'TypeError', errorMessage: 'boom' },
    })
    expect((await invoke('one', {})).error).toBeUndefined()
  })

  it('gives the import of a bundle a time of its own, as Lambda does', async () => {
    const answer = await invoke('slow', {})
    expect(answer).toMatchObject({ payload: { imported: true } })
    expect(z.object({ left: z.number() }).parse(answer.payload).left).toBeGreaterThan(500)
  })

  it('outlives an asynchronous throw, an exit and a function that never ends', async () => {
    await start('one', { do: 'later' })
    await waitUntil(() => test.logs.some((line) => line.includes('after the answer')))
    expect((await invoke('one', { do: 'exit' })).payload).toMatchObject({
      errorType: 'Runtime.ExitError',
    })
    expect((await invoke('one', { do: 'spin' })).payload).toMatchObject({
      errorMessage: 'Task timed out after 1.00 seconds',
    })
    expect((await invoke('one', {})).error).toBeUndefined()
  })

  it('runs an async event twice, or never, when the faults say so', async () => {
    test.faults.onAsyncInvoke = () => 'double'
    await start('two', { do: 'log', text: 'twice' })
    await waitUntil(() => test.logs.filter((line) => line.endsWith('twice')).length === 2)
    test.faults.onAsyncInvoke = () => 'lose'
    await start('two', { do: 'log', text: 'never' })
    await invoke('two', {})
    expect(test.logs.some((line) => line.endsWith('never'))).toBe(false)
  })

  it('knows DryRun, GetFunction and who does not exist', async () => {
    const FunctionName = 'landfall-local-one'
    const dry = await lambda.send(new InvokeCommand({ FunctionName, InvocationType: 'DryRun' }))
    expect(dry.StatusCode).toBe(204)
    const { Configuration } = await lambda.send(new GetFunctionCommand({ FunctionName }))
    expect(Configuration).toMatchObject({ FunctionName, Timeout: 1, Runtime: 'nodejs24.x' })
    await expect(invoke('none', {})).rejects.toMatchObject({ name: 'ResourceNotFoundException' })
  })
})
