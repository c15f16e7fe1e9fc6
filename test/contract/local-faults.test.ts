import { existsSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge'
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda'
import {
  GetCommandInvocationCommand,
  ListCommandInvocationsCommand,
  SSMClient,
  SendCommandCommand,
} from '@aws-sdk/client-ssm'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { CommandFate } from '../../local/aws/index.ts'
import { recordedReply } from '../support/agent-replies.ts'
import { agentFolder } from '../support/real-agent.ts'
import { startTestAws, toDocument, waitUntil, writeFunction } from '../support/local-aws.ts'
import type { TestAws } from '../support/local-aws.ts'

const documentName = 'landfall-local-deploy-1'
/** Ends when the file that the event names is there, or at once. */
const echo = `
import { existsSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
export const handler = async ({ detail }) => {
  console.log('began', detail.text)
  while (detail.gate && !existsSync(detail.gate)) await sleep(5)
  console.log('ended', detail.text)
}`

/** Works and ends when the file for each is there, and leaves a file between the two. */
const script = `#!/bin/sh
date +%s
while [ ! -e "$LANDFALL_ROOT-may-work" ]; do sleep 0.02; done
touch "$LANDFALL_ROOT-done"
while [ ! -e "$LANDFALL_ROOT-may-end" ]; do sleep 0.02; done`

describe('a fault on demand', () => {
  let test: TestAws
  let ssm: SSMClient
  let mark = ''
  const allow = (...what: readonly string[]): void => {
    for (const one of what) writeFileSync(join(test.directory, `root-1-may-${one}`), '')
  }

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
            text: toDocument(script),
          },
        ],
      },
    })
    ssm = new SSMClient({ ...test.client, maxAttempts: 1 })
    mark = join(test.directory, 'root-1-done')
  })
  afterEach(async () => {
    vi.useRealTimers()
    await test.stop()
  })

  /** Sends the command under this fate and reads how SSM says that it ended. */
  const end = async (fate: CommandFate) => {
    test.faults.onCommand = () => fate
    const order = { DocumentName: documentName, InstanceIds: ['i-00000001'] }
    const { Command } = await ssm.send(new SendCommandCommand(order))
    const query = { CommandId: Command?.CommandId, InstanceId: 'i-00000001' }
    const read = async () => {
      const listed = await ssm.send(new ListCommandInvocationsCommand({ ...query, Details: true }))
      return listed.CommandInvocations?.[0]
    }
    const isOver = async () => !/Pending|InProgress/.test((await read())?.Status ?? 'Pending')
    await waitUntil(isOver, 'the command has ended for SSM')
    const { StandardOutputContent, ResponseCode: code } = await ssm.send(
      new GetCommandInvocationCommand(query),
    )
    const said = (await read())?.CommandPlugins?.[0]?.Output ?? ''
    const output = StandardOutputContent?.trim()
    return { details: (await read())?.StatusDetails, code, output, said }
  }

  it('makes a command undeliverable, and nothing runs', async () => {
    const given = { details: 'Undeliverable', code: -1, output: '', said: '' }
    expect(await end({ kind: 'undeliverable' })).toEqual(given)
    expect(existsSync(mark)).toBe(false)
  })

  it('fills the disk of the agent, and nothing runs', async () => {
    const full = await end({ kind: 'disk_full' })
    expect(full).toMatchObject({ details: 'Failed', code: 1, output: '' })
    // But for the names of the instance, the command and the file.
    const [begin = '', , finish = ''] = recordedReply('disk_full').output.split(/(i-.*-000)/)
    expect(full.said.startsWith(begin)).toBe(true)
    expect(full.said.endsWith(finish)).toBe(true)
    expect(existsSync(mark)).toBe(false)
  })

  it('lets the agent write no file, so that nothing runs and nothing is said', async () => {
    const given = { details: 'Failed', code: 1, output: '', said: '' }
    expect(await end({ kind: 'read_only' })).toEqual(given)
    expect(existsSync(mark)).toBe(false)
  })

  it('lets SSM give up a script that really runs, and hear no more of it', async () => {
    const given = { details: 'DeliveryTimedOut', code: -1, output: '', said: '' }
    expect(await end({ kind: 'forget', milliseconds: 100 })).toEqual(given)
    expect(existsSync(mark)).toBe(false)
    allow('work', 'end')
    await waitUntil(() => existsSync(mark), 'the script that SSM gave up goes on')
  })

  it('kills a script at a chosen moment', async () => {
    allow('work')
    const when = () => waitUntil(() => existsSync(mark), 'the script has done its work')
    expect(await end({ kind: 'kill', when })).toMatchObject({ details: 'Failed', code: -1 })
  })

  it('loses the worker of the agent, which says so later, and nothing of the script', async () => {
    allow('work')
    const when = () => waitUntil(() => existsSync(mark), 'the script has done its work')
    const milliseconds = 500
    const lost = await end({ kind: 'lose_worker', when, milliseconds })
    const said = recordedReply('worker_lost').output
    expect(lost).toEqual({ details: 'Failed', code: 1, output: '', said })
    expect(Date.now() - statSync(mark).mtimeMs).toBeGreaterThan(milliseconds)
  })

  it('restarts the agent: the script goes on, its end is told late', async () => {
    allow('work', 'end')
    const milliseconds = 500
    expect(await end({ kind: 'restart_agent', milliseconds })).toMatchObject({ details: 'Success' })
    expect(Date.now() - statSync(mark).mtimeMs).toBeGreaterThan(milliseconds)
  })

  it('cuts the output', async () => {
    allow('work', 'end')
    const cut = await end({ kind: 'cut_output', characters: 3 })
    expect(cut.details).toBe('Success')
    expect(cut.output).toMatch(/^\d{3}$/)
  })

  it.skipIf(agentFolder !== undefined).each([3600, -3600])(
    'puts the clock of an instance wrong by %i s',
    async (seconds) => {
      allow('work', 'end')
      const before = Math.floor(Date.now() / 1000)
      const { output } = await end({ kind: 'wrong_clock', seconds })
      expect(Number(output) - seconds).toBeGreaterThanOrEqual(before)
      expect(Number(output) - seconds).toBeLessThanOrEqual(Date.now() / 1000)
    },
  )

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
    const ended = () =>
      test.logs.filter((line) => line.includes('ended')).map((line) => line.split(' ').at(-1))
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    await emit('first')
    await emit('second')
    vi.advanceTimersByTime(1499)
    await waitUntil(() => ended().length === 1, 'the second event is handled')
    vi.advanceTimersByTime(2)
    await waitUntil(() => ended().length === 2, 'the first event is handled')
    expect(ended()).toEqual(['second', 'first'])
  })

  it('kills a function at its work, and another event finds a fresh one', async () => {
    const lambda = new LambdaClient({ ...test.client, maxAttempts: 1 })
    const gate = join(test.directory, 'gate')
    const start = (text: string) =>
      lambda.send(
        new InvokeCommand({
          FunctionName: 'landfall-local-echo',
          InvocationType: 'Event',
          Payload: JSON.stringify({ detail: { text, gate } }),
        }),
      )
    const isLogged = (text: string) => test.logs.some((line) => line.includes(text))
    const isAtWork = () => waitUntil(() => isLogged('began killed'), 'the function is at its work')
    test.faults.onAsyncInvoke = () => ({ kind: 'kill', when: isAtWork })
    await start('killed')
    await waitUntil(() => isLogged('The environment is gone'), 'the environment is gone')
    test.faults.onAsyncInvoke = () => 'run'
    writeFileSync(gate, '')
    await start('fresh')
    await waitUntil(() => isLogged('ended fresh'), 'the next event is handled')
    expect(isLogged('ended killed')).toBe(false)
  })
})
