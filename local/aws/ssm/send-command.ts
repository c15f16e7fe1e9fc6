import { randomUUID } from 'node:crypto'
import * as z from 'zod'
import { AwsError } from '../operation.ts'
import { toTagValues, type Fleet, type FleetMember } from '../fleet.ts'
import type { Command } from './command.ts'
import { toTimeoutSeconds, type Document } from './document.ts'
import { checkParameters } from './parameters.ts'

export const SendCommand = z.object({
  DocumentName: z.string(),
  DocumentVersion: z.string().optional(),
  DocumentHash: z.string().optional(),
  DocumentHashType: z.literal('Sha256').optional(),
  InstanceIds: z.array(z.string()).max(50).default([]),
  Targets: z
    .array(z.object({ Key: z.string(), Values: z.array(z.string()) }))
    .max(5)
    .default([]),
  Comment: z.string().max(100).default(''),
  TimeoutSeconds: z.number().int().min(30).max(2_592_000).default(3600),
  Parameters: z.record(z.string(), z.array(z.string())).default({}),
})
export type SendCommand = z.infer<typeof SendCommand>

const isTarget = ({ instance }: FleetMember, target: SendCommand['Targets'][number]): boolean => {
  if (target.Key.toLowerCase() === 'instanceids') return target.Values.includes(instance.id)
  if (!target.Key.startsWith('tag:')) return false
  const values = toTagValues(instance, target.Key.slice('tag:'.length))
  return values.some((value) => target.Values.includes(value))
}

/** SSM knows an instance as long as it is not terminated; a stopped one merely does not answer. */
const select = (fleet: Fleet, order: SendCommand): readonly FleetMember[] => {
  if (order.InstanceIds.length === 0 && order.Targets.length === 0)
    throw new AwsError('InvalidTarget', 'Neither instance ids nor targets are given.')
  const named = order.InstanceIds.map((id) => {
    const member = fleet.get(id)
    if (!member || member.status.state === 'terminated')
      throw new AwsError(
        'InvalidInstanceId',
        `Instances [[${id}]] not in a valid state for account`,
      )
    return member
  })
  const targeted = [...fleet.values()].filter(
    (member) =>
      order.Targets.length > 0 && order.Targets.every((target) => isTarget(member, target)),
  )
  return [...named, ...targeted]
}

const checkVersion = (document: Document, order: SendCommand): void => {
  if (order.DocumentHash !== undefined && order.DocumentHash !== document.hash)
    throw new AwsError('InvalidDocument', 'The hash of the document is another one.')
  if (!['1', '$LATEST', '$DEFAULT', undefined].includes(order.DocumentVersion))
    throw new AwsError('InvalidDocumentVersion', 'The document version is not valid.')
}

/** Checks an order as the API does; the command it becomes is pending everywhere. */
export const toCommand = (document: Document, fleet: Fleet, order: SendCommand): Command => {
  checkVersion(document, order)
  checkParameters(document, order.Parameters)
  const members = select(fleet, order)
  const now = Date.now()
  const totalSeconds = order.TimeoutSeconds + toTimeoutSeconds(document.content)
  return {
    id: randomUUID(),
    documentName: document.name,
    comment: order.Comment,
    parameters: order.Parameters,
    instanceIds: order.InstanceIds,
    targets: order.Targets,
    requestedAt: new Date(now).toISOString(),
    timeoutSeconds: order.TimeoutSeconds,
    startBefore: new Date(now + order.TimeoutSeconds * 1000).toISOString(),
    expiresAt: new Date(now + totalSeconds * 1000).toISOString(),
    cancelled: false,
    invocations: members.map(({ instance }) => ({
      instanceId: instance.id,
      instanceName: instance.name,
      status: 'Pending',
      statusDetails: 'Pending',
      responseCode: -1,
      output: '',
      stdout: '',
      stderr: '',
    })),
  }
}
