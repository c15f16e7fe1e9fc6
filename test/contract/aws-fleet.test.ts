import { createServer } from 'node:http'
import { EC2Client } from '@aws-sdk/client-ec2'
import { SSMClient } from '@aws-sdk/client-ssm'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { InstanceStatus } from '../../local/aws/index.ts'
import { listen, toAddress } from '../../local/base/listen.ts'
import { createFleet } from '../../src/aws/fleet.ts'
import { InstanceId } from '../../src/kernel/id.ts'
import type { Fleet } from '../../src/targets/ec2/ports.ts'
import { startTestAws, type TestAws } from '../support/local-aws.ts'

let aws: TestAws
let fleet: Fleet

beforeEach(async () => {
  aws = await startTestAws({ instances: 3 })
  fleet = createFleet(
    () => new EC2Client(aws.client),
    () => new SSMClient(aws.client),
  )
})
afterEach(() => aws.stop())

const ids = (...names: string[]) => ({
  kind: 'ids' as const,
  ids: names.map((name) => InstanceId.parse(name)),
})

const demo = { kind: 'tag', key: 'Name', value: 'demo' } as const

const turn = (id: string, status: Partial<InstanceStatus>): void => {
  const member = aws.fleet.get(id)
  if (member !== undefined) Object.assign(member.status, status)
}

test('selects the running instances of a tag in the order of their ids', async () => {
  const found = await fleet.list(demo)
  expect(found.map(({ id }) => id)).toEqual(['i-00000001', 'i-00000002', 'i-00000003'])
  expect(await fleet.list({ ...demo, value: 'other' })).toEqual([])
})

test('lists an instance with its name, its ping and its agent’s version', async () => {
  expect(await fleet.list(ids('i-00000002'))).toEqual([
    {
      id: 'i-00000002',
      name: 'demo',
      ping: 'online',
      agentVersion: '3.3.3598.0',
      architecture: process.arch === 'arm64' ? 'arm64' : 'amd64',
      tags: { Name: 'demo', 'landfall:stage': 'local' },
      profile: null,
      metadata: { isEnabled: true, needsToken: true, hopLimit: 1 },
    },
  ])
})

test.each([
  ['enabled', 'required', 2, { isEnabled: true, needsToken: true, hopLimit: 2 }],
  ['enabled', 'optional', 1, { isEnabled: true, needsToken: false, hopLimit: 1 }],
  ['disabled', 'required', 1, { isEnabled: false, needsToken: true, hopLimit: 1 }],
] as const)(
  'reads of EC2 how an instance’s metadata service may be asked: %s, %s, %i',
  async (httpEndpoint, httpTokens, httpPutResponseHopLimit, expected) => {
    turn('i-00000002', { metadataOptions: { httpEndpoint, httpTokens, httpPutResponseHopLimit } })
    const [found] = await fleet.list(ids('i-00000002'))
    expect(found?.metadata).toEqual(expected)
  },
)

test('reads of EC2 which profile an instance has', async () => {
  turn('i-00000002', { profile: 'uploads' })
  const found = await fleet.list(demo)
  expect(found.map(({ profile }) => profile)).toEqual([null, 'uploads', null])
})

test('says that it is unknown where EC2’s answer leaves it out', async () => {
  turn('i-00000002', { metadataOptions: null })
  const [found] = await fleet.list(ids('i-00000002'))
  expect(found?.metadata).toBe('unknown')
})

test('lists a running instance that does not answer as offline', async () => {
  turn('i-00000002', { online: false })
  const found = await fleet.list(demo)
  expect(found.map(({ ping }) => ping)).toEqual(['online', 'offline', 'online'])
})

test('lists no stopped instance', async () => {
  turn('i-00000001', { state: 'stopped' })
  expect((await fleet.list(demo)).map(({ id }) => id)).toEqual(['i-00000002', 'i-00000003'])
})

test('lists the instances of some ids although one is gone', async () => {
  const found = await fleet.list(ids('i-00000003', 'i-0000000f'))
  expect(found.map(({ id }) => id)).toEqual(['i-00000003'])
})

test('selects no instance without ids', async () => {
  expect(await fleet.list(ids())).toEqual([])
})

test('lists a hybrid machine, which EC2 does not know, from SSM', async () => {
  const listing = {
    InstanceInformationList: [
      { InstanceId: 'mi-00000001', Name: 'attic', PingStatus: 'Online', AgentVersion: '3.3.1.0' },
    ],
  }
  const server = createServer((_request, response) => response.end(JSON.stringify(listing)))
  const endpoint = toAddress(await listen(server, 0))
  const hybrid = createFleet(
    () => new EC2Client(aws.client),
    () => new SSMClient({ ...aws.client, endpoint }),
  )
  const found = await hybrid.list({ ...demo, value: 'attic' })
  server.close().closeAllConnections()
  expect(found).toEqual([
    {
      id: 'mi-00000001',
      name: 'attic',
      ping: 'online',
      agentVersion: '3.3.1.0',
      architecture: null,
      tags: null,
      profile: null,
      metadata: null,
    },
  ])
})
