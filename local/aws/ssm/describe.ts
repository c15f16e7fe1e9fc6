import type { FleetMember } from '../fleet.ts'
import { isOver, toCommandStatus, type Command, type Invocation } from './command.ts'
import type { Document } from './document.ts'

const toDate = (instant: string | undefined): Date | undefined =>
  instant === undefined ? undefined : new Date(instant)

/** ListCommands shows parameter values to every caller that may call it. */
export const describeCommand = (command: Command) => {
  const status = toCommandStatus(command)
  const ended = command.invocations.filter(isOver)
  return {
    CommandId: command.id,
    DocumentName: command.documentName,
    DocumentVersion: '1',
    Comment: command.comment,
    ExpiresAfter: new Date(command.expiresAt),
    Parameters: command.parameters,
    InstanceIds: command.instanceIds,
    Targets: command.targets,
    RequestedDateTime: new Date(command.requestedAt),
    Status: status,
    StatusDetails: status,
    TimeoutSeconds: command.timeoutSeconds,
    MaxConcurrency: '50',
    MaxErrors: '0',
    TargetCount: command.invocations.length,
    CompletedCount: ended.length,
    ErrorCount: ended.filter(({ status }) => status !== 'Success').length,
    DeliveryTimedOutCount: ended.filter((one) => one.statusDetails === 'DeliveryTimedOut').length,
  }
}

const describePlugin = (invocation: Invocation, stepName: string) => ({
  Name: stepName,
  Status: invocation.status,
  StatusDetails: invocation.statusDetails,
  ResponseCode: invocation.responseCode,
  ResponseStartDateTime: toDate(invocation.startedAt),
  ResponseFinishDateTime: toDate(invocation.endedAt),
  Output: invocation.output,
  StandardOutputUrl: '',
  StandardErrorUrl: '',
})

export const describeInvocation = (
  command: Command,
  invocation: Invocation,
  stepName: string | null,
) => ({
  CommandId: command.id,
  InstanceId: invocation.instanceId,
  InstanceName: invocation.instanceName,
  Comment: command.comment,
  DocumentName: command.documentName,
  DocumentVersion: '1',
  RequestedDateTime: new Date(command.requestedAt),
  Status: invocation.status,
  StatusDetails: invocation.statusDetails,
  StandardOutputUrl: '',
  StandardErrorUrl: '',
  CommandPlugins:
    stepName === null || invocation.status === 'Pending'
      ? []
      : [describePlugin(invocation, stepName)],
})

/** The single one with its full output; timestamps are text here. */
export const describeInvocationOutput = (
  command: Command,
  invocation: Invocation,
  stepName: string,
) => ({
  CommandId: command.id,
  InstanceId: invocation.instanceId,
  Comment: command.comment,
  DocumentName: command.documentName,
  DocumentVersion: '1',
  PluginName: stepName,
  ResponseCode: invocation.responseCode,
  ExecutionStartDateTime: invocation.startedAt ?? '',
  ExecutionEndDateTime: invocation.endedAt ?? '',
  ExecutionElapsedTime: '',
  Status: invocation.status,
  StatusDetails: invocation.statusDetails,
  StandardOutputContent: invocation.stdout,
  StandardOutputUrl: '',
  StandardErrorContent: invocation.stderr,
  StandardErrorUrl: '',
})

export const describeDocument = (document: Document) => ({
  Name: document.name,
  Hash: document.hash,
  HashType: 'Sha256',
  CreatedDate: new Date(document.createdAt),
  Status: 'Active',
  DocumentVersion: '1',
  LatestVersion: '1',
  DefaultVersion: '1',
  DocumentType: 'Command',
  DocumentFormat: 'JSON',
  SchemaVersion: document.content.schemaVersion,
  Description: document.content.description,
  PlatformTypes: ['Linux'],
})

export const describeInstance = ({ instance, status }: FleetMember) => ({
  InstanceId: instance.id,
  PingStatus: status.online && status.state === 'running' ? 'Online' : 'ConnectionLost',
  LastPingDateTime: new Date(),
  AgentVersion: status.agentVersion,
  IsLatestVersion: true,
  PlatformType: 'Linux',
  PlatformName: 'Debian GNU/Linux',
  PlatformVersion: '12',
  ResourceType: 'EC2Instance',
  IPAddress: instance.address,
  ComputerName: instance.name,
})
