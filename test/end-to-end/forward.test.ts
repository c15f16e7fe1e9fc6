import { ListCommandsCommand, SSMClient } from '@aws-sdk/client-ssm'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import * as z from 'zod'
import { createFaults } from '../../local/aws/index.ts'
import {
  containersOf,
  expectDeployed,
  expectNoneFailed,
  holdAgent,
  openStage,
  readRevision,
  toCommit,
  waitUntilOpen,
  type Stage,
} from '../support/end-to-end.ts'
import { waitUntilServed, withClock } from '../support/end-to-end-alarms.ts'
import { waitFor } from '../support/wait.ts'

const app = 'e2e-forward'
let stage: Stage

beforeAll(async () => {
  stage = await openStage({ apps: { [app]: {} } })
  expectDeployed(await stage.release(app, 'one'))
})
afterAll(() => stage?.close())
afterEach(() => void Object.assign(stage.team.stack.faults, createFaults()))

const statusOf = async (version: string): Promise<unknown> =>
  (await readRevision(stage, app, version))?.['status']

/** The one release that serves, and how many deployments there have been. */
const expectLive = async (version: string, generation: number): Promise<void> => {
  expect(await stage.ask(app)).toBe(version)
  expect(await containersOf(app)).toEqual([`landfall-${app}.${generation}`])
  const { live, deployments } = await stage.team.operators.status(app)
  expect(live).toMatchObject({ generation, commit: toCommit(version) })
  expect(deployments[0]?.generation).toBe(generation)
}

test('an older commit whose CI ends late is superseded although its image exists', async () => {
  await stage.push(app, 'older')
  const createdAt = new Date()
  expectDeployed(await stage.release(app, 'newer'))
  expect(await stage.endCi(app, 'older', { createdAt })).toMatchObject({
    status: 202,
    reason: 'recorded',
  })
  const isSuperseded = async () => (await statusOf('older')) === 'superseded'
  await waitFor('the older commit is superseded', isSuperseded)
  await expectLive('newer', 2)
})

test('commits that become ready during a deployment wait for it, and only the newest is deployed', async () => {
  for (const version of ['slow', 'skipped', 'newest', 'unfinished']) await stage.push(app, version)
  const letGo = await holdAgent(stage)
  await stage.endCi(app, 'slow')
  await waitUntilOpen(stage, app)
  await stage.endCi(app, 'skipped')
  await stage.endCi(app, 'newest')
  // Newer than all of them, and red: it keeps nobody back.
  await stage.endCi(app, 'unfinished', { conclusion: 'failure' })
  letGo()
  expect(await stage.nextDeployment(app)).toMatchObject({
    status: 'succeeded',
    commit: toCommit('slow'),
  })
  expect(await stage.nextDeployment(app)).toMatchObject({
    status: 'succeeded',
    commit: toCommit('newest'),
  })
  const isSkipped = async () => (await statusOf('skipped')) === 'superseded'
  await waitFor('the commit between them is superseded', isSkipped)
  expect(await statusOf('slow')).toBe('deployed')
  expect(await statusOf('unfinished')).toBe('refused')
  await expectLive('newest', 4)
})

test('repeated nudges and events deploy once', async () => {
  const { faults } = stage.team.stack
  Object.assign(faults, { onEvent: () => 'double', onAsyncInvoke: () => 'double' })
  expectDeployed(await stage.release(app, 'doubled'))
  await expectLive('doubled', 5)
})

const Nudge = z.object({ app: z.string() })

test('ticks alone deploy a commit where every nudge and event is lost', async () => {
  const { faults } = stage.team.stack
  let lost = 0
  faults.onEvent = () => 'lose'
  faults.onAsyncInvoke = (_name, payload) => {
    if (!Nudge.safeParse(payload).success) return 'run'
    lost += 1
    return 'lose'
  }
  expectDeployed(await withClock(stage, stage.release(app, 'unheard')))
  expect(lost).toBeGreaterThan(0)
  await expectLive('unheard', 6)
})

const countDeploys = async (): Promise<number> => {
  const ssm = new SSMClient(stage.team.stack.client)
  const { Commands = [] } = await ssm.send(new ListCommandsCommand({}))
  return Commands.filter(({ DocumentName }) => DocumentName?.includes('-deploy-')).length
}

test('a command whose sending was not answered is sent again and deploys once', async () => {
  const { faults } = stage.team.stack
  const before = await countDeploys()
  let isLost = false
  faults.onCall = ({ service, operation }) => {
    if (isLost || service !== 'ssm' || operation !== 'SendCommand') return null
    isLost = true
    return { kind: 'lose_answer' }
  }
  const load = stage.load(app, { ratePerSecond: 10 })
  await stage.push(app, 'twice')
  await stage.endCi(app, 'twice')
  await waitUntilServed(stage, app, 'twice')
  // An intent is its writer's for 20 s.
  stage.team.stack.pass(20)
  expectDeployed(await withClock(stage, stage.nextDeployment(app)))
  expectNoneFailed('a command that was sent twice', await load.stop())
  // The host answers the second with what the first did.
  expect((await countDeploys()) - before).toBe(2)
  await expectLive('twice', 7)
})
