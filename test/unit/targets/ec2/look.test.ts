import { expect, test } from 'vitest'
import { InstanceId } from '../../../../src/kernel/id.ts'
import { fail, succeed } from '../../../../src/kernel/result.ts'
import { lookAtInstances, type LookPorts } from '../../../../src/targets/ec2/look.ts'
import type { Command, FleetInstance, Invocation } from '../../../../src/targets/ec2/ports.ts'
import { instanceAt, lettings, start } from '../../../support/deployments.ts'
import { invocationOf, machine, readSettings } from '../../../support/ec2-ports.ts'
import { commitAt, digestAt, ec2 } from '../../../support/examples.ts'
import { hostPlanOf, toOutput } from '../../../support/host-plans.ts'

interface Given {
  readonly fleet: readonly FleetInstance[]
  /** Instances that no command may name. */
  readonly forbidden?: readonly string[]
  readonly invocations?: (second: number) => readonly Invocation[]
}

const world = ({ fleet, forbidden = [], invocations = () => [] }: Given) => {
  const sent: Command[] = []
  let seconds = 0
  const ports: LookPorts = {
    commands: {
      send: async (command) => {
        sent.push(command)
        return command.instances.some((id) => forbidden.includes(id))
          ? fail({ kind: 'failed' as const, message: 'AccessDeniedException: no' })
          : succeed(`command-${sent.length}`)
      },
      invocations: async (command) => {
        const instances: readonly string[] =
          sent[Number(command.split('-')[1]) - 1]?.instances ?? []
        return invocations(seconds).filter(({ instance }) => instances.includes(instance))
      },
    },
    fleet: { list: async () => fleet },
    stage: {
      name: 'test',
      planDocument: 'landfall-test-plan-00000000',
      owner: '000000000000/eu-west-3/test',
      subnet: '172.30.77.0/24',
    },
    clock: () => new Date(Date.parse(start) + seconds * 1000),
    sleep: async (milliseconds) => {
      seconds += milliseconds / 1000
    },
  }
  const look = (settings = ec2()) =>
    lookAtInstances(ports, settings, {
      app: lettings,
      target: 0,
      commit: commitAt(7),
      digest: digestAt(7),
    })
  return { look, sent, seconds: () => seconds }
}

const idAt = (index: number): InstanceId => InstanceId.parse(`i-${String(index).padStart(8, '0')}`)

const ready = (index: number): Invocation => invocationOf(index, { output: toOutput(hostPlanOf()) })

test('sends the plan document with a deployment’s settings, and no envelope', async () => {
  const { look, sent } = world({ fleet: [machine(1)], invocations: () => [ready(1)] })
  await look()
  expect(sent).toEqual([
    {
      document: 'landfall-test-plan-00000000',
      instances: [instanceAt(1)],
      parameters: {
        App: 'oc-lettings',
        Owner: '000000000000/eu-west-3/test',
        NotAfter: String(Date.parse(start) / 1000 + 30),
        Settings: sent[0]?.parameters['Settings'],
      },
      comment: 'landfall oc-lettings plan',
      deliverySeconds: 30,
    },
  ])
  const settings = readSettings(sent[0]?.parameters['Settings'] ?? '')
  expect(settings).toContain(`digest=${digestAt(7)}`)
  expect(settings).toContain('publishPort=80')
})

test('sends the plan document to the reachable instances, fifty at a time', async () => {
  const many = Array.from({ length: 61 }, (_, index) => machine(1, { id: idAt(index) }))
  const { look, sent } = world({
    fleet: [...many, machine(2, { ping: 'offline' }), machine(3, { agentVersion: '3.3.1.0' })],
  })
  await look()
  expect(sent.map(({ instances }) => instances.length)).toEqual([31, 30])
  expect(sent.flatMap(({ instances }) => instances)).toEqual(many.map(({ id }) => id))
})

test('sends no plan document if no instance can be reached', async () => {
  const { look, sent, seconds } = world({ fleet: [machine(1, { ping: 'unknown' })] })
  expect(await look()).toMatchObject([{ sight: { kind: 'unseen', reason: 'instance_offline' } }])
  expect(sent).toEqual([])
  expect(seconds()).toBe(0)
})

test('returns one plan for each instance, in the order of a rollout', async () => {
  const { look } = world({
    fleet: [machine(1), machine(2)],
    invocations: () => [ready(2), ready(1)],
  })
  const ids = { kind: 'ids' as const, ids: [instanceAt(3), instanceAt(1), instanceAt(2)] }
  expect(await look(ec2({ instances: ids }))).toMatchObject([
    { instance: { id: instanceAt(1) }, sight: { kind: 'seen' } },
    { instance: { id: instanceAt(2) }, sight: { kind: 'seen' } },
    { instance: { id: instanceAt(3) }, sight: { kind: 'unseen', reason: 'instance_offline' } },
  ])
})

test('waits for plans, but not longer than the function lives', async () => {
  const { look, seconds } = world({
    fleet: [machine(1), machine(2)],
    invocations: (second) =>
      second < 3 ? [] : [ready(1), invocationOf(2, { status: 'InProgress' })],
  })
  expect(await look()).toMatchObject([
    { sight: { kind: 'seen' } },
    { sight: { kind: 'unseen', reason: 'no_answer', message: 'no answer within 25 s' } },
  ])
  expect(seconds()).toBeGreaterThanOrEqual(25)
  expect(seconds()).toBeLessThan(26)
})

test('names an instance that refuses commands, and plans the others', async () => {
  const { look } = world({
    fleet: [1, 2, 3, 4].map((index) => machine(index)),
    forbidden: [instanceAt(3)],
    invocations: () => [1, 2, 4].map(ready),
  })
  expect((await look()).map(({ sight }) => sight)).toMatchObject([
    { kind: 'seen' },
    { kind: 'seen' },
    { kind: 'unseen', reason: 'send_failed', message: 'AccessDeniedException: no' },
    { kind: 'seen' },
  ])
})

test.each([
  [
    'refuses',
    {
      status: 'Failed',
      output: toOutput({ outcome: 'refused', reason: 'too_late', message: 'late' }),
    },
    { reason: 'too_late', message: 'late' },
  ],
  [
    'cannot unpack the script',
    {
      status: 'Failed',
      output: toOutput({ outcome: 'failed', reason: 'tool_missing', message: 'gzip' }),
    },
    { reason: 'tool_missing', message: 'gzip' },
  ],
  [
    'is offline',
    { status: 'Failed', statusDetails: 'Undeliverable', output: '' },
    { reason: 'instance_offline' },
  ],
  [
    'prints nothing',
    { status: 'Failed', statusDetails: 'Failed', output: '' },
    { reason: 'disk_full' },
  ],
  [
    'prints no result',
    { status: 'TimedOut', statusDetails: 'Delivery Timed Out', output: 'x' },
    { reason: 'no_answer', message: 'SSM: Delivery Timed Out: x' },
  ],
] as const)('reports an instance that %s', async (_name, invocation, sight) => {
  const { look } = world({
    fleet: [machine(1)],
    invocations: () => [invocationOf(1, invocation)],
  })
  expect(await look()).toMatchObject([{ sight: { kind: 'unseen', ...sight } }])
})
