import { GetCommandInvocationCommand, ListCommandsCommand, SSMClient } from '@aws-sdk/client-ssm'
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

/** The commands that deploy, the newest first. */
const listDeploys = async () => {
  const ssm = new SSMClient(stage.team.stack.client)
  const { Commands = [] } = await ssm.send(new ListCommandsCommand({}))
  const isDeploy = (name = ''): boolean => name.includes('-deploy-')
  return Commands.filter((one) => isDeploy(one.DocumentName))
}

test('a command whose sending was not answered is sent again and deploys once', async () => {
  const { faults } = stage.team.stack
  const before = (await listDeploys()).length
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
  expect((await listDeploys()).length - before).toBe(2)
  await expectLive('twice', 7)
})

/** What SSM says of a command on the instance. */
const readCommand = (id: string) => {
  const query = { CommandId: id, InstanceId: 'i-00000001' }
  return new SSMClient(stage.team.stack.client).send(new GetCommandInvocationCommand(query))
}

// An agent says nothing of a command that is cancelled while it waits there, and runs it at its next start. In
// faults.test.ts a command begins after its time.
test('a command that was cancelled while it waited and begins later is refused, and changes nothing', async () => {
  const letGo = await holdAgent(stage)
  await stage.push(app, 'withdrawn')
  await stage.endCi(app, 'withdrawn')
  await waitUntilOpen(stage, app)
  const late = (await listDeploys())[0]?.CommandId ?? ''
  const isTaken = async () => (await readCommand(late)).Status === 'InProgress'
  await waitFor('the agent has taken the command', isTaken)
  await stage.team.operators.invoke('cancel', { app })
  const isCancelling = async () =>
    (await listDeploys()).some((one) => one.CommandId === late && one.Status === 'Cancelling')
  await waitFor('the command is cancelled', isCancelling)
  letGo()
  const cancelled = await withClock(stage, stage.nextDeployment(app))
  expect(cancelled).toMatchObject({ generation: 8, status: 'cancelled' })
  expect(await stage.ask(app)).toBe('twice')
  expect((await readCommand(late)).Status).toBe('InProgress')
  stage.team.stack.faults.onCommand = () => ({ kind: 'restart_agent', milliseconds: 0 })
  expectDeployed(await stage.release(app, 'after'))
  const isOver = async () => (await readCommand(late)).Status !== 'InProgress'
  await waitFor('the cancelled command has ended', isOver)
  const { Status, StandardOutputContent } = await readCommand(late)
  expect(Status).toBe('Failed')
  expect(StandardOutputContent).toContain('"reason":"superseded_fence"')
  await expectLive('after', 9)
})
