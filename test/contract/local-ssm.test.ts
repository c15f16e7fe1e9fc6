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
    await waitUntil(async () => {
      const all = await list(id)
      return all.length > 0 && all.every(({ Status }) => terminal.includes(Status ?? ''))
    }, 'the command has ended')
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
  ])(
    'cuts %s in a listing to 2,400 characters, each stream at its end',
    async (_name, out, err) => {
      const write = (count: number, letter: string) =>
        `head -c ${count} /dev/zero | tr "\\0" ${letter}`
      create(`${write(out, 'o')}; ${write(err, 'e')} >&2`)
      const output = (await settle(await send())).CommandPlugins?.[0]?.Output ?? ''
      expect(output.length).toBeLessThanOrEqual(2_400)
      expect(output.length).toBeGreaterThan(2_390)
      expect(output.includes('---Output truncated---')).toBe(out > 2_000)
      expect(output.includes('---Error truncated----')).toBe(err > 2_000)
    },
  )

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
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    create('sleep 300', {}, 60)
    const id = await send()
    vi.advanceTimersByTime(10)
    await waitUntilBegun(id)
    vi.advanceTimersByTime(59_980)
    expect((await list(id))[0]?.Status).toBe('InProgress')
    vi.advanceTimersByTime(20)
    const invocation = await settle(id)
    expect(invocation).toMatchObject({ Status: 'TimedOut', StatusDetails: 'ExecutionTimedOut' })
  })

  it('runs five commands at once on an instance and lets the sixth wait', async () => {
    const [gate, lines] = [join(test.directory, 'gate'), join(test.directory, 'lines')]
    create(
      `echo begun >>${lines}\nwhile [ ! -e ${gate} ]; do sleep 0.05; done\necho over >>${lines}`,
    )
    const ids = await Promise.all(Array.from({ length: 6 }, () => send()))
    const statuses = async () => (await Promise.all(ids.map(list))).map(([one]) => one?.Status)
    const areFiveBegun = () =>
      existsSync(lines) && readFileSync(lines, 'utf8') === 'begun\n'.repeat(5)
    await waitUntil(areFiveBegun, 'five scripts are running')
    const counts = Object.groupBy(await statuses(), (status) => status ?? 'none')
    expect(counts).toMatchObject({ InProgress: { length: 5 }, Pending: { length: 1 } })
    writeFileSync(gate, '')
    for (const id of ids) expect((await settle(id)).Status).toBe('Success')
    // The sixth begins after one of the others has ended.
    const told = readFileSync(lines, 'utf8').trim().split('\n')
    expect(told.lastIndexOf('begun')).toBeGreaterThan(told.indexOf('over'))
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
    expect(await settle(id)).toMatchObject({ Status: 'TimedOut' })
  })
})

describe('eventual consistency of the local SSM', () => {
  it('shows a new command only after a moment', async () => {
    const test = await startTestAws({
      timing: { deliverMilliseconds: 5, visibleMilliseconds: 300 },
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
