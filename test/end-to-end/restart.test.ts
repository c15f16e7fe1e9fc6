import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { docker } from '../../local/docker/docker.ts'
import {
  anyWith,
  containersOf,
  expectDeployed,
  expectNoneFailed,
  holdAgent,
  neverUp,
  openStage,
  patientHealth,
  readDeployment,
  readRevision,
  scanJournal,
  toCommit,
  waitUntilOpen,
  waitUntilStarted,
  type Stage,
} from '../support/end-to-end.ts'
import { tick, waitUntilServed, withClock } from '../support/end-to-end-alarms.ts'

const app = 'e2e-restart'
let stage: Stage

beforeAll(async () => {
  stage = await openStage({
    apps: {
      [app]: { settings: { env: { GREETING: 'hello' } }, ec2: { health: patientHealth } },
    },
  })
  expectDeployed(await stage.release(app, 'one'))
})
afterAll(() => stage?.close())

test('a stack that stops during a deployment restores the earlier release after its start', async () => {
  await stage.push(app, 'two', neverUp)
  await stage.endCi(app, 'two')
  await waitUntilStarted(app, 2)
  const load = stage.load(app)
  await stage.restart()
  // The script was killed in the middle, as the agent does it: nobody knows what it had done.
  const deployment = await withClock(stage, stage.nextDeployment(app))
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

const greetingIs = async (text: string): Promise<boolean> =>
  (await stage.ask(app, '/setting?name=GREETING')) ===
  createHash('sha256').update(text).digest('hex')

/** Landfall is deployed anew with another landfall.yml. */
const changeGreeting = (before: string, after: string): void => {
  const file = stage.team.configuration
  writeFileSync(
    file,
    readFileSync(file, 'utf8').replace(`GREETING: ${before}`, `GREETING: ${after}`),
  )
}

test('a deployment that waits at the stop continues after the start as it was opened', async () => {
  // Its command waits behind five others, which die with the stack.
  await holdAgent(stage)
  await stage.push(app, 'three')
  await stage.endCi(app, 'three')
  await waitUntilOpen(stage, app)
  await stage.endCi(app, 'four')
  changeGreeting('hello', 'goodbye')
  await stage.restart()
  const third = await withClock(stage, stage.nextDeployment(app))
  expectDeployed(third)
  expect(await stage.ask(app)).toBe('three')
  expect(await greetingIs('hello')).toBe(true)
  const { waiting } = await stage.team.operators.status(app)
  expect(waiting).toEqual([anyWith({ revision: toCommit('four') })])
})

test('redeploy deploys the live digest with the current settings', async () => {
  const { live } = await stage.team.operators.status(app)
  expect(live?.commit).toBe(toCommit('three'))
  await stage.team.operators.invoke('redeploy', { app })
  const deployment = await stage.nextDeployment(app)
  expectDeployed(deployment)
  expect(deployment.digest).toBe(live?.digest)
  expect(await greetingIs('goodbye')).toBe(true)
})

test('a commit that waited during the stop is deployed when its image exists', async () => {
  await stage.push(app, 'four')
  await stage.team.announceImage(app, stage.repositoryOf(app), toCommit('four'))
  expectDeployed(await stage.nextDeployment(app), { generation: 5 })
  expect(await stage.ask(app)).toBe('four')
})

/** What the last deployment left; its container, its steps. */
const latest = 5
const container = `landfall-${app}.${latest}`
const idOfContainer = () => docker(['inspect', '--format', '{{.Id}}', container])
const listSteps = async () =>
  (await scanJournal(stage)).filter(({ pk }) => pk === `deployment#${app}#${latest}`)

/** The machine was away for some minutes, and the clock has looked meanwhile. */
const comeBack = async (): Promise<void> => {
  const [member] = stage.team.stack.fleet.values()
  if (member === undefined) throw new Error('no instance')
  member.status.online = false
  await tick(stage)
  member.status.online = true
  await tick(stage)
}

test('an instance that comes back with its release is only asked', async () => {
  const before = [await idOfContainer(), await listSteps()]
  await comeBack()
  expect(await stage.team.operators.invoke('status', { app })).toMatchObject({
    open: null,
    converging: [],
    instances: [{ id: 'i-00000001', serves: latest, reason: null }],
  })
  expect([await idOfContainer(), await listSteps()]).toEqual(before)
})

test('an instance that comes back without its release is repaired, and the history stays', async () => {
  const { deployments } = await stage.team.operators.status(app)
  const steps = (await listSteps()).length
  await docker(['rm', '--force', container])
  await comeBack()
  await waitUntilServed(stage, app, 'four')
  const status = await stage.team.operators.status(app)
  expect(status.live).toMatchObject({ generation: latest })
  expect(status.deployments.map(({ generation }) => generation)).toEqual(
    deployments.map(({ generation }) => generation),
  )
  // What it took stands with the steps of the release.
  expect((await listSteps()).length).toBeGreaterThan(steps)
})
