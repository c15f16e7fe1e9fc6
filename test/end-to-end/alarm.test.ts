import { readFileSync, writeFileSync } from 'node:fs'
import { PutSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { createFaults } from '../../local/aws/index.ts'
import type { ShownDeployment } from '../../local/team/operators.ts'
import {
  anyWith,
  aText,
  expectDeployed,
  expectNoneFailed,
  neverUp,
  openStage,
  patientHealth,
  readDeployment,
  toCommit,
  waitUntilStarted,
  type AppFacts,
  type Stage,
} from '../support/end-to-end.ts'
import {
  createAlarms,
  expectRunning,
  expectSetting,
  expectUntouched,
  listJudged,
  removeFromHost,
  tick,
  waitForVerdict,
  waitUntilServed,
  type Alarms,
} from '../support/end-to-end-alarms.ts'
import { waitFor } from '../support/wait.ts'

// Each app has a story of its own; `left`, `right` and `lost` share an alarm.
const back = 'e2e-alarm-back'
const lost = 'e2e-alarm-lost'
const left = 'e2e-alarm-left'
const right = 'e2e-alarm-right'
const shared = 'e2e-alarm-shared-5xx'
const secret = 'landfall/local/e2e-alarm'

const alarmOf = (app: string): string => ([left, right].includes(app) ? shared : `${app}-5xx`)
const alarmed = (app: string, { settings = {}, rollback = {}, ec2 = {} } = {}): AppFacts => ({
  settings: { ...settings, rollback: { alarms: [alarmOf(app)], ...rollback } },
  ec2,
})

/** What the first of two releases was; its settings and its secret are those of `back`. */
const first = { env: 'hello', secret: 'the first api key' }
const digests = new Map<string, string>()
let stage: Stage
let alarms: Alarms

/** Its images differ from those of any other app. */
const release = async (app: string, number: string): Promise<ShownDeployment> => {
  const deployment = await stage.release(app, `${app} ${number}`)
  expectDeployed(deployment)
  digests.set(`${app} ${number}`, deployment.digest)
  return deployment
}
const digestOf = (app: string, number: string): string => digests.get(`${app} ${number}`) ?? ''

/** Landfall is deployed anew with another landfall.yml, and the secret is rotated. */
const changeSettings = async (): Promise<void> => {
  const file = stage.team.configuration
  const text = readFileSync(file, 'utf8')
  writeFileSync(file, text.replace(`GREETING: ${first.env}`, 'GREETING: goodbye'))
  const SecretString = JSON.stringify({ API_KEY: 'the second api key' })
  const order = new PutSecretValueCommand({ SecretId: secret, SecretString })
  await new SecretsManagerClient(stage.team.stack.client).send(order)
  await stage.restart()
}

beforeAll(async () => {
  stage = await openStage({
    secrets: { [secret]: { API_KEY: first.secret } },
    apps: {
      [back]: alarmed(back, { settings: { secrets: secret, env: { GREETING: first.env } } }),
      [lost]: alarmed(lost, {
        rollback: { alarms: [alarmOf(lost), shared], window: '1m' },
        // So long that what does not come up can be taken back.
        ec2: { health: patientHealth },
      }),
      [left]: alarmed(left),
      [right]: alarmed(right),
    },
  })
  alarms = await createAlarms(stage, [alarmOf(back), alarmOf(lost), shared])
  // It has nothing to take back yet.
  await alarms.set(alarmOf(back), 'ALARM')
  await Promise.all([back, lost, left, right].map((app) => release(app, 'one')))
  await changeSettings()
  await Promise.all([back, left].map((app) => release(app, 'two')))
  await release(left, 'three')
})
afterAll(() => stage?.close())
afterEach(() => void Object.assign(stage.team.stack.faults, createFaults()))

const statusOf = (app: string): Promise<unknown> => stage.team.operators.invoke('status', { app })

/** The next deployment of the app is a rollback by its alarm to this release, under this number. */
const expectTakenBack = async (
  app: string,
  generation: number,
  to: { readonly generation: number; readonly number: string } = { generation: 1, number: 'one' },
): Promise<void> => {
  const live = { generation: to.generation, digest: digestOf(app, to.number) }
  const by = `alarm ${alarmOf(app)}`
  const deployment = await stage.nextDeployment(app)
  expectDeployed(deployment, { generation, kind: 'rollback', by, digest: live.digest })
  await expectRunning(stage, app, live)
  expect(await stage.ask(app)).toBe(`${app} ${to.number}`)
  expect(await statusOf(app)).toMatchObject({ live, open: null })
}

const expectFirstSettings = async (generation: number): Promise<void> => {
  await expectSetting(stage, back, 'GREETING', first.env)
  await expectSetting(stage, back, 'API_KEY', first.secret)
  const [release, earlier] = [
    await readDeployment(stage, back, generation),
    await readDeployment(stage, back, 1),
  ].map((item) => item?.['release'])
  expect(release).toEqual(earlier)
  expect(release).toMatchObject({ secretVersion: aText, settings: { env: { GREETING: 'hello' } } })
}

test('an alarm that fired before the opening does not roll the deployment back', async () => {
  expect(await readDeployment(stage, back, 2)).toMatchObject({ firing: [alarmOf(back)] })
  await alarms.set(alarmOf(back), 'INSUFFICIENT_DATA')
  await alarms.set(alarmOf(back), 'ALARM')
  expect(await waitForVerdict(stage, back, 2)).toEqual({
    kind: 'ignored',
    reason: 'alarm_fired_before',
  })
  // The clock finds it firing, too.
  await expectUntouched(stage, back, 2)
})

test('an alarm restores the earlier release with its image, settings and secrets', async () => {
  await expectSetting(stage, back, 'GREETING', 'goodbye')
  await expectSetting(stage, back, 'API_KEY', 'the second api key')
  const load = stage.load(back)
  const firedAt = await alarms.fire(alarmOf(back))
  const seconds = ((await waitUntilServed(stage, back, `${back} one`)) - firedAt) / 1000
  process.stdout.write(`${seconds.toFixed(2)} s from the alarm to the release before\n`)
  await expectTakenBack(back, 3)
  expectNoneFailed('a rollback by an alarm', await load.stop())
  await expectFirstSettings(3)
  expect(await waitForVerdict(stage, back, 3)).toMatchObject({ kind: 'take_back', generation: 2 })
  expect(await readDeployment(stage, back, 2)).toMatchObject({
    status: 'rolled_back',
    rolledBackBy: 3,
  })
  expect(await statusOf(back)).toMatchObject({
    quarantine: [toCommit(`${back} two`), digestOf(back, 'two')],
    frozen: null,
    deployments: { 0: { takesBack: 2 } },
  })
})

test('an alarm after a rollback freezes the app and rolls nothing back', async () => {
  await alarms.fire(alarmOf(back))
  expect(await waitForVerdict(stage, back, 4)).toEqual({
    kind: 'freeze',
    reason: 'alarm_after_rollback',
  })
  await stage.push(back, `${back} three`)
  expect(await stage.endCi(back, `${back} three`)).toMatchObject({ status: 202 })
  const waiting = async () => (await stage.team.operators.status(back)).waiting
  const isHeld = async () => (await waiting())[0]?.reason === 'app_frozen'
  await waitFor('the new commit waits because the app is frozen', isHeld)
  await tick(stage)
  expect(await statusOf(back)).toMatchObject({
    frozen: { reason: 'alarm_after_rollback', by: `alarm ${alarmOf(back)}` },
    live: { generation: 1 },
    open: null,
    deployments: { 0: { generation: 3 } },
    waiting: [anyWith({ revision: toCommit(`${back} three`), lacks: [] })],
  })
  await expectRunning(stage, back, { generation: 1, digest: digestOf(back, 'one') })
})

/** The events of the alarm that the second rollback does without. */
let losses = 0

test('a second rollback within the hour is carried out, from the registry too, and freezes the app', async () => {
  // A tick tells an alarm that fires anew only by its state before.
  await alarms.set(alarmOf(back), 'OK')
  await stage.team.operators.invoke('unfreeze', { app: back })
  expectDeployed(await stage.nextDeployment(back), { generation: 4 })
  await removeFromHost(stage, back, { generation: 1, digest: digestOf(back, 'one') })
  stage.team.stack.faults.onEvent = ({ source }) => {
    if (source !== 'aws.cloudwatch') return 'deliver'
    losses += 1
    return 'lose'
  }
  await alarms.fire(alarmOf(back))
  await tick(stage)
  await expectTakenBack(back, 5)
  await expectFirstSettings(5)
  const { deployments } = await stage.team.operators.status(back)
  const pull = deployments[0]?.steps
    .flatMap(({ steps }) => steps)
    .find(({ name }) => name === 'pull')
  expect(pull?.status).toBe('succeeded')
  expect(await statusOf(back)).toMatchObject({ frozen: { reason: 'second_rollback' } })
})

test('a tick finds an alarm whose event was lost', async () => {
  expect(losses).toBeGreaterThan(0)
  expect((await listJudged(stage, back)).at(-1)).toMatchObject({
    from: null,
    verdict: { kind: 'take_back', generation: 4 },
  })
})

const two = { generation: 2, number: 'two' }
/** What CloudWatch told of the alarm that three apps share. */
let told: unknown = null

/** It fires, and all that it wakes is woken twice. */
const fireTwice = async (): Promise<void> => {
  const { faults } = stage.team.stack
  faults.onEvent = (seen) => {
    if (seen.source === 'aws.cloudwatch') told = seen
    return 'double'
  }
  faults.onAsyncInvoke = () => 'double'
  await alarms.fire(shared)
}

test('an alarm of three apps is judged for each by its own window', async () => {
  // The window of one of them closes.
  stage.team.stack.pass(60)
  await fireTwice()
  await expectTakenBack(left, 4, two)
  // It was deployed once only.
  const refusal = async () => JSON.stringify(await statusOf(right))
  const isRefused = async () => (await refusal()).includes('nothing_to_roll_back_to')
  await waitFor('there is nothing that the app could go back to', isRefused)
  await tick(stage)
  expect(await statusOf(right)).toMatchObject({
    takeBack: { generation: 1, refusal: 'nothing_to_roll_back_to' },
    live: { generation: 1 },
    open: null,
    frozen: null,
    quarantine: [],
    deployments: [anyWith({ generation: 1, status: 'succeeded' })],
  })
  expect(await listJudged(stage, right)).toHaveLength(1)
  await expectRunning(stage, right, { generation: 1, digest: digestOf(right, 'one') })
  // After its window.
  expect(await waitForVerdict(stage, lost, 1)).toEqual({
    kind: 'ignored',
    reason: 'alarm_unrelated',
  })
  await expectUntouched(stage, lost, 1)
})

test('an alarm event that arrives three times rolls back once', async () => {
  const once = await listJudged(stage, left)
  expect(once).toMatchObject([{ from: 'OK', verdict: { kind: 'take_back', generation: 3 } }])
  await stage.team.stack.runner.invoke('landfall-local-alarm', JSON.stringify(told))
  await tick(stage)
  expect(await listJudged(stage, left)).toEqual(once)
  expect(await statusOf(left)).toMatchObject({
    live: { generation: 2 },
    open: null,
    takeBack: null,
    frozen: null,
    deployments: { 0: { generation: 4 } },
  })
})

test('a rollback never restores a quarantined release', async () => {
  const rollBack = () => stage.team.operators.invoke('rollback', { app: left })
  expect(await statusOf(left)).toMatchObject({ before: { generation: 3 } })
  // What was live before is the one that the alarm took back.
  expect(await rollBack()).toMatchObject({ outcome: 'accepted' })
  const digest = digestOf(left, 'one')
  expectDeployed(await stage.nextDeployment(left), { kind: 'rollback', digest })
  await expectRunning(stage, left, { generation: 1, digest })
  const refused = { outcome: 'refused', reason: 'nothing_to_roll_back_to' }
  expect(await rollBack()).toMatchObject(refused)
  await expectRunning(stage, left, { generation: 1, digest })
})

test('an alarm during a deployment cancels it and restores the live release', async () => {
  const earlier = (await listJudged(stage, lost)).length
  await stage.push(lost, 'slow', neverUp)
  await stage.endCi(lost, 'slow')
  await waitUntilStarted(lost, 2)
  const load = stage.load(lost)
  await alarms.fire(alarmOf(lost))
  const deployment = await stage.nextDeployment(lost)
  expect(deployment).toMatchObject({
    generation: 2,
    kind: 'deploy',
    status: 'rolled_back',
    reason: 'alarm_fired',
    message: `by alarm ${alarmOf(lost)}`,
  })
  expect(deployment.steps.at(-1)).toMatchObject({ purpose: 'restore', outcome: 'succeeded' })
  await expectRunning(stage, lost, { generation: 1, digest: digestOf(lost, 'one') })
  expectNoneFailed('an alarm during a deployment', await load.stop())
  await tick(stage)
  expect(await statusOf(lost)).toMatchObject({
    live: { generation: 1 },
    open: null,
    takeBack: null,
    quarantine: [toCommit('slow'), deployment.digest],
    deployments: { 0: { generation: 2, rolledBackBy: 2 } },
  })
  expect((await listJudged(stage, lost)).slice(earlier)).toMatchObject([
    { verdict: { kind: 'take_back', generation: 2 } },
  ])
})
