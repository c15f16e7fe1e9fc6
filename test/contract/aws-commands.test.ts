import { ListCommandsCommand, SSMClient } from '@aws-sdk/client-ssm'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createCommands } from '../../src/aws/ssm-commands.ts'
import { InstanceId } from '../../src/kernel/id.ts'
import { Denied } from '../../src/kernel/denied.ts'
import { Retryable } from '../../src/kernel/retryable.ts'
import type { Command, Commands } from '../../src/targets/ec2/ports.ts'
import { startTestAws, toDocument, waitUntil, type TestAws } from '../support/local-aws.ts'

const document = 'landfall-local-deploy-00000000'
const [first, second] = [InstanceId.parse('i-00000001'), InstanceId.parse('i-00000002')]

let aws: TestAws
let ssm: SSMClient
let commands: Commands

beforeEach(async () => {
  aws = await startTestAws({ instances: 2 })
  ssm = new SSMClient(aws.client)
  commands = createCommands((settings) => new SSMClient({ ...aws.client, ...settings }))
  const script = '#!/bin/sh\necho "$SSM_App on $AWS_SSM_INSTANCE_ID"\necho problem >&2\n$SSM_Then'
  const text = { type: 'String', interpolationType: 'ENV_VAR' }
  const parameters = { App: text, Then: { ...text, default: 'true' } }
  aws.aws.addDocument(document, toDocument(script, parameters))
})
afterEach(() => aws.stop())

const unlisted = '00000000-0000-4000-8000-000000000000'

const order = (more: Partial<Command> = {}): Command => ({
  document,
  instances: [first],
  parameters: { App: 'shop' },
  comment: 'a test',
  deliverySeconds: 30,
  ...more,
})

const send = async (more: Partial<Command> = {}): Promise<string> => {
  const sent = await commands.send(order(more))
  if (!sent.ok) throw new Error(sent.error.message)
  return sent.value
}

const settle = (command: string): Promise<void> =>
  waitUntil(async () => {
    const all = await commands.invocations(command)
    return all.length > 0 && all.every(({ status }) => !/Pending|InProgress/.test(status))
  }, 'the command has ended')

const listSent = async () => (await ssm.send(new ListCommandsCommand({}))).Commands ?? []

const failCalls = (times: number, code: string, statusCode: number): void => {
  let left = times
  aws.faults.onCall = ({ operation }) => {
    if (operation !== 'SendCommand' || left === 0) return null
    left -= 1
    return { kind: 'refuse', code, message: 'not this time', statusCode }
  }
}

test('sends a command to its instances with its parameters, and reads their answers', async () => {
  const command = await send({ instances: [first, second] })
  await settle(command)
  const answers = await commands.invocations(command)
  expect(answers.map(({ instance, status }) => [instance, status])).toEqual([
    [first, 'Success'],
    [second, 'Success'],
  ])
  expect(answers[1]?.output).toContain(`shop on ${second}`)
  expect(await commands.output(command, first)).toEqual({
    stdout: `shop on ${first}\n`,
    stderr: 'problem\n',
  })
})

test('sends the document as it was created, whatever became its default version since', async () => {
  const sent: unknown[] = []
  const recording = createCommands((settings) => {
    const client = new SSMClient({ ...aws.client, ...settings })
    client.middlewareStack.add(
      (next) => (call) => {
        sent.push(call.input)
        return next(call)
      },
      { step: 'initialize' },
    )
    return client
  })
  expect(await recording.send(order())).toMatchObject({ ok: true })
  expect(sent).toMatchObject([{ DocumentName: document, DocumentVersion: '1' }])
})

test('cuts a comment that is too long for SSM', async () => {
  await send({ comment: 'x'.repeat(200) })
  expect((await listSent())[0]?.Comment).toBe('x'.repeat(100))
})

test('tells an instance that SSM does not know from other failures', async () => {
  const sent = await commands.send(order({ instances: [InstanceId.parse('i-0000000f')] }))
  expect(sent).toMatchObject({ ok: false, error: { kind: 'invalid_instance' } })
  const unknown = await commands.send(order({ document: 'landfall-local-gone' }))
  expect(unknown).toMatchObject({ ok: false, error: { kind: 'failed' } })
  expect(unknown.ok ? '' : unknown.error.message).toContain('InvalidDocument')
})

test('repeats a throttled send, which sent nothing', async () => {
  failCalls(2, 'ThrottlingException', 400)
  await send()
  expect(await listSent()).toHaveLength(1)
})

test('reports a send that stays throttled', async () => {
  failCalls(9, 'ThrottlingException', 400)
  expect(await commands.send(order())).toMatchObject({ ok: false, error: { kind: 'throttled' } })
})

test('neither repeats nor fails a send whose answer is lost', async () => {
  aws.faults.onCall = ({ operation }) =>
    operation === 'SendCommand' ? { kind: 'lose_answer' } : null
  await expect(commands.send(order())).rejects.toThrow(Retryable)
  expect(await listSent()).toHaveLength(1)
})

test('does not fail a send that AWS answers with an internal error', async () => {
  failCalls(9, 'InternalServerError', 500)
  await expect(commands.send(order())).rejects.toThrow(Retryable)
})

test('reads no answers of a command that SSM does not list yet', async () => {
  expect(await commands.invocations(unlisted)).toEqual([])
  expect(await commands.output(unlisted, first)).toEqual({ stdout: '', stderr: '' })
  await expect(commands.cancel(unlisted)).resolves.toBeUndefined()
})

test.each(['InvalidCommandId', 'InvocationDoesNotExist'])(
  'reads no answers where SSM says %s, as it may until it lists the command',
  async (code) => {
    aws.faults.onCall = () => ({ kind: 'refuse', code, message: 'not yet', statusCode: 400 })
    expect(await commands.invocations(unlisted)).toEqual([])
    expect(await commands.output(unlisted, first)).toEqual({ stdout: '', stderr: '' })
  },
)

test('cancels a command', async () => {
  const command = await send({ parameters: { App: 'shop', Then: 'sleep 300' } })
  const hasBegun = async () => (await commands.invocations(command))[0]?.status === 'InProgress'
  await waitUntil(hasBegun, 'the command has begun')
  await commands.cancel(command)
  await settle(command)
  expect((await commands.invocations(command))[0]?.status).toBe('Cancelled')
})

test('throws a listing without a right as denied, a refused one as a bug, and an unanswered one as retryable', async () => {
  let code = 'AccessDeniedException'
  aws.faults.onCall = () => ({ kind: 'refuse', code, message: 'no', statusCode: 400 })
  await expect(commands.invocations(unlisted)).rejects.toThrow(Denied)
  code = 'ValidationException'
  await expect(commands.invocations(unlisted)).rejects.toThrow(/^no$/)
  await aws.aws.stop()
  await expect(commands.invocations(unlisted)).rejects.toThrow(Retryable)
})
