import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import {
  ListCommandInvocationsCommand,
  ListCommandsCommand,
  SSMClient,
  SendCommandCommand,
} from '@aws-sdk/client-ssm'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { docker } from '../../local/docker/docker.ts'
import { startLoad, type Load } from '../../local/load/load.ts'
import { startStack } from '../../local/stack/stack.ts'
import { startBalancer, type Balancer } from '../support/balancer.ts'
import { tick, withClock } from '../support/end-to-end-alarms.ts'
import { waitFor } from '../support/wait.ts'
import { toDocument } from '../support/local-aws.ts'
import { inFull, isFull } from '../support/size.ts'
import {
  expectDeployed,
  expectFailed,
  expectNoneFailed,
  openStage,
  toCommit,
  waitUntilQuiet,
  type Stage,
} from '../support/end-to-end.ts'

/** Two show what one after the other means; only of three do some go together. */
const size = inFull(3, 2)
const ids = Array.from({ length: size }, (_, index) => `i-0000000${index + 1}`)
const [firstId = '', ...otherIds] = ids
const allAnswer = (version: string): readonly string[] => ids.map(() => version)

const app = 'e2e-fleet'
/** The first instance alone, then all others together. */
const wide = 'e2e-fleet-wide'
const inTwoWaves = { ec2: { rollout: { batch: '100%', pause: '20s' } } }
/** Its secret fits into no command. */
const heavy = 'e2e-fleet-heavy'
const largeSecret = 'landfall/local/e2e-fleet-large'
const stranger = 'e2e-fleet-stranger'
let stage: Stage
/** What a person on the second instance does there. */
const onSecond = (args: readonly string[]): Promise<string> =>
  docker(args, { dockerHost: second.dockerHost })
const second = { dockerHost: '' }
let addresses: readonly string[]
let balancer: Balancer

beforeAll(async () => {
  stage = await openStage({
    apps: { [app]: {}, [wide]: inTwoWaves, [heavy]: { settings: { secrets: largeSecret } } },
    secrets: { [largeSecret]: { BLOB: 'x'.repeat(40_000) } },
    instances: size,
  })
  const members = [...stage.team.stack.fleet.values()]
  addresses = members.map(({ instance }) => instance.address)
  second.dockerHost = members[1]?.instance.dockerHost ?? ''
  balancer = await startBalancer(stage.directory, addresses, stage.port(app))
})
let isClosed = false
const close = async (): Promise<void> => {
  if (isClosed) return
  isClosed = true
  await balancer?.stop()
  await stage?.close()
}
afterAll(close)

const urlOf = (address: string): string => `http://${address}:${stage.port(app)}/`

const answerOf = (address: string): Promise<string> =>
  fetch(urlOf(address)).then(
    async (response) => (await response.text()).trim(),
    () => 'nothing',
  )

const answers = () => Promise.all(addresses.map(answerOf))

const startUsers = (): Load => startLoad({ url: balancer.url, ratePerSecond: 30 })

/** Whom each command of the app's deploy document went to, in order. */
const listWaves = async (name: string): Promise<readonly (readonly string[] | undefined)[]> => {
  const { Commands = [] } = await new SSMClient(stage.team.stack.client).send(
    new ListCommandsCommand({}),
  )
  return Commands.filter(({ DocumentName }) => DocumentName?.includes('-deploy-'))
    .filter(({ Comment }) => Comment?.startsWith(`landfall ${name} `))
    .toSorted((one, other) => Number(one.RequestedDateTime) - Number(other.RequestedDateTime))
    .map(({ InstanceIds }) => InstanceIds)
}

const image = (version: string): string =>
  `${stage.team.registry}/${stage.repositoryOf(app)}:${toCommit(version)}`

/** What an instance is, as a script on it sees it; it leaves a server running. */
const lookAround = `docker ps -q | wc -l
docker version --format '{{.Server.Version}}' > /dev/null && echo "engine $DOCKER_HOST"
ip -4 -o address show eth0 | awk '{ print $4 }'
echo "state $LANDFALL_ROOT"
mkdir -p "$LANDFALL_ROOT" && echo "$AWS_SSM_INSTANCE_ID" > "$LANDFALL_ROOT/who"
busybox httpd -p 8099 -h "$LANDFALL_ROOT"`

/** What it printed on each instance. */
const runEverywhere = async (script: string): Promise<readonly string[]> => {
  const ssm = new SSMClient(stage.team.stack.client)
  const DocumentName = 'landfall-local-look-around'
  stage.team.stack.addDocument(DocumentName, toDocument(script))
  const { Command } = await ssm.send(new SendCommandCommand({ DocumentName, InstanceIds: ids }))
  const query = { CommandId: Command?.CommandId, Details: true }
  const outputs = async (): Promise<readonly string[]> => {
    const { CommandInvocations = [] } = await ssm.send(new ListCommandInvocationsCommand(query))
    return CommandInvocations.flatMap(({ CommandPlugins = [], Status }) =>
      Status === 'Success' ? [CommandPlugins[0]?.Output ?? ''] : [],
    )
  }
  await waitFor('the script has run everywhere', async () => (await outputs()).length === size)
  return outputs()
}

test('each instance has an engine, an address and a state of its own', async () => {
  const printed = await runEverywhere(lookAround)
  for (const [index, output] of printed.entries()) {
    const number = index + 1
    const engine = `unix:///run/landfall/${number}/docker.sock`
    expect(output).toContain(`0\nengine ${engine}\n10.77.0.1${number}/24\nstate /`)
  }
  const who = await fetch('http://10.77.0.12:8099/who')
  expect(await who.text()).toBe('i-00000002\n')
  const another = startStack({
    config: stage.team.configuration,
    stateDirectory: join(stage.directory, 'another'),
    apiPort: 0,
    awsPort: 0,
    registryPort: null,
    instances: 1,
  })
  await expect(another).rejects.toThrow('has local instances already')
})

test('a first deployment that fails on the second instance leaves the first serving nothing', async () => {
  await stage.push(app, 'stranger')
  await onSecond(['pull', '--quiet', image('stranger')])
  const options = ['--name', stranger, '--publish', `${stage.port(app)}:8000`]
  await onSecond(['run', '--detach', ...options, image('stranger')])
  const deployment = await stage.release(app, 'one')
  expect(deployment).toMatchObject({ status: 'failed', reason: 'port_in_use' })
  expect(deployment.message).toMatch(new RegExp(`^i-00000002: .*container ${stranger}`))
  expect(await answers()).toEqual(['nothing', 'stranger', 'nothing'].slice(0, size))
  expect((await stage.team.operators.status(app)).live).toBeNull()
  await onSecond(['rm', '--force', stranger])
})

test('a release is rolled out instance by instance, and no request fails', async () => {
  expectDeployed(await stage.release(app, 'two'))
  expect(await answers()).toEqual(allAnswer('two'))
  const earlier = (await listWaves(app)).length
  const users = startUsers()
  expectDeployed(await stage.release(app, 'three'))
  expectNoneFailed('a fleet behind a balancer, one after the other', await users.stop())
  expect(await answers()).toEqual(allAnswer('three'))
  expect((await listWaves(app)).slice(earlier)).toEqual(ids.map((id) => [id]))
})

test('a batch of all deploys one instance first, and the others together after the pause', async () => {
  await stage.push(wide, 'wide')
  await stage.endCi(wide, 'wide')
  await waitFor('the rollout pauses', async () => {
    const status = await stage.team.operators.invoke('status', { app: wide })
    return JSON.stringify(status).includes('"pausedUntil":"')
  })
  await tick(stage)
  expect(await listWaves(wide)).toEqual([[firstId]])
  // The pause ends.
  stage.team.stack.pass(20)
  expectDeployed(await withClock(stage, stage.nextDeployment(wide)))
  expect(await listWaves(wide)).toEqual([[firstId], otherIds])
})

test('settings that fit into no command are refused, and nothing is sent', async () => {
  const deployment = await stage.release(heavy, 'heavy')
  expectFailed(deployment, 'envelope_too_large', /^the env file and its masks take 40\d{3} bytes, /)
  expect(deployment.steps).toEqual([])
  expect(await listWaves(heavy)).toEqual([])
})

test('a rollout stops at the first failed instance and restores the finished one', async () => {
  const users = startUsers()
  // The address that the next release would get on the second instance is taken.
  const format = '{{(index .NetworkSettings.Networks "landfall").IPAddress}}'
  const [serving = ''] = (
    await onSecond(['ps', '--filter', `label=landfall.app=${app}`, '-q'])
  ).split('\n')
  const own = (await onSecond(['inspect', '--format', format, serving])).trim()
  const last = Number(own.split('.').at(-1))
  const other = own.replace(/\d+$/, String(last % 2 === 0 ? last + 1 : last - 1))
  const stopped = (await onSecond(['ps', '-a', '--filter', 'status=exited', '-q'])).split('\n')
  await onSecond(['rm', ...stopped.filter(Boolean)])
  await onSecond([
    'run',
    '-d',
    '--name',
    stranger,
    '--network',
    'landfall',
    '--ip',
    other,
    image('stranger'),
  ])

  const deployment = await stage.release(app, 'four')
  expect(deployment).toMatchObject({ status: 'failed', reason: 'start_failed' })
  expect(deployment.message).toMatch(/^i-00000002: /)
  const story = deployment.steps.map(({ instance, purpose, outcome }) => [
    instance,
    purpose,
    outcome,
  ])
  expect(story).toEqual([
    ['i-00000001', 'deploy', 'succeeded'],
    ['i-00000001', 'restore', 'succeeded'],
    ['i-00000002', 'deploy', 'failed'],
  ])
  expectNoneFailed('the second instance is broken, the first brought back', await users.stop())
  expect(await answers()).toEqual(allAnswer('three'))

  await onSecond(['rm', '--force', stranger])
  if (!isFull) return
  expectDeployed(await stage.release(app, 'five'))
  expect(await answers()).toEqual(allAnswer('five'))
})

test('an instance that is offline during a rollback is named, and repaired once it is online', async () => {
  const last = [...stage.team.stack.fleet.values()].at(-1)
  if (last === undefined) throw new Error('no instance')
  last.status.online = false
  const [now, before] = isFull ? ['five', 'three'] : ['three', 'two']
  const users = startUsers()
  await stage.team.operators.invoke('rollback', { app, by: 'ada' })
  const rollback = await stage.nextDeployment(app)
  expectDeployed(rollback, { kind: 'rollback' })
  expect(rollback.message).toContain(`not on ${last.instance.id}`)
  expect(await answers()).toEqual([...allAnswer(before).slice(1), now])
  const waves = (await listWaves(app)).length

  last.status.online = true
  await tick(stage)
  const isBack = async () => (await answers()).at(-1) === before
  await waitFor('the instance that is back serves what is live', isBack)
  expectNoneFailed('a rollback, and the one that follows', await users.stop())
  // It alone was sent to.
  await waitUntilQuiet(stage)
  expect((await listWaves(app)).slice(waves)).toEqual([[last.instance.id]])
  expect(await stage.team.operators.invoke('status', { app })).toMatchObject({
    open: null,
    instances: ids.map((id) => ({ id, reason: null })),
  })
})

test('a stopped stack leaves nothing of its instances', async () => {
  await close()
  const processes = await promisify(execFile)('ps', ['-eo', 'args'])
  expect(processes.stdout).not.toMatch(/httpd -p 8099|run\/landfall\//)
  expect(existsSync('/run/landfall')).toBe(false)
  expect(existsSync('/run/netns/landfall-1')).toBe(false)
  expect(existsSync('/sys/class/net/landfall0')).toBe(false)
})
