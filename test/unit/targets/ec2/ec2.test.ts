import { expect, test } from 'vitest'
import { toReleaseSettings } from '../../../../src/deployment/app.ts'
import { Denied } from '../../../../src/kernel/denied.ts'
import { Generation, type InstanceId } from '../../../../src/kernel/id.ts'
import { fail, succeed } from '../../../../src/kernel/result.ts'
import { Retryable } from '../../../../src/kernel/retryable.ts'
import { createEc2Target } from '../../../../src/targets/ec2/ec2.ts'
import { unlimited } from '../../../../src/targets/target.ts'
import { after, instanceAt, lettings } from '../../../support/deployments.ts'
import {
  certificateOf,
  createEc2Ports,
  machine,
  orderOf,
  readSettings,
} from '../../../support/ec2-ports.ts'
import { digestAt, ec2 } from '../../../support/examples.ts'
import { keyAt } from '../../../support/targets.ts'

type Given = Parameters<typeof createEc2Ports>[0]

const targetOf = (given: Given, settings = ec2()) => {
  const { ports, ...rest } = createEc2Ports(given)
  return { target: createEc2Target(ports, settings), ...rest }
}
const startIn = async (given: Given, order = orderOf()) => {
  const { target, sent } = targetOf(given)
  return { started: await target.start(order), sent }
}
const certificates = [certificateOf(1)]
const two = orderOf({ instances: [instanceAt(1), instanceAt(2)] })
/** Generation 8 brings back the release that generation 7 made. */
const kept = orderOf({ kind: 'rollback', generation: Generation.parse(8) })
const unknown = fail({ kind: 'invalid_instance' as const, message: 'InvalidInstanceId: no' })

test('selects online instances with a recent agent without an obstacle', async () => {
  const { target } = targetOf({ fleet: [machine(1), machine(2, { agentVersion: '3.4.0.0' })] })
  expect((await target.select()).candidates).toEqual([
    { id: instanceAt(1), target: keyAt(0), obstacle: null, warning: null },
    { id: instanceAt(2), target: keyAt(0), obstacle: null, warning: null },
  ])
})

test.each([
  ['offline', { ping: 'offline' }, 'instance_offline'],
  ['unknown to SSM', { ping: 'unknown', agentVersion: null }, 'instance_offline'],
  ['online with an agent too old', { agentVersion: '3.3.2745.9' }, 'agent_too_old'],
  ['online with a much older agent', { agentVersion: '2.9999.0.0' }, 'agent_too_old'],
  ['online with no agent version', { agentVersion: null }, 'agent_too_old'],
  ['online with a newer patch', { agentVersion: '3.3.2746.1' }, null],
  ['online with a newer major', { agentVersion: '4.0.0.0' }, null],
] as const)('finds the obstacle to an instance that is %s', async (_name, changes, obstacle) => {
  const { target } = targetOf({ fleet: [machine(1, changes)] })
  expect((await target.select()).candidates).toMatchObject([{ obstacle }])
})

test('selects the instances of its ids that are gone', async () => {
  const ids = { kind: 'ids' as const, ids: [instanceAt(1), instanceAt(2)] }
  const { target } = targetOf({ fleet: [machine(2)] }, ec2({ instances: ids }))
  expect((await target.select()).candidates).toEqual([
    { id: instanceAt(2), target: keyAt(0), obstacle: null, warning: null },
    { id: instanceAt(1), target: keyAt(0), obstacle: 'instance_offline', warning: null },
  ])
})

const untagged = { tags: { Name: 'lettings', 'landfall:stage': 'prod' } }

test('leaves an instance without the tag of the stage out, which would fail the wave, and says so', async () => {
  const fleet = [machine(1), machine(2, untagged), machine(3, { tags: {} })]
  const { target, said } = targetOf({ fleet })
  const leftOut = `left out, because the tag landfall:stage is not test: ${instanceAt(2)}, ${instanceAt(3)}`
  expect(await target.select()).toEqual({
    architectures: ['amd64'],
    candidates: [{ id: instanceAt(1), target: keyAt(0), obstacle: null, warning: null }],
    leftOut,
  })
  expect(said.map((line): unknown => JSON.parse(line))).toEqual([
    {
      level: 'warn',
      message: 'instances without stage tag ignored',
      target: keyAt(0),
      why: leftOut,
    },
  ])
})

test('refuses an instance that is named by its id and lacks the tag of the stage', async () => {
  const ids = { kind: 'ids' as const, ids: [instanceAt(1), instanceAt(2)] }
  const given = { fleet: [machine(1), machine(2, untagged)] }
  const { target } = targetOf(given, ec2({ instances: ids }))
  expect((await target.select()).candidates).toMatchObject([
    { id: instanceAt(1), obstacle: null },
    { id: instanceAt(2), obstacle: 'instance_untagged' },
  ])
})

test('selects a hybrid machine, of which EC2 knows no tags', async () => {
  const { target, said } = targetOf({ fleet: [machine(1, { tags: null })] })
  expect((await target.select()).candidates).toMatchObject([{ id: instanceAt(1), obstacle: null }])
  expect(said).toEqual([])
})

test('needs no prepare for an instance with a certificate of the last 30 days', async () => {
  const month = 30 * 24 * 3600
  const of = [certificateOf(1, after(1 - month)), certificateOf(2, after(-month))]
  const { target } = targetOf({ certificates: of })
  const ids = [1, 2, 3].map(instanceAt)
  expect(await target.prepared(ids)).toEqual([instanceAt(1)])
})

const { settings } = orderOf()

test.each([
  ['a small env file', 500, 76, null],
  ['8 KiB', 8192, 53, null],
  ['24 KiB', 24_576, 4, null],
  [
    '40 KiB',
    40_960,
    0,
    /^the env file and its masks take 40960 bytes, 55488 characters when encrypted; 35\d{3} fit into a command$/,
  ],
])(
  'fits %s into a command for a number of instances',
  async (_name, measured, instances, message) => {
    const { target } = targetOf({ measured })
    const capacity = await target.capacity(settings, null)
    expect(capacity.instances).toBe(instances)
    if (message === null) expect(capacity.message).toBeNull()
    else expect(capacity.message).toMatch(message)
  },
)

test('leaves the capacity to sealing if the secret cannot be read now', async () => {
  const { target } = targetOf({ measured: null })
  expect(await target.capacity(settings, null)).toEqual(unlimited)
})

test('sends a prepare without settings and secret', async () => {
  const { target, sent } = targetOf({})
  const started = await target.start(orderOf({ purpose: 'prepare' }))
  expect(started).toEqual({ operation: 'command-1', missing: [] })
  expect(sent).toEqual([
    {
      document: 'landfall-test-prepare-00000000',
      instances: [instanceAt(1)],
      parameters: {
        App: 'oc-lettings',
        Owner: '000000000000/eu-west-3/test',
        NotAfter: String(Date.parse(after(600)) / 1000),
      },
      comment: 'landfall oc-lettings prepare #7 fence 12',
      deliverySeconds: 600,
    },
  ])
})

test('sends a deploy with generation, fence, settings and the sealed envelope', async () => {
  const { sent } = await startIn({})
  expect(sent[0]).toMatchObject({
    document: 'landfall-test-deploy-00000000',
    parameters: { Mode: 'deploy', Generation: '7', Fence: '12', Envelope: 'c2VhbGVk' },
  })
})

test.each([
  ['no secret can be read', { sealEnvelope: () => Promise.reject(new Error('away')) }],
  ['the secret is gone', { sealed: fail({ reason: 'secret_missing', message: 'x' } as const) }],
  ['no certificate is known', { certificates: [] }],
])('sends a restore without an envelope if %s', async (_name, given) => {
  const { sent } = await startIn({ certificates, ...given }, orderOf({ purpose: 'restore' }))
  expect(sent[0]?.parameters).toMatchObject({ Mode: 'restore', Envelope: '-' })
})

test.each([
  ['no secret can be read', { sealEnvelope: () => Promise.reject(new Retryable('away')) }],
  ['the secret is gone', { sealed: fail({ reason: 'secret_missing', message: 'x' } as const) }],
  ['the secret is no JSON', { sealed: fail({ reason: 'secret_invalid', message: 'x' } as const) }],
])('sends a rollback to a kept release without an envelope if %s', async (_name, given) => {
  const { started, sent } = await startIn({ certificates, ...given }, kept)
  expect(started).toEqual({ operation: 'command-1', missing: [] })
  expect(sent[0]?.parameters).toMatchObject({ Mode: 'deploy', Generation: '7', Envelope: '-' })
})

const tooLarge = { sealed: succeed('x'.repeat(40_000)), certificates }

test('refuses a deploy whose envelope is too large, and sends nothing', async () => {
  const { target, sent } = targetOf(tooLarge)
  const { operation, missing } = await target.start(orderOf())
  expect(operation).toBeNull()
  expect(missing).toMatchObject([{ outcome: 'failed', reason: 'envelope_too_large' }])
  expect(missing[0]?.message).toMatch(/^40000 characters for 1 instances; 3\d{4} fit$/)
  expect(sent).toEqual([])
})

test('sends a restore without an envelope that is too large', async () => {
  const { sent } = await startIn(tooLarge, orderOf({ purpose: 'restore' }))
  expect(sent[0]?.parameters).toMatchObject({ Mode: 'restore', Envelope: '-' })
})

test('refuses a rollback to a new container without its secret', async () => {
  const sealed = fail({ reason: 'secret_missing' as const, message: 'landfall/x' })
  const { target, sent } = targetOf({ sealed, certificates })
  expect(await target.start(orderOf({ kind: 'rollback' }))).toMatchObject({
    operation: null,
    missing: [{ reason: 'secret_missing', message: 'landfall/x' }],
  })
  expect(sent).toEqual([])
})

test('sends a restore to no release with generation 0 and no envelope', async () => {
  const { sent } = await startIn({}, orderOf({ purpose: 'restore', release: null }))
  expect(sent[0]?.parameters).toMatchObject({ Mode: 'restore', Generation: '0', Envelope: '-' })
})

test('lets SSM try for 30 s at least, because it refuses less', async () => {
  const { sent } = await startIn({}, orderOf({ notAfter: after(5) }))
  expect(sent[0]?.deliverySeconds).toBe(30)
})

test('sends no deploy if the secret is gone', async () => {
  const sealed = fail({ reason: 'secret_missing' as const, message: 'landfall/x' })
  const { target, sent } = targetOf({ sealed })
  expect(await target.start(two)).toMatchObject({
    operation: null,
    missing: [
      { id: instanceAt(1), outcome: 'failed', reason: 'secret_missing', message: 'landfall/x' },
      { id: instanceAt(2), reason: 'secret_missing' },
    ],
  })
  expect(sent).toEqual([])
})

test('names an instance that SSM does not know, and sends once more to the others', async () => {
  const { target, sent } = targetOf({
    sends: [unknown, succeed('command-2')],
    fleet: [machine(2)],
  })
  expect(await target.start(two)).toMatchObject({
    operation: 'command-2',
    missing: [{ id: instanceAt(1), outcome: 'failed', reason: 'instance_offline' }],
  })
  expect(sent.map(({ instances }) => instances)).toEqual([
    [instanceAt(1), instanceAt(2)],
    [instanceAt(2)],
  ])
})

test('fails for all instances if none is online', async () => {
  const { target, sent } = targetOf({
    sends: [unknown],
    fleet: [machine(1, { ping: 'offline' })],
  })
  expect(await target.start(two)).toMatchObject({
    operation: null,
    missing: [{ reason: 'instance_offline' }, { reason: 'instance_offline' }],
  })
  expect(sent).toHaveLength(1)
})

test('says which call AWS refuses where it cannot tell the instances that SSM does not know', async () => {
  const { ports, sent } = createEc2Ports({ sends: [unknown] })
  const list = () => Promise.reject(new Denied('AWS refuses ec2:DescribeInstances'))
  const target = createEc2Target({ ...ports, fleet: { list } }, ec2())
  const message = 'AWS refuses ec2:DescribeInstances; InvalidInstanceId: no'
  expect(await target.start(two)).toMatchObject({
    operation: null,
    missing: [
      { reason: 'aws_denied', message },
      { reason: 'aws_denied', message },
    ],
  })
  expect(sent).toHaveLength(1)
})

test('says for each instance why SSM refused, also the second time', async () => {
  const denied = fail({ kind: 'failed' as const, message: 'AccessDenied' })
  const { target } = targetOf({ sends: [unknown, denied], fleet: [machine(2)] })
  expect(await target.start(two)).toMatchObject({
    operation: null,
    missing: [
      { id: instanceAt(1), reason: 'instance_offline' },
      { id: instanceAt(2), reason: 'send_failed', message: 'AccessDenied' },
    ],
  })
})

test('retries a throttled send later, the first or the second time', async () => {
  const throttled = fail({ kind: 'throttled' as const, message: 'slow down' })
  await expect(targetOf({ sends: [throttled] }).target.start(two)).rejects.toThrow(Retryable)
  const { target } = targetOf({ sends: [unknown, throttled], fleet: [machine(2)] })
  await expect(target.start(two)).rejects.toThrow(Retryable)
})

test('fails for all instances if SSM refuses the command', async () => {
  const denied = fail({ kind: 'failed' as const, message: 'AccessDenied' })
  expect(await targetOf({ sends: [denied] }).target.start(two)).toMatchObject({
    operation: null,
    missing: [{ reason: 'send_failed', message: 'AccessDenied' }, { reason: 'send_failed' }],
  })
})

const leavesOut = (...unsealable: InstanceId[]) => ({
  sealEnvelope: async () =>
    succeed({ envelope: unsealable.length === 2 ? null : 'c2VhbGVk', unsealable }),
  certificates: [certificateOf(1), certificateOf(2)],
})

test('names an instance that no envelope can be sealed for, and sends a deploy to the others', async () => {
  const { target, sent, listSealable } = targetOf(leavesOut(instanceAt(1)))
  expect(await target.start(two)).toMatchObject({
    operation: 'command-1',
    missing: [{ id: instanceAt(1), outcome: 'failed', reason: 'envelope_invalid' }],
  })
  expect(sent).toMatchObject([{ instances: [instanceAt(2)], parameters: { Envelope: 'c2VhbGVk' } }])
  // The next deployment asks it for another one.
  expect(await listSealable()).toEqual([instanceAt(2)])
})

test('sends no deploy if no envelope can be sealed for any instance', async () => {
  const { started, sent } = await startIn(leavesOut(instanceAt(1), instanceAt(2)), two)
  expect(started).toMatchObject({
    operation: null,
    missing: [{ reason: 'envelope_invalid' }, { reason: 'envelope_invalid' }],
  })
  expect(sent).toEqual([])
})

test('sends a restore also to an instance that no envelope can be sealed for', async () => {
  const { started, sent } = await startIn(leavesOut(instanceAt(1)), {
    ...two,
    purpose: 'restore',
  })
  expect(started).toEqual({ operation: 'command-1', missing: [] })
  expect(sent).toMatchObject([
    { instances: [instanceAt(1), instanceAt(2)], parameters: { Envelope: 'c2VhbGVk' } },
  ])
})

const proxyImageIn = (sent: readonly { parameters: Readonly<Record<string, string>> }[]) =>
  readSettings(sent[0]?.parameters['Settings'] ?? '').filter((line) =>
    line.startsWith('proxyImage='),
  )

test("names the proxy's image by the stage's digest in every order to a host", async () => {
  for (const purpose of ['deploy', 'restore'] as const) {
    const { sent } = await startIn({ certificates }, orderOf({ purpose }))
    expect(proxyImageIn(sent)).toEqual([`proxyImage=docker.io/library/haproxy@${digestAt(32)}`])
  }
})

const unavailable = fail('proxy_image_unavailable' as const)

test("sends nothing while the registry does not name the digest of the proxy's image", async () => {
  const { target, sent } = targetOf({ certificates, proxyImage: unavailable })
  await expect(target.start(orderOf())).rejects.toThrow(Retryable)
  expect(sent).toEqual([])
  expect(await target.findLack?.()).toBe('proxy_image_unavailable')
  expect(await targetOf({ certificates }).target.findLack?.()).toBeNull()
})

test.each([
  ['a restore', orderOf({ purpose: 'restore' })],
  ['a restore to nothing', orderOf({ purpose: 'restore', release: null })],
  ['a rollback', kept],
])('sends %s without an image of the proxy if the registry names none', async (_name, order) => {
  const { started, sent } = await startIn({ certificates, proxyImage: unavailable }, order)
  expect(started).toEqual({ operation: 'command-1', missing: [] })
  expect(proxyImageIn(sent)).toEqual([])
})

test('sends a worker, which has no proxy, without asking for its image', async () => {
  const worker = ec2({ strategy: 'worker', port: null, publish: null, hosts: [] })
  const { target, sent } = targetOf({ certificates, proxyImage: unavailable }, worker)
  const settings = { ...toReleaseSettings(lettings), targets: [worker] }
  await target.start(orderOf({ settings, target: worker.key }))
  expect(sent).toHaveLength(1)
  expect(proxyImageIn(sent)).toEqual([])
  expect(await target.findLack?.()).toBeNull()
})
