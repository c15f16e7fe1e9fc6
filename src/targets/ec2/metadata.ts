import type { Ec2Settings } from '../../deployment/app.ts'
import { toWarning, type TargetFinding } from '../findings.ts'
import type { FleetInstance, MetadataOptions } from './ports.ts'

const describeOptions = ({ needsToken, hopLimit }: MetadataOptions): string =>
  `HttpTokens=${needsToken ? 'required' : 'optional'}, HttpPutResponseHopLimit=${hopLimit}`

/** Whether a container behind Docker's bridge gets no answer that it could use. */
const isClosed = ({ isEnabled, needsToken, hopLimit }: MetadataOptions): boolean =>
  !isEnabled || (needsToken && hopLimit === 1)

/** An app that needs the service from its containers needs the second hop, and no request without a token. */
const renderCommand = (id: string, setting: Ec2Settings['metadata']): string =>
  `aws ec2 modify-instance-metadata-options --instance-id ${id} --http-tokens required --http-put-response-hop-limit ${setting === 'allow' ? 2 : 1}`

/** What `plan` finds at the metadata service of an instance. */
export const findMetadata = (
  { id, metadata }: FleetInstance,
  setting: Ec2Settings['metadata'],
): readonly TargetFinding[] => {
  if (metadata === null) return []
  if (metadata === 'unknown') {
    const message = `unknown: EC2's answer has no MetadataOptions; to be sure run: ${renderCommand(id, setting)}`
    return [toWarning('metadata', message)]
  }
  if (isClosed(metadata))
    return setting === 'allow' && metadata.isEnabled
      ? [
          toWarning(
            'metadata',
            `${describeOptions(metadata)}: containers get no answer, against metadata: allow; run: ${renderCommand(id, setting)}`,
          ),
        ]
      : []
  const open = `${describeOptions(metadata)}: programs in any container there can get the instance's role`
  if (metadata.needsToken && setting === 'allow')
    return [toWarning('metadata', `${open}, as metadata: allow says`)]
  return [
    {
      level: 'problem',
      what: 'metadata',
      message: `${open}; run: ${renderCommand(id, setting)}`,
    },
  ]
}

/** The problem in short, for the message of a deployment. */
export const warnOfMetadata = (
  instance: FleetInstance,
  setting: Ec2Settings['metadata'],
): string | null => {
  const isProblem = findMetadata(instance, setting).some(({ level }) => level === 'problem')
  const { metadata } = instance
  if (!isProblem || metadata === null || metadata === 'unknown') return null
  return `its containers can get its role (${describeOptions(metadata)})`
}
