import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  CancelCommandCommand,
  DescribeInstanceInformationCommand,
  GetCommandInvocationCommand,
  ListCommandInvocationsCommand,
  ListCommandsCommand,
  ListDocumentsCommand,
  SSMClient,
  SendCommandCommand,
  type CommandInvocation,
  type SendCommandCommandInput,
} from '@aws-sdk/client-ssm'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { recordedReply } from '../support/agent-replies.ts'
import { agentFolder } from '../support/real-agent.ts'
import { startTestAws, toDocument, waitUntil, type TestAws } from '../support/local-aws.ts'

/** A zombie counts as ended. */
const isRunning = (pid: number): boolean => {
  try {
    return !/\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}

afterEach(() => {
  vi.useRealTimers()
})

/** Its clock is the machine's. */
const isReal = agentFolder !== undefined

const terminal = ['Success', 'Failed', 'TimedOut', 'Cancelled']

describe('the local SSM', () => {
  let test: TestAws
  let ssm: SSMClient

  beforeEach(async () => {
    test = await startTestAws({ instances: 2 })
    ssm = new SSMClient({ ...test.client, maxAttempts: 1 })
  })
  afterEach(() => test.stop())

  const create = (script: string, parameters = {}, timeoutSeconds = 60): void =>
    test.aws.addDocument(
      'landfall-local-deploy-00000000',
      toDocument(script, parameters, timeoutSeconds),
    )
  const send = async (input: Partial<SendCommandCommandInput> = {}): Promise<string> => {
    const { Command } = await ssm.send(
      new SendCommandCommand({
        DocumentName: 'landfall-local-deploy-00000000',
        InstanceIds: ['i-00000001'],
        ...input,
      }),
    )
    return Command?.CommandId ?? ''
  }
  const list = async (id: string): Promise<readonly CommandInvocation[]> => {
    const query = new ListCommandInvocationsCommand({ CommandId: id, Details: true })
    return (await ssm.send(query)).CommandInvocations ?? []
  }
  const waitUntilBegun = (id: string): Promise<void> =>
    waitUntil(async () => (await list(id))[0]?.Status === 'InProgress', 'the command has begun')
  const settle = async (id: string): Promise<CommandInvocation> => {
    const isOver = async (): Promise<boolean> => {
      const all = await list(id)
      return all.length > 0 && all.every(({ Status }) => terminal.includes(Status ?? ''))
    }
    await waitUntil(isOver, 'the command has ended', isReal ? 120 : undefined)
    const [first] = await list(id)
    if (!first) throw new Error('No invocation')
    return first
  }
  const read = (id: string, instance = 'i-00000001') =>
    ssm.send(new GetCommandInvocationCommand({ CommandId: id, InstanceId: instance }))

  it('runs the script and answers its output, code and step', async () => {
    create('#!/usr/bin/env bash\nset -u\n[[ a == a ]] && echo "hello from $AWS_SSM_INSTANCE_ID"')
    const id = await send()
    const invocation = await settle(id)
    expect(invocation.Status).toBe('Success')
    expect(invocation.CommandPlugins?.[0]).toMatchObject({
      Name: 'deploy',
      ResponseCode: 0,
      Output: 'hello from i-00000001\n',
    })
    expect(await read(id)).toMatchObject({
      Status: 'Success',
      PluginName: 'deploy',
      StandardOutputContent: 'hello from i-00000001\n',
      ResponseCode: 0,
    })
  })

  it('gives the script the environment of the agent and nothing of this process', async () => {
    create('env | sort; pwd')
    const id = await send()
    await settle(id)
    const { StandardOutputContent: text = '' } = await read(id)
    expect(text).toContain(`SSM_COMMAND_ID=${id}`)
    expect(text).toContain(`LANDFALL_ROOT=${join(test.directory, 'root-1')}`)
    expect(text).toContain('AWS_SSM_REGION_NAME=eu-west-3')
    expect(text).toContain('\n/usr/bin\n')
    expect(text).not.toMatch(/^(HOME|USER|NODE_ENV|VITEST)=/m)
  })

  it('hands over ENV_VAR parameters as SSM_<Name>, unread by any shell', async () => {
    const parameters = {
      App: { type: 'String', interpolationType: 'ENV_VAR' },
      Mode: { type: 'String', interpolationType: 'ENV_VAR', default: 'deploy' },
    }
    create('printf "%s|%s" "$SSM_App" "$SSM_Mode"', parameters)
    const id = await send({ Parameters: { App: ['$(touch /tmp/pwned) `id` "x'] } })
    await settle(id)
    expect((await read(id)).StandardOutputContent).toBe('$(touch /tmp/pwned) `id` "x|deploy')
  })

  it('refuses parameters that are unknown, missing or against the pattern', async () => {
    const App = { type: 'String', interpolationType: 'ENV_VAR', allowedPattern: '^[a-z]+$' }
    create('true', { App })
    for (const Parameters of [{}, { App: ['A1'] }, { App: ['a'], Other: ['b'] }])
      await expect(send({ Parameters })).rejects.toMatchObject({ name: 'InvalidParameters' })
  })

  it('counts parameter values into the 64 KB of the document', async () => {
    create('true', { App: { type: 'String', interpolationType: 'ENV_VAR' } })
    const Parameters = { App: ['x'.repeat(65_000)] }
    expect(await send({ Parameters })).not.toBe('')
    const tooLong = { App: ['x'.repeat(65_500)] }
    await expect(send({ Parameters: tooLong })).rejects.toMatchObject({
      name: 'MaxDocumentSizeExceeded',
    })
  })

  it('refuses unknown documents and instances with the codes of AWS', async () => {
    await expect(send()).rejects.toMatchObject({ name: 'InvalidDocument' })
    create('true')
    await expect(send({ InstanceIds: ['i-00000009'] })).rejects.toMatchObject({
      name: 'InvalidInstanceId',
    })
    await expect(read('00000000-0000-4000-8000-000000000000')).rejects.toMatchObject({
      name: 'InvocationDoesNotExist',
    })
  })

  it('lists documents page by page', async () => {
    create('true')
    test.aws.addDocument('landfall-local-other', toDocument('false'))
    const first = await ssm.send(new ListDocumentsCommand({ MaxResults: 1 }))
    const NextToken = first.NextToken
    const second = await ssm.send(new ListDocumentsCommand({ MaxResults: 1, NextToken }))
    const all = [...(first.DocumentIdentifiers ?? []), ...(second.DocumentIdentifiers ?? [])]
    expect(all.map(({ Name }) => Name)).toEqual([
      'landfall-local-deploy-00000000',
      'landfall-local-other',
    ])
    expect(second.NextToken).toBeUndefined()
  })

  it('judges each instance for itself', async () => {
    create('test "$AWS_SSM_INSTANCE_ID" = i-00000001')
    const id = await send({ InstanceIds: ['i-00000001', 'i-00000002'] })
    await settle(id)
    const byInstance = new Map((await list(id)).map((one) => [one.InstanceId, one.Status]))
    expect(byInstance.get('i-00000001')).toBe('Success')
    expect(byInstance.get('i-00000002')).toBe('Failed')
  })

  it('says after the output of a script that fails how it ended', async () => {
    create('echo no >&2; exit 126')
    const id = await send()
    await settle(id)
    expect(await read(id)).toMatchObject({
      Status: 'Failed',
      ResponseCode: 126,
      StandardErrorContent: 'no\nfailed to run commands: exit status 126',
    })
  })

  it('keeps the first characters of long output and says that it cut', async () => {
    create('head -c 30000 /dev/zero | tr "\\0" a; head -c 9000 /dev/zero | tr "\\0" b >&2; exit 3')
    const id = await send()
    const invocation = await settle(id)
    const full = await read(id)
    expect(full.StandardOutputContent).toHaveLength(24_000)
    expect(full.StandardOutputContent).toMatch(/^a+--output truncated--$/)
    expect(full.StandardErrorContent).toHaveLength(8_000)
    expect(full.ResponseCode).toBe(3)
    const output = invocation.CommandPlugins?.[0]?.Output ?? ''
    expect(output.length).toBeLessThanOrEqual(2_500)
    expect(output).toContain('\n---Output truncated---\n----------ERROR-------\nbbb')
  })

  it.each([
    ['out', 3_000, 0],
    ['err', 0, 3_000],
    ['both', 3_000, 3_000],
    ['a long out beside a short err', 3_000, 100],
    ['a short out beside a long err', 100, 3_000],
  ])('cuts %s in a listing to 2,500 bytes, each stream at its end', async (_name, out, err) => {
    const write = (count: number, letter: string) =>
      `head -c ${count} /dev/zero | tr "\\0" ${letter}`
    create(`${write(out, 'o')}; ${write(err, 'e')} >&2`)
    const output = (await settle(await send())).CommandPlugins?.[0]?.Output ?? ''
    expect(output.length).toBeLessThanOrEqual(2_500)
    expect(output.length).toBeGreaterThan(2_490)
    expect(output.includes('---Output truncated---')).toBe(out > 2_000)
    expect(output.includes('---Error truncated----')).toBe(err > 2_000)
  })

  it('cuts output by bytes, and within a character', async () => {
    create(`printf 'a'; printf 'ü%.0s' $(seq 20000)`)
    const id = await send()
    const output = (await settle(id)).CommandPlugins?.[0]?.Output ?? ''
    expect(output).toMatch(/^aü{1238}\n---Output truncated---$/)
    // 23,980 bytes: the last is the first one of two.
    expect((await read(id)).StandardOutputContent).toMatch(/^aü{11989}\uFFFD--output truncated--$/)
  })

  it('tells a script that something else killed from one whose time was over', async () => {
    create('echo out; kill -KILL 0')
    const id = await send()
    expect(await settle(id)).toMatchObject({ Status: 'Failed', StatusDetails: 'Failed' })
    expect(await read(id)).toMatchObject({
      ResponseCode: -1,
      StandardOutputContent: 'out\n',
      StandardErrorContent: 'failed to run commands: signal: killed',
    })
  })

  it.each([
    ['printf out', 'out'],
    ['printf err >&2', '\n----------ERROR-------\nerr'],
    ['printf out; printf err >&2', 'out\n----------ERROR-------\nerr'],
  ])('lists the output of `%s` whole', async (script, output) => {
    create(script)
    expect((await settle(await send())).CommandPlugins?.[0]?.Output).toBe(output)
  })

  it('kills the whole group on cancel, and no trap runs', async () => {
    const marker = join(test.directory, 'trapped')
    const child = join(test.directory, 'child')
    create(`trap 'touch ${marker}' EXIT TERM INT\nsleep 300 &\necho $! >${child}\nwait`)
    const id = await send()
    const readChild = () => (existsSync(child) ? Number(readFileSync(child, 'utf8')) : 0)
    await waitUntil(() => readChild() > 0, 'the script has started its child')
    expect(isRunning(readChild())).toBe(true)
    await ssm.send(new CancelCommandCommand({ CommandId: id }))
    const invocation = await settle(id)
    expect(invocation.Status).toBe('Cancelled')
    expect(invocation.CommandPlugins?.[0]?.ResponseCode).toBe(137)
    await waitUntil(() => !isRunning(readChild()), 'the child of the script has ended')
    expect(existsSync(marker)).toBe(false)
  })

  it('ends what exceeds the execution timeout by SIGKILL', async () => {
    const seconds = isReal ? 5 : 60
    if (!isReal) vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    create('sleep 300', {}, seconds)
    const id = await send()
    if (!isReal) vi.advanceTimersByTime(10)
    await waitUntilBegun(id)
    if (!isReal) vi.advanceTimersByTime(59_980)
    expect((await list(id))[0]?.Status).toBe('InProgress')
    if (!isReal) vi.advanceTimersByTime(20)
    const invocation = await settle(id)
    expect(invocation).toMatchObject({ Status: 'TimedOut', StatusDetails: 'ExecutionTimedOut' })
    expect(invocation.CommandPlugins?.[0]?.ResponseCode).toBe(137)
  })

  /** Keeps scripts of the document from their end until the gate is there; each writes a line before and after. */
  const createGate = () => {
    const [gate, lines] = [join(test.directory, 'gate'), join(test.directory, 'lines')]
    create(
      `echo begun >>${lines}\nwhile [ ! -e ${gate} ]; do sleep 0.05; done\necho over >>${lines}`,
    )
    const told = (): readonly string[] =>
      existsSync(lines) ? readFileSync(lines, 'utf8').trim().split('\n') : []
    const statuses = async (ids: readonly string[]) =>
      (await Promise.all(ids.map(list))).map(([one]) => one?.Status)
    return { open: () => writeFileSync(gate, ''), told, statuses }
  }
  const sendMany = async (count: number): Promise<readonly string[]> => {
    const ids: string[] = []
    for (let sent = 0; sent < count; sent += 1) ids.push(await send({ TimeoutSeconds: 30 }))
    return ids
  }
  const inProgress = (count: number) => Array.from({ length: count }, () => 'InProgress')

  it('runs five commands at once on an instance, which takes five more, and lets the eleventh wait', async () => {
    const { open, told, statuses } = createGate()
    const ids = await sendMany(11)
    const areTaken = async () => (await statuses(ids)).filter((one) => one === 'InProgress').length
    await waitUntil(async () => (await areTaken()) === 10, 'ten commands are taken')
    await waitUntil(() => told().length === 5, 'five scripts are running')
    expect(await statuses(ids)).toEqual([...inProgress(10), 'Pending'])
    open()
    for (const id of ids) expect((await settle(id)).Status).toBe('Success')
    // The sixth begins after one of the others has ended.
    expect(told().indexOf('over')).toBe(5)
    expect(told()).toHaveLength(22)
  })

  it('ends by the delivery timeout what no agent has taken, and nothing else', async () => {
    const { open, statuses } = createGate()
    const ids = await sendMany(10)
    const areTaken = async () => (await statuses(ids)).every((one) => one === 'InProgress')
    await waitUntil(areTaken, 'ten commands are taken')
    const eleventh = await send({ TimeoutSeconds: 30 })
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 30_000 })
    expect(await settle(eleventh)).toMatchObject({
      Status: 'TimedOut',
      StatusDetails: 'DeliveryTimedOut',
    })
    expect(await statuses(ids)).toEqual(inProgress(10))
    vi.useRealTimers()
    open()
    for (const id of ids) expect((await settle(id)).Status).toBe('Success')
  })

  it('hears nothing of a command that is cancelled while it waits, which begins when its agent starts again', async () => {
    const { open, told, statuses } = createGate()
    const ids = await sendMany(6)
    const sixth = ids.slice(5)
    await waitUntil(async () => (await statuses(sixth))[0] === 'InProgress', 'six are taken')
    await waitUntil(() => told().length === 5, 'five scripts are running')
    await ssm.send(new CancelCommandCommand({ CommandId: sixth[0] }))
    // What is taken after the cancel tells that the agent has heard of it.
    const next = await send()
    await waitUntil(async () => (await statuses([next]))[0] === 'InProgress', 'the next is taken')
    open()
    for (const id of [...ids.slice(0, 5), next]) expect((await settle(id)).Status).toBe('Success')
    expect(await statuses(sixth)).toEqual(['InProgress'])
    expect(told().filter((line) => line === 'begun')).toHaveLength(6)
    test.faults.onCommand = () => ({ kind: 'restart_agent', milliseconds: 0 })
    await send()
    expect((await settle(sixth[0] ?? '')).Status).toBe('Success')
  })

  it('gives up a command whose agent has taken it and never replies', async () => {
    const { open, statuses } = createGate()
    const ids = await sendMany(1)
    await waitUntil(async () => (await statuses(ids))[0] === 'InProgress', 'it has begun')
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 90_000 })
    const given = { Status: 'TimedOut', StatusDetails: 'DeliveryTimedOut' }
    expect(await settle(ids[0] ?? '')).toMatchObject(given)
    vi.useRealTimers()
    open()
  })

  it('leaves a command for an instance that is away pending, and delivers it later', async () => {
    const member = test.fleet.get('i-00000001')
    if (!member) throw new Error('No instance')
    member.status.online = false
    const query = new DescribeInstanceInformationCommand({})
    const { InstanceInformationList: known = [] } = await ssm.send(query)
    expect(known.map(({ PingStatus }) => PingStatus)).toEqual(['ConnectionLost', 'Online'])
    create('echo back')
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const id = await send()
    vi.advanceTimersByTime(10_000)
    expect((await list(id))[0]?.Status).toBe('Pending')
    member.status.online = true
    vi.advanceTimersByTime(1_000)
    expect((await settle(id)).Status).toBe('Success')
  })

  it('lists commands newest first, page by page', async () => {
    create('true')
    const ids = [await send(), await send(), await send()]
    const first = await ssm.send(new ListCommandsCommand({ MaxResults: 2 }))
    const NextToken = first.NextToken
    const second = await ssm.send(new ListCommandsCommand({ MaxResults: 2, NextToken }))
    const all = [...(first.Commands ?? []), ...(second.Commands ?? [])]
    expect(all.map(({ CommandId }) => CommandId)).toEqual(ids.toReversed())
  })

  it('remembers documents, commands and their output after a restart', async () => {
    create('echo remembered')
    const id = await send()
    await settle(id)
    test = await test.restart()
    ssm = new SSMClient({ ...test.client, maxAttempts: 1 })
    expect((await read(id)).StandardOutputContent).toBe('remembered\n')
    expect((await settle(await send())).Status).toBe('Success')
  })

  it('tells of a script that the stack took with it', async () => {
    create('sleep 300')
    const id = await send()
    await waitUntilBegun(id)
    test = await test.restart()
    ssm = new SSMClient({ ...test.client, maxAttempts: 1 })
    const { status, code, output } = recordedReply('worker_lost')
    expect(await settle(id)).toMatchObject({
      Status: status,
      CommandPlugins: [{ ResponseCode: code, Output: output }],
    })
    expect(await read(id)).toMatchObject({ StandardOutputContent: '', StandardErrorContent: '' })
  })

  it('begins after a restart what an agent had taken and not begun', async () => {
    const { open, statuses } = createGate()
    const ids = await sendMany(6)
    const areTaken = async () => (await statuses(ids)).every((one) => one === 'InProgress')
    await waitUntil(areTaken, 'six commands are taken')
    open()
    test = await test.restart()
    ssm = new SSMClient({ ...test.client, maxAttempts: 1 })
    expect((await settle(ids[5] ?? '')).Status).toBe('Success')
  })
})

describe('eventual consistency of the local SSM', () => {
  it('shows a new command only after a moment', async () => {
    const test = await startTestAws({
      timing: { visibleMilliseconds: 300 },
      service: { documents: [{ name: 'landfall-local-x', text: toDocument('true') }] },
    })
    const ssm = new SSMClient({ ...test.client, maxAttempts: 1 })
    vi.useFakeTimers({ toFake: ['Date'] })
    const order = { DocumentName: 'landfall-local-x', InstanceIds: ['i-00000001'] }
    const { Command } = await ssm.send(new SendCommandCommand(order))
    const query = { CommandId: Command?.CommandId, InstanceId: 'i-00000001' }
    const listed = await ssm.send(new ListCommandInvocationsCommand(query))
    expect(listed.CommandInvocations).toEqual([])
    await expect(ssm.send(new GetCommandInvocationCommand(query))).rejects.toMatchObject({
      name: 'InvocationDoesNotExist',
    })
    vi.setSystemTime(Date.now() + 300)
    await waitUntil(async () => {
      const { CommandInvocations = [] } = await ssm.send(new ListCommandInvocationsCommand(query))
      return CommandInvocations[0]?.Status === 'Success'
    }, 'the command is seen to have ended')
    await test.stop()
  })
})
