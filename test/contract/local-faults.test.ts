import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge'
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda'
import {
  GetCommandInvocationCommand,
  ListCommandInvocationsCommand,
  SSMClient,
  SendCommandCommand,
} from '@aws-sdk/client-ssm'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { CommandFate } from '../../local/aws/faults.ts'
import { startTestAws, toDocument, waitUntil, writeFunction } from '../support/local-aws.ts'
import type { TestAws } from '../support/local-aws.ts'

const documentName = 'landfall-local-deploy-1'
const echo = `export const handler = async (event) => {
  console.log('began', event.detail?.text)
  await new Promise((resolve) => setTimeout(resolve, 200))
  console.log('ended', event.detail?.text)
}`

describe('a fault on demand', () => {
  let test: TestAws
  let ssm: SSMClient
  let mark = ''

  beforeEach(async () => {
    test = await startTestAws({
      service: {
        functions: [writeFunction('echo', echo)],
        rules: [
          {
            name: 'own',
            pattern: { source: ['demo'] },
            targets: [{ functionName: 'landfall-local-echo', input: undefined }],
          },
        ],
        documents: [
          {
            name: documentName,
            text: toDocument('date +%s\nsleep 0.3\ntouch "$LANDFALL_ROOT-done"\nsleep 0.2'),
          },
        ],
      },
    })
    ssm = new SSMClient({ ...test.client, maxAttempts: 1 })
    mark = join(test.directory, 'root-1-done')
  })
  afterEach(() => test.stop())

  /** Sends the command under this fate and reads how SSM says that it ended. */
  const end = async (fate: CommandFate) => {
    test.faults.onCommand = () => fate
    const order = { DocumentName: documentName, InstanceIds: ['i-00000001'] }
    const { Command } = await ssm.send(new SendCommandCommand(order))
    const query = { CommandId: Command?.CommandId, InstanceId: 'i-00000001' }
    const read = async () => {
      const listed = await ssm.send(new ListCommandInvocationsCommand(query))
      return listed.CommandInvocations?.[0]
    }
    await waitUntil(async () => !/Pending|InProgress/.test((await read())?.Status ?? 'Pending'))
    const { StandardOutputContent } = await ssm.send(new GetCommandInvocationCommand(query))
    return { details: (await read())?.StatusDetails, output: StandardOutputContent?.trim() }
  }

  it('makes a command undeliverable, and nothing runs', async () => {
    expect(await end({ kind: 'undeliverable' })).toEqual({ details: 'Undeliverable', output: '' })
    expect(existsSync(mark)).toBe(false)
  })

  it('fills the disk of the agent, and nothing runs', async () => {
    expect(await end({ kind: 'disk_full' })).toEqual({ details: 'Failed', output: '' })
    expect(existsSync(mark)).toBe(false)
  })

  it('lets SSM give up a script that really runs, and hear no more of it', async () => {
    const given = { details: 'DeliveryTimedOut', output: '' }
    expect(await end({ kind: 'forget', milliseconds: 100 })).toEqual(given)
    expect(existsSync(mark)).toBe(false)
    await waitUntil(() => existsSync(mark))
  })

  it('kills a script at a chosen moment', async () => {
    const when = () => waitUntil(() => existsSync(mark))
    expect(await end({ kind: 'kill', when })).toMatchObject({ details: 'ExecutionTimedOut' })
  })

  it('restarts the agent: the script goes on, its end is told late', async () => {
    const before = Date.now()
    const milliseconds = 1500
    expect(await end({ kind: 'restart_agent', milliseconds })).toMatchObject({ details: 'Success' })
    expect(Date.now() - before).toBeGreaterThan(milliseconds)
  })

  it('cuts the output', async () => {
    const cut = await end({ kind: 'cut_output', characters: 3 })
    expect(cut).toEqual({ details: 'Success', output: String(Date.now()).slice(0, 3) })
  })

  it.each([3600, -3600])('puts the clock of an instance wrong by %i s', async (seconds) => {
    const { output } = await end({ kind: 'wrong_clock', seconds })
    expect(Math.abs(Number(output) - Date.now() / 1000 - seconds)).toBeLessThan(60)
  })

  it('answers a call in the place of the service', async () => {
    test.faults.onCall = () => ({ kind: 'answer', body: { CommandInvocations: [] } })
    const listed = await ssm.send(new ListCommandInvocationsCommand({}))
    expect(listed.CommandInvocations).toEqual([])
  })

  it('lets a later event overtake an earlier one', async () => {
    const events = new EventBridgeClient({ ...test.client, maxAttempts: 1 })
    const emit = (text: string) => {
      const entry = { Source: 'demo', DetailType: 'x', Detail: JSON.stringify({ text }) }
      return events.send(new PutEventsCommand({ Entries: [entry] }))
    }
    test.faults.onEvent = ({ detail }) =>
      detail['text'] === 'first' ? { kind: 'late', milliseconds: 1500 } : 'deliver'
    await emit('first')
    await emit('second')
    const ended = () => test.logs.filter((line) => line.includes('ended'))
    await waitUntil(() => ended().length === 2)
    expect(ended().map((line) => line.split(' ').at(-1))).toEqual(['second', 'first'])
  })

  it('kills a function at its work, and another event finds a fresh one', async () => {
    const lambda = new LambdaClient({ ...test.client, maxAttempts: 1 })
    const start = (text: string) =>
      lambda.send(
        new InvokeCommand({
          FunctionName: 'landfall-local-echo',
          InvocationType: 'Event',
          Payload: JSON.stringify({ detail: { text } }),
        }),
      )
    test.faults.onAsyncInvoke = () => ({ kind: 'kill', milliseconds: 50 })
    await start('killed')
    await waitUntil(() => test.logs.some((line) => line.includes('began killed')))
    test.faults.onAsyncInvoke = () => 'run'
    await sleep(100)
    await start('fresh')
    await waitUntil(() => test.logs.some((line) => line.includes('ended fresh')))
    expect(test.logs.some((line) => line.includes('ended killed'))).toBe(false)
  })
})
