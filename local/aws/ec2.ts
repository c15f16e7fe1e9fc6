import * as z from 'zod'
import { toTagValues, type Fleet, type FleetMember } from './fleet.ts'
import type { Account } from './account.ts'
import { AwsError, operation, paginate, type Operations } from './operation.ts'

const DescribeInstances = z.object({
  InstanceId: z.array(z.string()).optional(),
  Filter: z.array(z.object({ Name: z.string(), Value: z.array(z.string()) })).default([]),
  MaxResults: z.coerce.number().int().min(5).max(1000).default(1000),
  NextToken: z.string().optional(),
})

const stateCodes = { running: 16, stopped: 80, terminated: 48 } as const

const toFilterValue = ({ instance, status }: FleetMember, name: string): readonly string[] => {
  if (name === 'instance-id') return [instance.id]
  if (name === 'instance-state-name') return [status.state]
  if (name === 'private-ip-address') return [instance.address]
  if (name === 'tag-key') return instance.tags.map(({ key }) => key)
  if (name.startsWith('tag:')) return toTagValues(instance, name.slice('tag:'.length))
  throw new AwsError('InvalidParameterValue', `The filter '${name}' is invalid`)
}

const describe = (account: Account, { instance, status }: FleetMember) => ({
  instanceId: instance.id,
  imageId: 'ami-00000000',
  instanceState: { code: stateCodes[status.state], name: status.state },
  privateIpAddress: instance.address,
  instanceType: process.arch === 'arm64' ? 't4g.small' : 't3.small',
  architecture: process.arch === 'arm64' ? 'arm64' : 'x86_64',
  placement: { availabilityZone: `${account.region}a` },
  tagSet: instance.tags,
  ...(status.profile !== null && {
    iamInstanceProfile: {
      arn: `arn:aws:iam::${account.id}:instance-profile/${status.profile}`,
      id: 'AIPA0000000000000000',
    },
  }),
  ...(status.metadataOptions !== null && {
    metadataOptions: {
      state: 'applied',
      ...status.metadataOptions,
      httpProtocolIpv6: 'disabled',
      instanceMetadataTags: 'disabled',
    },
  }),
})

/** One reservation an instance, as single launches make. */
export const createEc2Operations = (account: Account, fleet: Fleet): Operations => ({
  DescribeInstances: operation(DescribeInstances, (input) => {
    const missing = (input.InstanceId ?? []).find((id) => !fleet.has(id))
    if (missing !== undefined)
      throw new AwsError(
        'InvalidInstanceID.NotFound',
        `The instance ID '${missing}' does not exist`,
      )
    const found = [...fleet.values()].filter(
      (member) =>
        (input.InstanceId?.includes(member.instance.id) ?? true) &&
        input.Filter.every(({ Name, Value }) =>
          toFilterValue(member, Name).some((value) => Value.includes(value)),
        ),
    )
    const { page, next } = paginate(found, input.MaxResults, input.NextToken)
    const reservationSet = page.map((member, index) => ({
      reservationId: `r-${String(index + 1).padStart(8, '0')}`,
      ownerId: account.id,
      instancesSet: [describe(account, member)],
    }))
    return { reservationSet, nextToken: next }
  }),
})
