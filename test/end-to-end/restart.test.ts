import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  containersOf,
  expectDeployed,
  expectNoneFailed,
  holdAgent,
  openStage,
  readDeployment,
  readRevision,
  toCommit,
  waitUntilOpen,
  type Stage,
  anyWith,
} from '../support/end-to-end.ts'
import { waitUntil } from '../support/local-aws.ts'

const app = 'e2e-restart'
let stage: Stage

beforeAll(async () => {
  stage = await openStage({ apps: { [app]: {} } })
  expectDeployed(await stage.release(app, 'one'))
})
afterAll(() => stage?.close())

test('a stack that stops while a release starts comes back to the one before', async () => {
  await stage.push(app, 'two', { START_DELAY_SECONDS: '10' })
  await stage.endCi(app, 'two')
  await waitUntil(async () => (await containersOf(app)).includes(`landfall-${app}.2`), 30)
  const load = stage.load(app)
  await stage.team.restart()
  // The script was killed in the middle, as the agent does it: nobody knows what it had done.
  const deployment = await stage.nextDeployment(app)
  expect(deployment).toMatchObject({ generation: 2, status: 'failed', reason: 'no_answer' })
  expect(deployment.steps.map(({ purpose, outcome }) => [purpose, outcome])).toEqual([
    ['deploy', 'lost'],
    ['restore', 'succeeded'],
  ])
  expectNoneFailed('a stack that is stopped and started', await load.stop())
  expect(await containersOf(app)).toEqual([`landfall-${app}.1`])
  expect(await readRevision(stage, app, 'two')).toMatchObject({ status: 'refused' })
  expect(await readDeployment(stage, app, 1)).toMatchObject({ status: 'succeeded' })
})

test('what waits at the stop goes out after the start', async () => {
  // Its command waits behind five others, which die with the stack.
  await holdAgent(stage)
  await stage.push(app, 'three')
  await stage.endCi(app, 'three')
  await waitUntilOpen(stage, app)
  await stage.endCi(app, 'four')
  await stage.team.restart()
  expect(await stage.nextDeployment(app)).toMatchObject({ generation: 3, status: 'succeeded' })
  expect(await stage.ask(app)).toBe('three')
  const { waiting } = await stage.team.operators.status(app)
  expect(waiting).toEqual([anyWith({ revision: toCommit('four') })])
  await stage.push(app, 'four')
  await stage.team.announceImage(app, stage.repositoryOf(app), toCommit('four'))
  expect(await stage.nextDeployment(app)).toMatchObject({ generation: 4, status: 'succeeded' })
  expect(await stage.ask(app)).toBe('four')
})
