import {
  CancelCommandCommand,
  GetCommandInvocationCommand,
  ListCommandInvocationsCommand,
  SendCommandCommand,
  SSMClient,
  type CommandInvocation,
} from '@aws-sdk/client-ssm'
import { sleep } from '../kernel/clock.ts'
import { InstanceId } from '../kernel/id.ts'
import { lazy } from '../kernel/lazy.ts'
import { Retryable } from '../kernel/retryable.ts'
import { fail, succeed } from '../kernel/result.ts'
import type { Command, Commands, Invocation } from '../targets/ec2/ports.ts'
import { describeDenial, inTime, read, readPages, toAwsFailure } from './client.ts'

const toInput = (command: Command) => ({
  DocumentName: command.document,
  // A document's content has its hash in its name, so the stack never updates one. Whoever makes another
  // version the default changes what the name alone would run as root.
  DocumentVersion: '1',
  InstanceIds: [...command.instances],
  Parameters: Object.fromEntries(
    Object.entries(command.parameters).map(([name, value]) => [name, [value]]),
  ),
  // SSM's limit.
  Comment: command.comment.slice(0, 100),
  TimeoutSeconds: command.deliverySeconds,
})

/** One forbidden instance is enough for the refusal of a whole command. */
const oneForbidden = "does each instance have the tag landfall:stage with this stage's name?"

/**
 * SendCommand has no idempotency token, so only a throttled call, which did nothing, is repeated here,
 * twice within the 10 s that an intent is good for.
 *
 * @throws Retryable if it may have been sent: the same fence may go out again
 */
const send = async (
  client: SSMClient,
  command: Command,
  pauses: readonly number[] = [300, 900],
): ReturnType<Commands['send']> => {
  try {
    const { Command: sent } = await client.send(new SendCommandCommand(toInput(command)), inTime())
    if (sent?.CommandId === undefined) throw new Retryable('SSM returned no command id')
    return succeed(sent.CommandId)
  } catch (error) {
    const failure = toAwsFailure(error)
    const { kind, code, message } = failure
    const [pause, ...left] = pauses
    if (kind === 'uncertain') throw new Retryable(`SendCommand: ${code}: ${message}`)
    if (kind === 'throttled' && pause !== undefined) {
      await sleep(pause)
      return send(client, command, left)
    }
    if (kind === 'throttled') return fail({ kind, message })
    if (kind === 'denied')
      return fail({
        kind: 'failed',
        message: describeDenial('ssm:SendCommand', failure, oneForbidden),
      })
    const isUnknown = code === 'InvalidInstanceId'
    return fail({ kind: isUnknown ? 'invalid_instance' : 'failed', message: `${code}: ${message}` })
  }
}

/** Landfall's documents have one step, so its output is the command's. */
const toInvocation = (invocation: CommandInvocation): Invocation => {
  const { Output: output = '', ResponseCode: code = -1 } = invocation.CommandPlugins?.[0] ?? {}
  return {
    instance: InstanceId.parse(invocation.InstanceId),
    status: invocation.Status ?? 'Pending',
    statusDetails: invocation.StatusDetails ?? '',
    exitCode: code < 0 ? null : code,
    output,
  }
}

/** What reads of a command are refused with until SSM knows it: there is nothing to read yet. */
const notYet = { InvalidCommandId: { $metadata: {} }, InvocationDoesNotExist: { $metadata: {} } }

const listInvocations = (client: SSMClient, command: string) =>
  readPages<Invocation>(async (token) => {
    const input = { CommandId: command, Details: true, MaxResults: 50, NextToken: token }
    const { CommandInvocations: items = [], NextToken: next } = await read(
      'ssm:ListCommandInvocations',
      () => client.send(new ListCommandInvocationsCommand(input), inTime()),
      notYet,
    )
    return { items: items.map(toInvocation), next }
  })

/** SSM's Run Command. */
export const createCommands = (
  create: (settings: { maxAttempts: number }) => SSMClient = (settings) => new SSMClient(settings),
): Commands => {
  const sender = lazy(() => create({ maxAttempts: 1 }))
  const reader = lazy(() => create({ maxAttempts: 3 }))
  return {
    send: (command) => send(sender(), command),
    invocations: (command) => listInvocations(reader(), command),
    output: async (command, instance) => {
      const order = new GetCommandInvocationCommand({ CommandId: command, InstanceId: instance })
      const { StandardOutputContent: stdout = '', StandardErrorContent: stderr = '' } = await read(
        'ssm:GetCommandInvocation',
        () => reader().send(order, inTime()),
        notYet,
      )
      return { stdout, stderr }
    },
    cancel: async (command) => {
      const order = new CancelCommandCommand({ CommandId: command })
      await read('ssm:CancelCommand', () => reader().send(order, inTime()), {
        InvalidCommandId: { $metadata: {} },
      })
    },
  }
}
