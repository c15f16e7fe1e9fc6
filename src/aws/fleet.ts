import { DescribeInstancesCommand, EC2Client, type Instance } from '@aws-sdk/client-ec2'
import {
  DescribeInstanceInformationCommand,
  SSMClient,
  type InstanceInformation,
} from '@aws-sdk/client-ssm'
import type { InstanceSelector } from '../deployment/app.ts'
import { InstanceId } from '../kernel/id.ts'
import { lazy } from '../kernel/lazy.ts'
import type { Fleet, FleetInstance, MetadataOptions } from '../targets/ec2/ports.ts'
import { inPortions, inTime, read, readPages } from './client.ts'

interface Clients {
  readonly ec2: () => EC2Client
  readonly ssm: () => SSMClient
}

/** EC2 does not know a hybrid machine. */
const isHybrid = (id: string): boolean => id.startsWith('mi-')

/** A filter, unlike a list of ids, does not fail as a whole for an instance that is gone. */
const listRunning = (clients: Clients, name: string, values: readonly string[]) =>
  readPages<Instance>(async (token) => {
    const running = { Name: 'instance-state-name', Values: ['running'] }
    const order = new DescribeInstancesCommand({
      Filters: [{ Name: name, Values: [...values] }, running],
      MaxResults: 1000,
      NextToken: token,
    })
    const page = await read('ec2:DescribeInstances', () => clients.ec2().send(order, inTime()))
    const reservations = page.Reservations ?? []
    return { items: reservations.flatMap((one) => one.Instances ?? []), next: page.NextToken }
  })

const listManaged = (clients: Clients, key: string, values: readonly string[]) =>
  readPages<InstanceInformation>(async (token) => {
    const order = new DescribeInstanceInformationCommand({
      Filters: [{ Key: key, Values: [...values] }],
      MaxResults: 50,
      NextToken: token,
    })
    const page = await read('ssm:DescribeInstanceInformation', () =>
      clients.ssm().send(order, inTime()),
    )
    return { items: page.InstanceInformationList ?? [], next: page.NextToken }
  })

const toPing = (status: string | undefined): FleetInstance['ping'] => {
  if (status === undefined) return 'unknown'
  return status === 'Online' ? 'online' : 'offline'
}

const toTags = ({ Tags = [] }: Instance): Readonly<Record<string, string>> =>
  Object.fromEntries(Tags.map(({ Key = '', Value = '' }) => [Key, Value]))

const toMetadata = ({ MetadataOptions: options }: Instance): MetadataOptions | 'unknown' => {
  const { HttpEndpoint, HttpTokens, HttpPutResponseHopLimit: hopLimit } = options ?? {}
  if (HttpEndpoint === undefined || HttpTokens === undefined || hopLimit === undefined)
    return 'unknown'
  return { isEnabled: HttpEndpoint === 'enabled', needsToken: HttpTokens === 'required', hopLimit }
}

const toArchitecture = (instance: Instance | undefined): FleetInstance['architecture'] => {
  if (instance?.Architecture === 'x86_64') return 'amd64'
  return instance?.Architecture === 'arm64' ? 'arm64' : null
}

/** `uploads` of `arn:aws:iam::123456789012:instance-profile/team/uploads`. */
const toProfile = ({ IamInstanceProfile: profile }: Instance): string | null =>
  profile?.Arn?.split('/').at(-1) ?? null

/** The running instances (as EC2 lists them, and SSM the hybrid machines), with what SSM knows of them. */
const join = (
  running: readonly Instance[],
  managed: readonly InstanceInformation[],
): readonly FleetInstance[] => {
  const listed = new Map(running.map((one) => [one.InstanceId, one]))
  const known = new Map(managed.map((one) => [one.InstanceId, one]))
  const hybrid = [...known.keys()].filter((id) => isHybrid(id ?? ''))
  return [...new Set([...listed.keys(), ...hybrid])]
    .map((id) => {
      const information = known.get(id)
      const instance = listed.get(id)
      const tags = instance === undefined ? null : toTags(instance)
      return {
        id: InstanceId.parse(id),
        name: tags?.['Name'] ?? information?.Name ?? information?.ComputerName ?? null,
        ping: toPing(information?.PingStatus),
        agentVersion: information?.AgentVersion ?? null,
        architecture: toArchitecture(instance),
        tags,
        profile: instance === undefined ? null : toProfile(instance),
        metadata: instance === undefined ? null : toMetadata(instance),
      }
    })
    .sort((one, other) => one.id.localeCompare(other.id))
}

const list = async (
  clients: Clients,
  selector: InstanceSelector,
): Promise<readonly FleetInstance[]> => {
  if (selector.kind === 'tag') {
    const [key, values] = [`tag:${selector.key}`, [selector.value]]
    const [running, managed] = await Promise.all([
      listRunning(clients, key, values),
      listManaged(clients, key, values),
    ])
    return join(running, managed)
  }
  const machines = inPortions(selector.ids.filter((id) => !isHybrid(id)))
  const [running, managed] = await Promise.all([
    Promise.all(machines.map((ids) => listRunning(clients, 'instance-id', ids))),
    Promise.all(inPortions(selector.ids).map((ids) => listManaged(clients, 'InstanceIds', ids))),
  ])
  return join(running.flat(), managed.flat())
}

/** EC2 lists the running instances, SSM those with an agent: SSM alone lists stopped ones too. In the order of ids. */
export const createFleet = (
  createEc2: () => EC2Client = () => new EC2Client({}),
  createSsm: () => SSMClient = () => new SSMClient({}),
): Fleet => {
  const clients = { ec2: lazy(createEc2), ssm: lazy(createSsm) }
  return { list: (selector) => list(clients, selector) }
}
