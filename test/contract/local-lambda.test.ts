import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  GetAccountSettingsCommand,
  GetFunctionCommand,
  InvokeCommand,
  LambdaClient,
} from '@aws-sdk/client-lambda'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import * as z from 'zod'
import { startTestAws, waitUntil, writeFunction, type TestAws } from '../support/local-aws.ts'

const source = `
import { existsSync, writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
let count = 0
export const handler = async (event, context) => {
  count += 1
  if (event.do === 'throw') throw new TypeError('boom')
  if (event.do === 'later') setTimeout(() => { throw new Error('after the answer') }, 10)
  if (event.do === 'exit') process.exit(7)
  if (event.mark) writeFileSync(event.mark, '')
  if (event.do === 'spin') while (true) {}
  if (event.do === 'log') console.log('a line', event.text)
  while (event.gate && !existsSync(event.gate)) await sleep(5)
  return { count, event, name: context.functionName, table: process.env.TABLE_NAME ?? null,
    endpoint: process.env.AWS_ENDPOINT_URL, left: context.getRemainingTimeInMillis(),
    times: [Date.now(), new Date().getTime(), new Date(0).getTime()], isDate: new Date() instanceof Date }
}`

/** Its import ends when the file GATE is there. */
const slowSource = `
import { existsSync, writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
writeFileSync(process.env.MARK, '')
while (!existsSync(process.env.GATE)) await sleep(5)
export const handler = async (event, context) =>
  ({ imported: true, left: context.getRemainingTimeInMillis() })`

const one = 'landfall-local-one'

const Timed = z.object({
  times: z.tuple([z.number(), z.number(), z.number()]),
  left: z.number(),
  isDate: z.boolean(),
})

describe('the local Lambda', () => {
  let test: TestAws
  let lambda: LambdaClient
  let directory = ''
  const fileIn = (name: string): string => join(directory, name)
  const open = (gate: string): void => writeFileSync(fileIn(gate), '')
  const isThere = (mark: string): boolean => existsSync(fileIn(mark))

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'landfall-lambda-'))
    const environment = { TABLE_NAME: 'landfall-local' }
    const slow = { MARK: fileIn('importing'), GATE: fileIn('imported') }
    const functions = [
      writeFunction('one', source, { environment, timeoutSeconds: 30 }),
      writeFunction('two', source, { timeoutSeconds: 30 }),
      writeFunction('slow', slowSource, { environment: slow, timeoutSeconds: 1 }),
    ]
    test = await startTestAws({ service: { functions } })
    lambda = new LambdaClient({ ...test.client, maxAttempts: 1 })
  })
  afterEach(async () => {
    vi.useRealTimers()
    await test.stop()
    rmSync(directory, { recursive: true })
  })

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

  it('shows a function the time that was let pass, and takes none of it from its timeout', async () => {
    await invoke('one', {})
    const before = Date.now() + 3_600_000
    test.aws.pass(3600)
    const { payload } = await invoke('one', {})
    const { times, left, isDate } = Timed.parse(payload)
    expect([times[0] >= before, times[1] >= before, times[2]]).toEqual([true, true, 0])
    expect([left > 0, isDate]).toEqual([true, true])
  })

  it('keeps a warm environment, and lets no event wait for it', async () => {
    await invoke('one', {})
    // A call that waits for a timer never returns.
    vi.useFakeTimers({ toFake: ['setTimeout', 'setInterval'] })
    for (let index = 0; index < 20; index += 1) await test.aws.runner.invoke(one, '{}')
    vi.useRealTimers()
    expect((await invoke('one', {})).payload).toMatchObject({ count: 22 })
  })

  it('serves concurrent events in environments of their own', async () => {
    const marks = ['first', 'second']
    const gate = fileIn('gate')
    const answers = Promise.all(marks.map((mark) => invoke('two', { mark: fileIn(mark), gate })))
    await waitUntil(() => marks.every(isThere), 'both events are being served')
    open('gate')
    const payloads = (await answers).map(({ payload }) => payload)
    expect(payloads).toMatchObject([{ count: 1 }, { count: 1 }])
  })

  it('takes an async event at once and runs it later', async () => {
    expect((await start('one', { do: 'log', text: 'async' })).StatusCode).toBe(202)
    const isLogged = () => test.logs.some((line) => line === 'landfall-local-one a line async')
    await waitUntil(isLogged, 'the async event is logged')
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
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] })
    const answer = test.aws.runner.invoke('landfall-local-slow', '{}')
    await waitUntil(() => isThere('importing'), 'the bundle is being imported')
    // 9 s are more than the function's timeout and less than an import may take. The clock is set ahead
    // by hours: the seconds that the machine takes do not count beside them.
    vi.advanceTimersByTime(9_000)
    vi.setSystemTime(Date.now() + 7_200_000)
    open('imported')
    const { payload } = await answer
    const { left } = z.object({ left: z.number() }).parse(JSON.parse(payload))
    expect(left).toBeGreaterThan(3_600_000)
  })

  it('outlives an asynchronous throw and an exit', async () => {
    await start('one', { do: 'later' })
    const isLogged = () => test.logs.some((line) => line.includes('after the answer'))
    await waitUntil(isLogged, 'the throw after the answer is logged')
    expect((await invoke('one', { do: 'exit' })).payload).toMatchObject({
      errorType: 'Runtime.ExitError',
    })
    expect((await invoke('one', {})).error).toBeUndefined()
  })

  it('outlives a function that never ends, and ends it when its time is over', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const event = JSON.stringify({ do: 'spin', mark: fileIn('spinning') })
    const answer = test.aws.runner.invoke(one, event)
    await waitUntil(() => isThere('spinning'), 'the function is at its work')
    vi.advanceTimersByTime(30_000)
    vi.useRealTimers()
    expect(JSON.parse((await answer).payload)).toMatchObject({
      errorMessage: 'Task timed out after 30.00 seconds',
    })
    expect((await invoke('one', {})).error).toBeUndefined()
  })

  it('runs an async event twice, or never, when the faults say so', async () => {
    test.faults.onAsyncInvoke = () => 'double'
    await start('two', { do: 'log', text: 'twice' })
    const count = () => test.logs.filter((line) => line.endsWith('twice')).length
    await waitUntil(() => count() === 2, 'the event is served twice')
    test.faults.onAsyncInvoke = () => 'lose'
    await start('two', { do: 'log', text: 'never' })
    await invoke('two', {})
    expect(test.logs.some((line) => line.endsWith('never'))).toBe(false)
  })

  it('knows DryRun, GetFunction and who does not exist', async () => {
    const FunctionName = one
    const dry = await lambda.send(new InvokeCommand({ FunctionName, InvocationType: 'DryRun' }))
    expect(dry.StatusCode).toBe(204)
    const { Configuration } = await lambda.send(new GetFunctionCommand({ FunctionName }))
    expect(Configuration).toMatchObject({ FunctionName, Timeout: 30, Runtime: 'nodejs24.x' })
    await expect(invoke('none', {})).rejects.toMatchObject({ name: 'ResourceNotFoundException' })
  })

  it('says that the account may run 1,000 functions at a time', async () => {
    const { AccountLimit } = await lambda.send(new GetAccountSettingsCommand({}))
    expect(AccountLimit).toMatchObject({
      ConcurrentExecutions: 1000,
      UnreservedConcurrentExecutions: 1000,
    })
  })
})
