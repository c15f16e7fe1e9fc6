import { afterAll, beforeAll, expect, test } from 'vitest'
import { type CallFault, type CommandFate, createFaults } from '../../local/aws/index.ts'
import type { Behaviour } from '../../local/docker/images.ts'
import { cleanUp } from '../../local/team/clean-up.ts'
import {
  containersOf,
  neverUp,
  openStage,
  toCommit,
  waitUntilStarted,
  type Stage,
} from '../support/end-to-end.ts'
import { waitUntilServed, withClock } from '../support/end-to-end-alarms.ts'
import { waitFor } from '../support/wait.ts'
import { waitUntil } from '../support/local-aws.ts'
import {
  startRegistryProxy,
  type RegistryFault,
  type RegistryProxy,
} from '../support/registry-proxy.ts'
import { isFull } from '../support/size.ts'

/**
 * The world fails in one way while a commit is brought out, through the real functions, the AWS SDK,
 * the host scripts, docker and the registry: how the deployment ended, and what serves then.
 */
const app = 'e2e-faults'
const secret = 'landfall/local/e2e-faults'
let registry: RegistryProxy
let stage: Stage
/** The newest release that was live, and how often something was pushed. */
let live = { version: 'zero', generation: 1 }
let pushed = 0

beforeAll(async () => {
  registry = await startRegistryProxy()
  stage = await openStage({
    secrets: { [secret]: { PASSWORD: 'hunter2hunter2' } },
    apps: {
      [app]: {
        settings: { image: `${registry.host}/acme/${app}`, secrets: secret, deadline: '4m' },
      },
    },
  })
  registry.passTo(stage.team.registry)
  expect(await stage.release(app, live.version)).toMatchObject({ status: 'succeeded' })
})
afterAll(async () => {
  await cleanUp([app], [], registry.host)
  await stage?.close()
  await registry?.stop()
})

interface Plan {
  readonly app: string
  readonly version: string
  readonly generation: number
}

interface Row {
  readonly where: string
  readonly what: string
  readonly plant: (plan: Plan) => void
  /** Where CI has told of it, before the end is waited for. */
  readonly meanwhile?: (plan: Plan) => Promise<void>
  /** Of the image that is brought out. */
  readonly behaviour?: Partial<Behaviour>
  /** The reason it ends with: `deployed`, or why not. */
  readonly ends: string
  /** Another row, or forward.test.ts, shows the same mechanism: in the full size and `npm run test:faults` only. */
  readonly isRare?: boolean
}

const faults = () => stage.team.stack.faults

/** So often, and never again. */
const times = <Fault>(count: number, fault: Fault) => {
  let left = count
  return (): Fault | null => {
    left -= 1
    return left >= 0 ? fault : null
  }
}

const onCall = (operations: string | readonly string[], next: () => CallFault | null): void => {
  faults().onCall = ({ operation }) => ([operations].flat().includes(operation) ? next() : null)
}

const refusal = (code: string, statusCode = 400): CallFault => ({
  kind: 'refuse',
  code,
  message: 'planted',
  statusCode,
})

/** Of the first deploy command; what is sent to bring the old release back is left alone. */
const onDeploy = (fate: CommandFate): void => {
  const next = times(1, fate)
  faults().onCommand = (_instance, _command, documentName) =>
    documentName.includes('-deploy-') ? (next() ?? 'run') : 'run'
}

const isStarted = ({ generation }: Plan) => waitUntilStarted(app, generation)
/** Looked for as often as can be: the script goes on meanwhile. */
const isSwitched = ({ version }: Plan) => {
  const isServed = async () => (await stage.ask(app).catch(() => '')) === version
  return waitUntil(isServed, `${app} answers ${version}`)
}

/** An intent is its writer's for 20 s: they are over once the command that nobody knows of is. */
const letIntentEnd = async ({ version }: Plan): Promise<void> => {
  await waitUntilServed(stage, app, version)
  stage.team.stack.pass(20)
}

const onRegistry = (pattern: RegExp, next: () => RegistryFault | null): void => {
  registry.onRequest = (method, path) => (pattern.test(`${method} ${path}`) ? next() : null)
}

const instead = (
  status: number,
  headers: Readonly<Record<string, string>> = {},
): RegistryFault => ({
  kind: 'instead',
  answer: { status, headers, body: Buffer.from('planted') },
})

/** From then on one call is waited for; the caller is gone before its answer is there. */
const nextCall = (operation: string): Promise<void> =>
  new Promise((resolve) => {
    onCall(operation, () => {
      resolve()
      return null
    })
  })

const killAt = (operation: string): void => {
  const next = times(1, { kind: 'kill', when: () => nextCall(operation) } as const)
  faults().onAsyncInvoke = (name) => (name.endsWith('-reconcile') ? (next() ?? 'run') : 'run')
}

const writes = ['PutItem', 'UpdateItem']
const reads = ['GetItem', 'Query', 'BatchGetItem']

const rows: readonly Row[] = [
  {
    where: 'SSM',
    what: 'the answer to SendCommand is lost, though it was sent',
    plant: () => onCall('SendCommand', times(1, { kind: 'lose_answer' })),
    meanwhile: letIntentEnd,
    ends: 'deployed',
    isRare: true,
  },
  {
    where: 'SSM',
    what: 'SendCommand is throttled twice',
    plant: () => onCall('SendCommand', times(2, refusal('ThrottlingException'))),
    ends: 'deployed',
    isRare: true,
  },
  {
    where: 'SSM',
    what: 'SendCommand is denied',
    // Once: a repair that met it too would wait a minute before it is sent again.
    plant: () => onCall('SendCommand', times(1, refusal('AccessDeniedException'))),
    ends: 'send_failed',
  },
  {
    where: 'SSM',
    what: 'the listing is empty five times',
    plant: () =>
      onCall(
        'ListCommandInvocations',
        times(5, { kind: 'answer', body: { CommandInvocations: [] } }),
      ),
    ends: 'deployed',
  },
  {
    where: 'SSM',
    what: 'InvocationDoesNotExist, five times',
    plant: () =>
      onCall(
        ['ListCommandInvocations', 'GetCommandInvocation'],
        times(5, refusal('InvocationDoesNotExist')),
      ),
    ends: 'deployed',
    isRare: true,
  },
  {
    where: 'SSM',
    what: 'no event comes',
    plant: () => {
      faults().onEvent = () => 'lose'
    },
    ends: 'deployed',
    isRare: true,
  },
  {
    where: 'SSM',
    what: 'each event comes twice',
    plant: () => {
      faults().onEvent = () => 'double'
    },
    ends: 'deployed',
    isRare: true,
  },
  {
    where: 'SSM',
    what: 'every other event is late, so that later ones overtake it',
    plant: () => {
      let count = 0
      faults().onEvent = () => {
        count += 1
        return count % 2 === 0 ? 'deliver' : { kind: 'late', milliseconds: 1500 }
      }
    },
    ends: 'deployed',
    isRare: true,
  },
  {
    where: 'SSM',
    what: 'the command is undeliverable',
    plant: () => onDeploy({ kind: 'undeliverable' }),
    ends: 'instance_offline',
  },
  {
    where: 'SSM',
    what: 'DeliveryTimedOut while it really runs',
    plant: () => onDeploy({ kind: 'forget', milliseconds: 300 }),
    ends: 'no_answer',
  },
  {
    where: 'SSM',
    what: 'its output is cut after 200 characters',
    plant: () => onDeploy({ kind: 'cut_output', characters: 200 }),
    ends: 'no_answer',
    isRare: true,
  },
  {
    where: 'SSM',
    what: 'its output is empty, though it ran',
    plant: () => onDeploy({ kind: 'cut_output', characters: 0 }),
    ends: 'no_answer',
    isRare: true,
  },
  {
    where: 'instance',
    what: 'the disk is so full that the agent cannot write its files',
    plant: () => onDeploy({ kind: 'disk_full' }),
    ends: 'disk_full',
  },
  {
    where: 'instance',
    what: 'the agent can write no file at all, and says nothing',
    plant: () => onDeploy({ kind: 'read_only' }),
    ends: 'disk_full',
    isRare: true,
  },
  {
    where: 'instance',
    what: 'SIGKILL right after the beginning',
    plant: () => onDeploy('kill'),
    ends: 'no_answer',
    isRare: true,
  },
  {
    where: 'instance',
    what: 'SIGKILL once the new container runs',
    plant: (plan) => onDeploy({ kind: 'kill', when: () => isStarted(plan) }),
    // It does not get any further before it is killed.
    behaviour: neverUp,
    ends: 'no_answer',
  },
  {
    where: 'instance',
    what: 'SIGKILL once the new release answers users',
    plant: (plan) => onDeploy({ kind: 'kill', when: () => isSwitched(plan) }),
    ends: 'no_answer',
    isRare: true,
  },
  {
    where: 'instance',
    what: 'it restarts once the new container runs, and its agent tells of a lost worker',
    plant: (plan) =>
      onDeploy({ kind: 'lose_worker', when: () => isStarted(plan), milliseconds: 500 }),
    behaviour: neverUp,
    ends: 'no_answer',
    isRare: true,
  },
  {
    where: 'instance',
    what: 'the agent restarts, and tells the end 3 s late',
    plant: () => onDeploy({ kind: 'restart_agent', milliseconds: 3000 }),
    ends: 'deployed',
    isRare: true,
  },
  {
    where: 'instance',
    what: 'its clock is an hour ahead',
    plant: () => {
      faults().onCommand = () => ({ kind: 'wrong_clock', seconds: 3600 })
    },
    ends: 'too_late',
  },
  {
    where: 'instance',
    what: 'its clock is an hour behind',
    plant: () => {
      faults().onCommand = () => ({ kind: 'wrong_clock', seconds: -3600 })
    },
    ends: 'deployed',
    isRare: true,
  },
  {
    where: 'DynamoDB',
    what: 'two conditions fail although nobody else wrote',
    plant: () => onCall(writes, times(2, refusal('ConditionalCheckFailedException'))),
    ends: 'deployed',
    isRare: true,
  },
  {
    where: 'DynamoDB',
    what: 'the answers to three writes are lost, though they were done',
    plant: () => onCall(writes, times(3, { kind: 'lose_answer' })),
    ends: 'deployed',
  },
  {
    where: 'DynamoDB',
    what: 'reads and writes are throttled six times',
    plant: () =>
      onCall([...reads, ...writes], times(6, refusal('ProvisionedThroughputExceededException'))),
    ends: 'deployed',
    isRare: true,
  },
  {
    where: 'DynamoDB',
    what: '5xx six times',
    plant: () => onCall([...reads, ...writes], times(6, refusal('InternalServerError', 500))),
    ends: 'deployed',
  },
  {
    where: 'Secrets Manager',
    what: 'throttled twice',
    plant: () => onCall('GetSecretValue', times(2, refusal('ThrottlingException'))),
    ends: 'deployed',
    isRare: true,
  },
  {
    where: 'Secrets Manager',
    what: '5xx twice',
    plant: () => onCall('GetSecretValue', times(2, refusal('InternalServiceError', 500))),
    ends: 'deployed',
    isRare: true,
  },
  {
    where: 'registry',
    what: '429 to the first question',
    plant: () => onRegistry(/^HEAD .*manifests/, times(1, instead(429, { 'retry-after': '1' }))),
    ends: 'deployed',
    isRare: true,
  },
  {
    where: 'registry',
    what: '503 to the first question',
    plant: () => onRegistry(/^HEAD .*manifests/, times(1, instead(503))),
    ends: 'deployed',
    isRare: true,
  },
  {
    where: 'registry',
    what: 'a slow body',
    plant: () => onRegistry(/^GET .*blobs/, () => ({ kind: 'slow', milliseconds: 1000 })),
    ends: 'deployed',
    isRare: true,
  },
  {
    where: 'registry',
    what: 'a manifest of another digest',
    plant: () =>
      onRegistry(/^GET .*manifests/, () => ({
        kind: 'altered',
        alter: (body) => Buffer.concat([body, Buffer.from(' ')]),
      })),
    ends: 'pull_failed',
  },
  {
    where: 'registry',
    what: '403 to the instance',
    plant: () => onRegistry(/^GET .*manifests/, () => instead(403)),
    ends: 'registry_unauthorized',
    isRare: true,
  },
  {
    where: 'Lambda',
    what: 'each async event is run twice',
    plant: () => {
      faults().onAsyncInvoke = () => 'double'
    },
    ends: 'deployed',
    isRare: true,
  },
  {
    where: 'Lambda',
    what: 'no async event is run; only the clock looks',
    plant: () => {
      faults().onAsyncInvoke = () => 'lose'
    },
    ends: 'deployed',
    isRare: true,
  },
  ...['PutItem', 'GetSecretValue', 'SendCommand', 'ListCommandInvocations'].map((operation) => ({
    where: 'Lambda',
    what: `the first run of reconcile is killed at its first ${operation}`,
    plant: () => killAt(operation),
    ...(operation === 'SendCommand' && { meanwhile: letIntentEnd }),
    ends: 'deployed',
    isRare: operation !== 'SendCommand',
  })),
]

const isCalm = async (): Promise<boolean> => {
  const status = await stage.team.operators.invoke('status', { app })
  try {
    expect(status).toMatchObject({
      open: null,
      converging: [],
      instances: [{ serves: live.generation, reason: null }],
    })
    return true
  } catch {
    return false
  }
}

/** CI tells again, as a redelivery does, as long as it is answered that the journal is away. */
const endCi = async (version: string): Promise<void> => {
  for (let tries = 0; tries < 5; tries += 1)
    if ((await stage.endCi(app, version)).status !== 503) return
}

const isEverything = isFull || process.env['LANDFALL_FAULTS'] === 'all'
const chosen = rows.filter(({ isRare }) => isEverything || isRare !== true)

test.each(chosen.map((row) => [row.where, row.what, row] as const))(
  '%s: %s',
  async (_where, _what, { where, what, plant, meanwhile, behaviour, ends }) => {
    pushed += 1
    const plan = { app, version: `v${pushed}`, generation: pushed + 1 }
    await stage.push(app, plan.version, behaviour)
    const before = Date.now()
    plant(plan)
    await endCi(plan.version)
    await meanwhile?.(plan)
    const ended = await withClock(stage, stage.nextDeployment(app))
    Object.assign(faults(), createFaults())
    registry.onRequest = () => null
    const seconds = ((Date.now() - before) / 1000).toFixed(1)
    process.stdout.write(`${where.padEnd(16)} ${what.padEnd(66)} ${ended.reason} (${seconds} s)\n`)
    if (ended.status === 'succeeded') live = plan
    expect(ended, ended.message ?? '').toMatchObject({
      status: ends === 'deployed' ? 'succeeded' : 'failed',
      reason: ends,
      commit: toCommit(plan.version),
    })
    await withClock(stage, waitFor('every instance serves what is live', isCalm))
    expect(await stage.ask(app)).toBe(live.version)
    expect(await containersOf(app)).toEqual([`landfall-${app}.${live.generation}`])
  },
)
