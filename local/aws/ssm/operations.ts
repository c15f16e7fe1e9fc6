import * as z from 'zod'
import { AwsError, operation, paginate, type Operations } from '../operation.ts'
import { toTagValues, type Fleet, type FleetMember } from '../fleet.ts'
import type { Command, Invocation } from './command.ts'
import type { CommandStore } from './command-store.ts'
import {
  describeCommand,
  describeInstance,
  describeInvocation,
  describeInvocationOutput,
} from './describe.ts'
import type { Documents } from './documents.ts'
import type { RunCommand } from './run-command.ts'
import { SendCommand, toCommand } from './send-command.ts'

export interface SsmParts {
  readonly fleet: Fleet
  readonly documents: Documents
  readonly commands: CommandStore
  readonly runCommand: RunCommand
  /** How long a new command is not seen by the calls that read (eventual consistency). */
  readonly visibleMilliseconds: number
}

const Page = z.object({
  MaxResults: z.number().int().min(1).max(50).default(50),
  NextToken: z.string().optional(),
})
const Query = Page.extend({
  CommandId: z.string().optional(),
  InstanceId: z.string().optional(),
  Details: z.boolean().default(false),
})
const One = z.object({
  CommandId: z.string(),
  InstanceId: z.string(),
  PluginName: z.string().min(4).optional(),
})
const Cancel = z.object({
  CommandId: z.string(),
  InstanceIds: z.array(z.string()).default([]),
})

const createReader = (parts: SsmParts) => {
  const isVisible = (command: Command): boolean =>
    Date.now() - Date.parse(command.requestedAt) >= parts.visibleMilliseconds
  const list = (query: z.infer<typeof Query>): readonly Command[] => {
    const { CommandId: id } = query
    if (id === undefined) return parts.commands.list().filter(isVisible)
    const command = parts.commands.find(id)
    if (!z.uuid().safeParse(id).success)
      throw new AwsError('InvalidCommandId', 'The command id is not valid.')
    return command && isVisible(command) ? [command] : []
  }
  const toStepName = (command: Command): string =>
    parts.documents.find(command.documentName).content.mainSteps[0].name
  return { list, isVisible, toStepName }
}

const isOf = (query: z.infer<typeof Query>, { instanceId }: Invocation): boolean =>
  query.InstanceId === undefined || query.InstanceId === instanceId

const readOperations = (parts: SsmParts): Operations => {
  const { list, isVisible, toStepName } = createReader(parts)
  return {
    ListCommands: operation(Query, (query) => {
      const found = list(query).filter(({ invocations }) =>
        invocations.some((invocation) => isOf(query, invocation)),
      )
      const { page, next } = paginate(found, query.MaxResults, query.NextToken)
      return { Commands: page.map(describeCommand), NextToken: next }
    }),
    ListCommandInvocations: operation(Query, (query) => {
      const found = list(query).flatMap((command) =>
        command.invocations
          .filter((invocation) => isOf(query, invocation))
          .map((invocation) => ({ command, invocation })),
      )
      const { page, next } = paginate(found, query.MaxResults, query.NextToken)
      const CommandInvocations = page.map(({ command, invocation }) =>
        describeInvocation(command, invocation, query.Details ? toStepName(command) : null),
      )
      return { CommandInvocations, NextToken: next }
    }),
    GetCommandInvocation: operation(One, (query) => {
      const command = parts.commands.find(query.CommandId)
      const invocation = command?.invocations.find((one) => one.instanceId === query.InstanceId)
      if (!command || !invocation || !isVisible(command))
        throw new AwsError('InvocationDoesNotExist', 'The invocation does not exist.')
      const stepName = toStepName(command)
      if (query.PluginName !== undefined && query.PluginName !== stepName)
        throw new AwsError('InvalidPluginName', 'The plugin name is not valid.')
      return describeInvocationOutput(command, invocation, stepName)
    }),
  }
}

const writeOperations = (parts: SsmParts): Operations => ({
  SendCommand: operation(SendCommand, (order) => {
    const document = parts.documents.find(order.DocumentName)
    const command = toCommand(document, parts.fleet, order)
    parts.commands.add(command)
    parts.runCommand.deliver(command)
    return { Command: describeCommand(command) }
  }),
  CancelCommand: operation(Cancel, ({ CommandId, InstanceIds }) => {
    const command = parts.commands.find(CommandId)
    if (!command) throw new AwsError('InvalidCommandId', 'The command id is not valid.')
    const all = command.invocations.map(({ instanceId }) => instanceId)
    const cancelled = parts.commands.change(CommandId, { cancelled: true })
    parts.runCommand.cancel(cancelled, InstanceIds.length > 0 ? InstanceIds : all)
    return {}
  }),
})

const Filters = z.array(z.object({ Key: z.string(), Values: z.array(z.string()) })).default([])

const toFilterValues = (member: FleetMember, key: string): readonly string[] => {
  const described = describeInstance(member)
  if (key === 'InstanceIds') return [described.InstanceId]
  if (key === 'PingStatus') return [described.PingStatus]
  if (key === 'PlatformTypes') return [described.PlatformType]
  if (key === 'ResourceType') return [described.ResourceType]
  if (key.startsWith('tag:')) return toTagValues(member.instance, key.slice('tag:'.length))
  throw new AwsError('InvalidInstanceInformationFilterValue', `The filter ${key} is not valid.`)
}

/** A terminated instance is no longer listed; a stopped one is, as ConnectionLost. */
const createInstanceOperations = ({ fleet }: SsmParts): Operations => ({
  DescribeInstanceInformation: operation(Page.extend({ Filters }), (input) => {
    const found = [...fleet.values()]
      .filter(({ status }) => status.state !== 'terminated')
      .filter((member) =>
        input.Filters.every(({ Key, Values }) =>
          toFilterValues(member, Key).some((value) => Values.includes(value)),
        ),
      )
    const { page, next } = paginate(found, input.MaxResults, input.NextToken)
    return { InstanceInformationList: page.map(describeInstance), NextToken: next }
  }),
})

export const createSsmOperations = (parts: SsmParts): Operations => ({
  ...parts.documents.operations,
  ...readOperations(parts),
  ...writeOperations(parts),
  ...createInstanceOperations(parts),
})
