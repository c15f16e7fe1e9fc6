import { ListCommandsCommand, SSMClient } from '@aws-sdk/client-ssm'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { docker } from '../../local/docker/docker.ts'
import { startLoad } from '../../local/load/load.ts'
import {
  expectDeployed,
  expectNoneFailed,
  openStage,
  toCommit,
  type Stage,
} from '../support/end-to-end.ts'

const app = 'e2e-fleet'
const stranger = 'e2e-fleet-stranger'
let stage: Stage
/** What a person on the second instance does there. */
const onSecond = (args: readonly string[]): Promise<string> =>
  docker(args, { dockerHost: second.dockerHost })
const second = { address: '', dockerHost: '' }
let first = ''

beforeAll(async () => {
  stage = await openStage({ apps: { [app]: {} }, instances: 2 })
  const members = [...stage.team.stack.fleet.values()]
  first = members[0]?.instance.address ?? ''
  second.address = members[1]?.instance.address ?? ''
  second.dockerHost = members[1]?.instance.dockerHost ?? ''
})
afterAll(() => stage?.close())

const urlOf = (address: string): string => `http://${address}:${stage.port(app)}/`

const answerOf = (address: string): Promise<string> =>
  fetch(urlOf(address)).then(
    async (response) => (await response.text()).trim(),
    () => 'nothing',
  )

const answers = () => Promise.all([answerOf(first), answerOf(second.address)])

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
  expect(await answers()).toEqual(['nothing', 'stranger'])
  expect((await stage.team.operators.status(app)).live).toBeNull()
  await onSecond(['rm', '--force', stranger])
})

test('a release is rolled one instance after the other, and no request fails', async () => {
  expectDeployed(await stage.release(app, 'two'))
  expect(await answers()).toEqual(['two', 'two'])
  const loads = [first, second.address].map((address) =>
    startLoad({ url: urlOf(address), ratePerSecond: 20 }),
  )
  const deployment = await stage.release(app, 'three')
  expectDeployed(deployment)
  for (const load of loads) expectNoneFailed('a rolled instance', await load.stop())
  expect(await answers()).toEqual(['three', 'three'])
  const { Commands = [] } = await new SSMClient(stage.team.stack.client).send(
    new ListCommandsCommand({}),
  )
  const [later, earlier] = Commands.filter(({ DocumentName }) => DocumentName?.includes('-deploy-'))
  expect([earlier?.InstanceIds, later?.InstanceIds]).toEqual([['i-00000001'], ['i-00000002']])
})

test('it stops at the first instance that fails, and brings the finished one back', async () => {
  const load = startLoad({ url: urlOf(first), ratePerSecond: 20 })
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
  const result = await load.stop()
  expectNoneFailed('an instance that is brought back', result)
  expect(await answers()).toEqual(['three', 'three'])

  await onSecond(['rm', '--force', stranger])
  expectDeployed(await stage.release(app, 'five'))
  expect(await answers()).toEqual(['five', 'five'])
})
