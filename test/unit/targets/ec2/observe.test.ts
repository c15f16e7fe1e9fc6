import { afterAll, expect, test } from 'vitest'
import { Denied } from '../../../../src/kernel/denied.ts'
import { Generation } from '../../../../src/kernel/id.ts'
import { fail } from '../../../../src/kernel/result.ts'
import { Retryable } from '../../../../src/kernel/retryable.ts'
import { createEc2Target } from '../../../../src/targets/ec2/ec2.ts'
import { parseHostResult } from '../../../../src/targets/ec2/result.ts'
import { after, instanceAt } from '../../../support/deployments.ts'
import { createKeyRing } from '../../../support/instance-key.ts'
import { certificateOf, createEc2Ports, invocationOf, orderOf } from '../../../support/ec2-ports.ts'
import { digestAt, ec2 } from '../../../support/examples.ts'

const line = (fields: object): string => `landfall/1 ${JSON.stringify(fields)}\n`
const serving = { generation: 7, digest: digestAt(7) }
const done = { outcome: 'succeeded', reason: 'deployed', serving, steps: [] }
const unhealthy = { outcome: 'failed', reason: 'unhealthy', message: 'it says hunter22' }

/** What SSM lists of an instance whose script failed with this output. */
const failedWith = (output: string) => ({
  invocations: [invocationOf(1, { status: 'Failed', output })],
  outputs: { [instanceAt(1)]: { stdout: output, stderr: '' } },
})

const observed = async (given: Parameters<typeof createEc2Ports>[0], order = orderOf()) => {
  const { ports, known, listSealable } = createEc2Ports(given)
  const answers = await createEc2Target(ports, ec2()).observe(order, 'command-1')
  return { answers, known, sealable: await listSealable() }
}

test('waits while SSM lists no final status of an instance', async () => {
  const order = orderOf({ instances: [1, 2, 3].map(instanceAt) })
  const invocations = [
    invocationOf(1, { status: 'InProgress' }),
    invocationOf(2, { status: 'Delayed' }),
  ]
  const { answers } = await observed({ invocations }, order)
  expect(answers.map(({ id, outcome }) => [id, outcome])).toEqual([
    [instanceAt(1), 'waiting'],
    [instanceAt(2), 'waiting'],
    [instanceAt(3), 'waiting'],
  ])
})

test('reads the result line with its steps', async () => {
  const steps = [
    { name: 'pull', status: 'succeeded', ms: 1234 },
    { name: 'predeploy', status: 'skipped', reason: 'nonsense' },
  ]
  const output = line({ ...done, steps, fenceSeen: 12 })
  const { answers } = await observed({ invocations: [invocationOf(1, { output })] })
  expect(answers).toEqual([
    {
      id: instanceAt(1),
      outcome: 'succeeded',
      reason: 'deployed',
      message: null,
      serving,
      fenceSeen: null,
      isKeyNew: false,
      steps: [
        { name: 'pull', status: 'succeeded', milliseconds: 1234, reason: null },
        { name: 'predeploy', status: 'skipped', milliseconds: null, reason: null },
      ],
      tail: [],
    },
  ])
})

test('reads a failure’s output whole, and masks it again', async () => {
  const stdout = `${line(unhealthy)}Traceback\n\n  secret = hunter22\n`
  const { answers } = await observed({
    invocations: [invocationOf(1, { status: 'Failed', output: stdout.slice(0, 40) })],
    outputs: { [instanceAt(1)]: { stdout, stderr: '' } },
  })
  expect(answers).toMatchObject([
    {
      outcome: 'failed',
      reason: 'unhealthy',
      message: 'it says [masked]',
      serving: null,
      tail: ['Traceback', '  secret = [masked]'],
    },
  ])
})

test('trusts the result line over the exit status', async () => {
  const invocations = [invocationOf(1, { status: 'Failed', output: line(done) })]
  const { answers } = await observed({ invocations })
  expect(answers).toMatchObject([{ outcome: 'succeeded' }])
})

test('takes a failure from the listing while the output lags behind', async () => {
  const invocations = [invocationOf(1, { status: 'Failed', output: line(unhealthy) })]
  const { answers } = await observed({ invocations })
  expect(answers).toMatchObject([{ outcome: 'failed', reason: 'unhealthy' }])
})

test.each([
  ['TimedOut', 'ExecutionTimedOut'],
  ['Cancelled', 'Cancelled'],
  ['Success', 'Success'],
])('reports lost if a command ended as %s without a result line', async (status, statusDetails) => {
  const invocations = [invocationOf(1, { status, statusDetails, output: 'Pulling …' })]
  const outputs = { [instanceAt(1)]: { stdout: 'Pulling …', stderr: '' } }
  const { answers } = await observed({ invocations, outputs })
  expect(answers).toMatchObject([
    { outcome: 'lost', reason: 'no_answer', message: `SSM: ${statusDetails}: Pulling …` },
  ])
})

test('reports an offline instance if a command could not be delivered', async () => {
  const undeliverable = { status: 'Failed', statusDetails: 'Undeliverable' }
  const { answers } = await observed({ invocations: [invocationOf(1, undeliverable)] })
  expect(answers).toMatchObject([
    { outcome: 'lost', reason: 'instance_offline', message: 'SSM: Undeliverable' },
  ])
})

/** The agent's texts are those of amazon-ssm-agent 3.3. */
test.each<[string, Parameters<typeof invocationOf>[1], string, string]>([
  [
    'the agent has no room for its files',
    {
      exitCode: 1,
      output: 'document process failed unexpectedly: write /x: no space left on device , check log',
    },
    'disk_full',
    'document process failed unexpectedly: write /x: no space left on device , check log',
  ],
  [
    'the agent can write no file at all',
    { exitCode: 1 },
    'disk_full',
    'no output at all: is the disk full, out of inodes or read-only?',
  ],
  [
    'the worker of the agent is gone',
    {
      exitCode: 1,
      output: 'document process failed unexpectedly: ipc messaging received timeout signal , check',
    },
    'no_answer',
    'SSM: Failed, exit code 1: document process failed unexpectedly: ipc messaging received timeout signal , check',
  ],
  [
    'the script may not be executed',
    {
      exitCode: 126,
      output:
        '\n----------ERROR-------\nsh: 1: /var/_script.sh: Permission denied\nfailed to run commands: exit status 126',
    },
    'no_answer',
    'SSM: Failed, exit code 126: sh: 1: /var/_script.sh: Permission denied; failed to run commands: exit status 126',
  ],
  [
    'a result line that cannot be read quotes an app without room',
    { output: 'landfall/1 {"outcome":"failed","tail":["no space left on device' },
    'no_answer',
    'its result line cannot be read: it is not a JSON object',
  ],
  [
    'SSM refuses it',
    { statusDetails: 'AccessDenied', output: '\n' },
    'no_answer',
    'SSM: AccessDenied',
  ],
])('says why no result line came where %s', async (_, changes, reason, message) => {
  const invocation = invocationOf(1, { status: 'Failed', statusDetails: 'Failed', ...changes })
  const { answers } = await observed({ invocations: [invocation] })
  expect(answers).toMatchObject([{ outcome: 'lost', reason, message }])
})

test('masks a secret in what a script wrote before it was lost', async () => {
  const output = 'password=hunter22\nfailed to run commands: exit status 2'
  const invocation = invocationOf(1, { status: 'Failed', statusDetails: 'Failed', output })
  const { answers } = await observed({
    invocations: [invocation],
    maskOutput: async () => (text) => text.replaceAll('hunter22', '[masked]'),
  })
  expect(JSON.stringify(answers)).not.toContain('hunter22')
  expect(answers[0]?.message).toContain('[masked]')
})

test('forgets the certificate if the host’s key changed', async () => {
  const refused = line({ outcome: 'refused', reason: 'key_changed', serving: null, fenceSeen: 3 })
  const { answers, sealable } = await observed({
    certificates: [certificateOf(1), certificateOf(2)],
    ...failedWith(refused),
  })
  expect(answers).toMatchObject([{ outcome: 'refused', reason: 'key_changed' }])
  expect(sealable).toEqual([instanceAt(2)])
})

const toThree = orderOf({ purpose: 'prepare', instances: [1, 2, 3].map(instanceAt) })
const keys = createKeyRing()
afterAll(() => keys.remove())
const certificates = [1, 2, 3].map((index) =>
  Buffer.from(keys.make(instanceAt(index)).certificate).toString('base64'),
)
const [prepared = '', preparedSecond = '', preparedThird = ''] = certificates.map((certificate) =>
  line({ ...done, certificate }),
)
const first = [
  invocationOf(1, { output: prepared }),
  invocationOf(2, { status: 'Failed', output: line(unhealthy) }),
]

test('reads failures and records certificates once, at the end of a command', async () => {
  const early = await observed({ invocations: first }, toThree)
  expect(early.answers.map(({ outcome }) => outcome)).toEqual(['waiting', 'waiting', 'waiting'])
  expect([...early.known.keys()]).toEqual([])
  const last = invocationOf(3, { output: preparedThird })
  const over = await observed({ invocations: [...first, last] }, toThree)
  expect(over.answers.map(({ outcome }) => outcome)).toEqual(['succeeded', 'failed', 'succeeded'])
  expect([...over.known.keys()].sort()).toEqual([instanceAt(1), instanceAt(3)])
})

test('reads all failures before a command’s time is over', async () => {
  const late = { ...toThree, notAfter: after(5) }
  const { answers, known } = await observed({ invocations: first }, late)
  expect(answers.map(({ outcome }) => outcome)).toEqual(['succeeded', 'failed', 'waiting'])
  expect([...known.keys()]).toEqual([instanceAt(1)])
})

test('reads the fence that the host has seen from a refusal for it', async () => {
  const refused = line({ outcome: 'refused', reason: 'superseded_fence', fenceSeen: 30 })
  const { answers } = await observed({
    ...failedWith(refused),
  })
  expect(answers).toMatchObject([{ outcome: 'refused', fenceSeen: 30 }])
})

test('takes no fence from an answer that is no refusal for its fence', async () => {
  for (const [outcome, reason] of [
    ['failed', 'superseded_fence'],
    ['refused', 'foreign_owner'],
  ]) {
    const { answers } = await observed(failedWith(line({ outcome, reason, fenceSeen: 30 })))
    expect(answers).toMatchObject([{ outcome, fenceSeen: null }])
  }
})

test('counts a result line with more steps than a script has as none', async () => {
  const steps = Array.from({ length: 51 }, () => ({ name: 'pull', status: 'succeeded' }))
  const { answers } = await observed(failedWith(line({ ...done, steps })))
  expect(answers).toMatchObject([{ outcome: 'lost' }])
})

test('names the unreadable field of a result line that is too long for the list of invocations', async () => {
  const stdout = line({ ...done, tail: ['x'.repeat(3000), 1] })
  const invocations = [invocationOf(1, { status: 'Failed', output: stdout.slice(0, 2500) })]
  const outputs = { [instanceAt(1)]: { stdout, stderr: '' } }
  const { answers } = await observed({ invocations, outputs })
  const message = 'its result line cannot be read: tail.1'
  expect(answers).toMatchObject([{ outcome: 'lost', reason: 'no_answer', message }])
})

test.each([1.5, -1, 1e300])('ignores a result line with the fence %s', (seen) => {
  expect(parseHostResult(line({ ...done, fenceSeen: seen }))).toBeNull()
})

test('leaves out a failing app’s output if the secret to mask it with cannot be read', async () => {
  const failed = line({
    outcome: 'failed',
    reason: 'exited',
    message: 'hunter22',
    tail: ['hunter22'],
  })
  const { answers } = await observed({
    ...failedWith(failed),
    maskOutput: () => Promise.reject(new Error('Secrets Manager is away')),
  })
  expect(answers).toMatchObject([{ outcome: 'failed', reason: 'exited' }])
  expect(JSON.stringify(answers)).not.toContain('hunter22')
})

test.each([
  ['no output', ''],
  ['no such line', 'hello\nworld\n'],
  ['another version', `landfall/2 ${JSON.stringify(done)}`],
  ['broken JSON', 'landfall/1 {"outcome":"succ'],
  ['an unknown outcome', line({ ...done, outcome: 'fine' })],
  ['no digest in what it serves', line({ ...done, serving: { generation: 1, digest: 'x' } })],
  ['not an object', 'landfall/1 "succeeded"'],
])('finds no result line in %s', (_name, output) => {
  expect(parseHostResult(output)).toBeNull()
})

test('reads a result line with the required fields only', () => {
  const result = parseHostResult('landfall/1 {"outcome":"refused","reason":"too_late"}')
  expect(result).toMatchObject({ outcome: 'refused', message: '', steps: [], tail: [] })
})

const noEnvelope = {
  outcome: 'refused',
  reason: 'secret_missing',
  message: 'no envelope and no kept container',
}
const back = orderOf({ kind: 'rollback', generation: Generation.parse(8) })
const given = {
  ...failedWith(line(noEnvelope)),
  certificates: [certificateOf(1)],
}

test.each([back, orderOf({ purpose: 'restore' })])(
  'reports what the secret lacks if no container was kept',
  async (order) => {
    const sealed = fail({ reason: 'secret_missing' as const, message: 'landfall/x, version 1' })
    const { answers } = await observed({ ...given, sealed }, order)
    expect(answers).toMatchObject([
      {
        outcome: 'refused',
        reason: 'secret_missing',
        message: 'no container was kept, and a new one lacks its secret: landfall/x, version 1',
      },
    ])
  },
)

test('reports that the secret cannot be read if no container was kept', async () => {
  const away = new Retryable('the secret landfall/x could not be read now')
  const { answers } = await observed({ ...given, sealEnvelope: () => Promise.reject(away) }, back)
  expect(answers).toMatchObject([
    {
      reason: 'secret_unavailable',
      message:
        'no container was kept, and a new one lacks its secret: the secret landfall/x could not be read now',
    },
  ])
})

test('keeps the host’s refusal if the secret is whole, or the release is new', async () => {
  const sealed = fail({ reason: 'secret_missing' as const, message: 'x' })
  const { answers } = await observed(given, back)
  expect(answers).toMatchObject([{ reason: 'secret_missing', message: noEnvelope.message }])
  const forward = await observed({ ...given, sealed })
  expect(forward.answers).toMatchObject([{ message: noEnvelope.message }])
})

const prepareOne = orderOf({ purpose: 'prepare' })
const other = Buffer.from(keys.make('i-0000000b').certificate).toString('base64')

test.each([
  ['in the listing', ''],
  ['in the whole output only', '+'.repeat(2500)],
])('fails an instance alone whose certificate cannot be used: %s', async (_name, filler) => {
  for (const unusable of ['%%%', '', other.slice(0, 100), `${other}AAAA`]) {
    const output = line({ ...done, certificate: unusable, filler })
    const { answers, known } = await observed(
      {
        invocations: [
          invocationOf(1, { output: output.slice(0, 2500) }),
          invocationOf(2, { output: preparedSecond }),
        ],
        outputs: { [instanceAt(1)]: { stdout: output, stderr: '' } },
      },
      orderOf({ purpose: 'prepare', instances: [1, 2].map(instanceAt) }),
    )
    expect(answers).toMatchObject([
      { outcome: 'failed', reason: 'envelope_invalid' },
      { outcome: 'succeeded', isKeyNew: false },
    ])
    expect([...known.keys()]).toEqual([instanceAt(2)])
  }
})

test('tells of a certificate that replaced another, at each look at its command', async () => {
  const { ports } = createEc2Ports({ invocations: [invocationOf(1, { output: prepared })] })
  const look = async (command: string) => {
    const answers = await createEc2Target(ports, ec2()).observe(prepareOne, command)
    return answers.map(({ isKeyNew }) => isKeyNew)
  }
  const at = after(0)
  expect(await look('command-1')).toEqual([false])
  await ports.certificates.record({ instance: instanceAt(1), der: other, at }, 'command-2')
  expect(await look('command-3')).toEqual([true])
  expect(await look('command-3')).toEqual([true])
  expect(await look('command-4')).toEqual([false])
})

test('tells of a certificate that replaced one that the instance had disowned', async () => {
  const refused = line({ outcome: 'refused', reason: 'key_changed', serving: null, fenceSeen: 3 })
  const known = [{ ...certificateOf(1), der: other }]
  const { ports } = createEc2Ports({ certificates: known, ...failedWith(refused) })
  await createEc2Target(ports, ec2()).observe(orderOf(), 'command-1')
  const invocations = async () => [invocationOf(1, { output: prepared })]
  const asked = { ...ports, commands: { ...ports.commands, invocations } }
  const answers = await createEc2Target(asked, ec2()).observe(prepareOne, 'command-2')
  expect(answers).toMatchObject([{ outcome: 'succeeded', isKeyNew: true }])
})

test('takes a certificate from the answer to a prepare only', async () => {
  const { answers, known } = await observed({
    invocations: [invocationOf(1, { output: prepared })],
  })
  expect(answers).toMatchObject([{ outcome: 'succeeded' }])
  expect([...known.keys()]).toEqual([])
})

test('keeps no control or bidi character of what a host says, and no more than has room', async () => {
  const hostile = {
    outcome: 'failed',
    reason: 'exited',
    message: `\u001b[31mred\u0000\u202e${'x'.repeat(5000)}\ud800`,
    steps: [{ name: `\u001b]0;title\u0007pull\u2066${'y'.repeat(500)}`, status: 'failed', ms: -1 }],
    tail: Array.from({ length: 3000 }, () => '  at\tline\u202e'),
  }
  const { answers } = await observed(failedWith(line(hostile)))
  const [answer] = answers
  expect(answer?.message).toMatch(/^redx{250,297}$/)
  expect(answer?.steps[0]?.name).toMatch(/^pully{50,128}$/)
  expect(answer?.steps[0]?.milliseconds).toBeNull()
  expect(answer?.tail).toEqual(Array.from({ length: 40 }, () => '  at line'))
})

test('masks what a host says before it is cut, and after what hides a secret is taken out', async () => {
  const failed = { outcome: 'failed', reason: 'exited' }
  const long = `${'x'.repeat(295)}hunter22`
  const { answers } = await observed(
    failedWith(line({ ...failed, message: long, tail: ['hun\u202eter22'] })),
  )
  expect(answers).toMatchObject([{ message: `${'x'.repeat(295)}[mask`, tail: ['[masked]'] }])
})

test('says which field of a result line cannot be read', async () => {
  const broken = line({ ...done, serving: { generation: 1e300, digest: digestAt(1) } })
  const { answers } = await observed(failedWith(broken))
  expect(answers).toMatchObject([
    {
      outcome: 'lost',
      reason: 'no_answer',
      message: 'its result line cannot be read: serving.generation',
    },
  ])
})

test.each([
  ['is asked again while the command has time', after(3600), 'throws'],
  ['is lost with the refused call as its reason once that is over', after(0), 'lost'],
])('a command whose listing AWS refuses %s', async (_, notAfter, expected) => {
  const { ports } = createEc2Ports({})
  const denied = new Denied('AWS refuses ssm:ListCommandInvocations')
  const commands = { ...ports.commands, invocations: async () => Promise.reject(denied) }
  const order = { ...orderOf(), notAfter }
  const observing = createEc2Target({ ...ports, commands }, ec2()).observe(order, 'command-1')
  if (expected === 'throws') return expect(observing).rejects.toThrow(denied)
  const lost = { outcome: 'lost', reason: 'aws_denied', message: denied.message }
  return expect(await observing).toMatchObject([lost])
})
