import { ListCommandsCommand, SSMClient } from '@aws-sdk/client-ssm'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { docker } from '../../local/docker/docker.ts'
import { startLoad, type Load } from '../../local/load/load.ts'
import { startBalancer, type Balancer } from '../support/balancer.ts'
import { tick, withClock } from '../support/end-to-end-alarms.ts'
import { waitUntil } from '../support/local-aws.ts'
import {
  expectDeployed,
  expectFailed,
  expectNoneFailed,
  openStage,
  toCommit,
  type Stage,
} from '../support/end-to-end.ts'

const app = 'e2e-fleet'
/** The first instance alone, then all others together. */
const wide = 'e2e-fleet-wide'
const inTwoWaves = { ec2: { rollout: { batch: '100%', pause: '15s' } } }
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
    instances: 3,
  })
  const members = [...stage.team.stack.fleet.values()]
  addresses = members.map(({ instance }) => instance.address)
  second.dockerHost = members[1]?.instance.dockerHost ?? ''
  balancer = await startBalancer(stage.directory, addresses, stage.port(app))
})
afterAll(async () => {
  await balancer?.stop()
  await stage?.close()
})

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

test('where the second instance fails at the first deployment, the first serves nothing again', async () => {
  await stage.push(app, 'stranger')
  await onSecond(['pull', '--quiet', image('stranger')])
  const options = ['--name', stranger, '--publish', `${stage.port(app)}:8000`]
  await onSecond(['run', '--detach', ...options, image('stranger')])
  const deployment = await stage.release(app, 'one')
  expect(deployment).toMatchObject({ status: 'failed', reason: 'port_in_use' })
  expect(deployment.message).toMatch(new RegExp(`^i-00000002: .*container ${stranger}`))
  expect(await answers()).toEqual(['nothing', 'stranger', 'nothing'])
  expect((await stage.team.operators.status(app)).live).toBeNull()
  await onSecond(['rm', '--force', stranger])
})

test('a release is rolled one instance after the other, and no request fails', async () => {
  expectDeployed(await stage.release(app, 'two'))
  expect(await answers()).toEqual(['two', 'two', 'two'])
  const earlier = (await listWaves(app)).length
  const users = startUsers()
  expectDeployed(await stage.release(app, 'three'))
  expectNoneFailed('three instances behind a balancer, one after the other', await users.stop())
  expect(await answers()).toEqual(['three', 'three', 'three'])
  expect((await listWaves(app)).slice(earlier)).toEqual([
    ['i-00000001'],
    ['i-00000002'],
    ['i-00000003'],
  ])
})

test('with a batch of all, one goes first, and the others follow together after the pause', async () => {
  await stage.push(wide, 'wide')
  await stage.endCi(wide, 'wide')
  await waitUntil(async () => {
    const status = await stage.team.operators.invoke('status', { app: wide })
    return JSON.stringify(status).includes('"pausedUntil":"')
  }, 60)
  await tick(stage)
  expect(await listWaves(wide)).toEqual([['i-00000001']])
  expectDeployed(await withClock(stage, stage.nextDeployment(wide)))
  expect(await listWaves(wide)).toEqual([['i-00000001'], ['i-00000002', 'i-00000003']])
})

test('what fits into no command is refused by name, and nothing is sent', async () => {
  const deployment = await stage.release(heavy, 'heavy')
  expectFailed(deployment, 'envelope_too_large', /^the env file and its masks take 40\d{3} bytes, /)
  expect(deployment.steps).toEqual([])
  expect(await listWaves(heavy)).toEqual([])
})

test('it stops at the first instance that fails, and brings the finished one back', async () => {
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
  expect(await answers()).toEqual(['three', 'three', 'three'])

  await onSecond(['rm', '--force', stranger])
  expectDeployed(await stage.release(app, 'five'))
  expect(await answers()).toEqual(['five', 'five', 'five'])
})

test('an instance that is offline during a rollback is named, and follows once it is back', async () => {
  const third = [...stage.team.stack.fleet.values()].at(-1)
  if (third === undefined) throw new Error('no third instance')
  third.status.online = false
  const users = startUsers()
  await stage.team.operators.invoke('rollback', { app, by: 'ada' })
  const rollback = await stage.nextDeployment(app)
  expectDeployed(rollback, { kind: 'rollback' })
  expect(rollback.message).toContain('not on i-00000003')
  expect(await answers()).toEqual(['three', 'three', 'five'])
  const waves = (await listWaves(app)).length

  third.status.online = true
  await tick(stage)
  await waitUntil(async () => (await answers()).at(-1) === 'three', 60)
  expectNoneFailed('a rollback, and the one that follows', await users.stop())
  // It alone was sent to.
  await waitUntil(async () => (await stage.team.operators.status(app)).open === null)
  expect((await listWaves(app)).slice(waves)).toEqual([['i-00000003']])
  expect(await stage.team.operators.invoke('status', { app })).toMatchObject({
    instances: [1, 2, 3].map((number) => ({ id: `i-0000000${number}`, reason: null })),
  })
})
