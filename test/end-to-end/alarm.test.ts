import { readFileSync, writeFileSync } from 'node:fs'
import { PutSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { createFaults } from '../../local/aws/faults.ts'
import type { ShownDeployment } from '../../local/team/operators.ts'
import {
  anyWith,
  aText,
  containersOf,
  expectDeployed,
  expectNoneFailed,
  openStage,
  readDeployment,
  toCommit,
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
import { waitUntil } from '../support/local-aws.ts'

// Each app has a story of its own, and an alarm of its own but for two that share one.
const back = 'e2e-alarm-back'
const late = 'e2e-alarm-late'
const firing = 'e2e-alarm-firing'
const doubled = 'e2e-alarm-doubled'
const lost = 'e2e-alarm-lost'
const chain = 'e2e-alarm-chain'
const running = 'e2e-alarm-running'
const left = 'e2e-alarm-left'
const right = 'e2e-alarm-right'
const shared = 'e2e-alarm-shared-5xx'
const secret = 'landfall/local/e2e-alarm'

const alarmOf = (app: string): string => (app === left || app === right ? shared : `${app}-5xx`)
const alarmed = (app: string, settings: object = {}, rollback: object = {}): AppFacts => ({
  settings: { ...settings, rollback: { alarms: [alarmOf(app)], ...rollback } },
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

/** Some at a time: one after the other takes twice as long, all at once nobody gets on. */
const releaseAll = async (apps: readonly string[], number: string): Promise<void> => {
  for (let from = 0; from < apps.length; from += 4)
    await Promise.all(apps.slice(from, from + 4).map((app) => release(app, number)))
}

/** Landfall is deployed anew with another landfall.yml, and the secret is rotated. */
const changeSettings = async (): Promise<void> => {
  const file = stage.team.configuration
  const text = readFileSync(file, 'utf8')
  writeFileSync(file, text.replace(`GREETING: ${first.env}`, 'GREETING: goodbye'))
  const SecretString = JSON.stringify({ API_KEY: 'the second api key' })
  const order = new PutSecretValueCommand({ SecretId: secret, SecretString })
  await new SecretsManagerClient(stage.team.stack.client).send(order)
  await stage.team.restart()
}

beforeAll(async () => {
  stage = await openStage({
    secrets: { [secret]: { API_KEY: first.secret } },
    apps: {
      [back]: alarmed(back, { secrets: secret, env: { GREETING: first.env } }),
      [late]: alarmed(late, {}, { window: '1m' }),
      ...Object.fromEntries(
        [firing, doubled, lost, chain, running, left, right].map((app) => [app, alarmed(app)]),
      ),
    },
  })
  const names = [back, late, firing, doubled, lost, chain, running].map(alarmOf)
  alarms = await createAlarms(stage, [...names, shared])
  // It has nothing to take back yet.
  await alarms.set(alarmOf(firing), 'ALARM')
  // The registry takes the layers that all of them share once.
  await release(late, 'one')
  await releaseAll([back, firing, doubled, lost, chain, running, left, right], 'one')
  await changeSettings()
  await releaseAll([late, back, firing, doubled, lost, chain, left], 'two')
})
afterAll(() => stage?.close())
afterEach(() => void Object.assign(stage.team.stack.faults, createFaults()))

const statusOf = (app: string): Promise<unknown> => stage.team.operators.invoke('status', { app })

/** The next deployment of the app is a rollback by its alarm to the release before, under this number. */
const expectTakenBack = async (app: string, generation: number): Promise<void> => {
  const digest = digestOf(app, 'one')
  const by = `alarm ${alarmOf(app)}`
  const deployment = await stage.nextDeployment(app)
  expectDeployed(deployment, { generation, kind: 'rollback', by, digest })
  await expectRunning(stage, app, { generation: 1, digest })
  expect(await stage.ask(app)).toBe(`${app} one`)
  expect(await statusOf(app)).toMatchObject({ live: { generation: 1, digest }, open: null })
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

test('an alarm brings the release before back, with its image, its settings and its secrets', async () => {
  await expectSetting(stage, back, 'GREETING', 'goodbye')
  await expectSetting(stage, back, 'API_KEY', 'the second api key')
  const load = stage.load(back)
  const firedAt = await alarms.fire(alarmOf(back))
  const seconds = ((await waitUntilServed(stage, back, `${back} one`)) - firedAt) / 1000
  process.stdout.write(`${seconds.toFixed(2)} s from the alarm to the release before\n`)
  await expectTakenBack(back, 3)
  expectNoneFailed('a rollback by an alarm', await load.stop())
  await expectFirstSettings(3)
  expect(await waitForVerdict(stage, back, 1)).toMatchObject({ kind: 'take_back', generation: 2 })
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

test('an alarm after a rollback freezes the app, and takes nothing back', async () => {
  await alarms.fire(alarmOf(back))
  expect(await waitForVerdict(stage, back, 2)).toEqual({
    kind: 'freeze',
    reason: 'alarm_after_rollback',
  })
  await stage.push(back, `${back} three`)
  expect(await stage.endCi(back, `${back} three`)).toMatchObject({ status: 202 })
  const waiting = async () => (await stage.team.operators.status(back)).waiting
  await waitUntil(async () => (await waiting())[0]?.reason === 'app_frozen', 60)
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

test('a second rollback within the hour is carried out, from the registry too, and freezes the app', async () => {
  await stage.team.operators.invoke('unfreeze', { app: back })
  expectDeployed(await stage.nextDeployment(back), { generation: 4 })
  await removeFromHost(stage, back, { generation: 1, digest: digestOf(back, 'one') })
  await alarms.fire(alarmOf(back))
  await expectTakenBack(back, 5)
  await expectFirstSettings(5)
  const { deployments } = await stage.team.operators.status(back)
  const pull = deployments[0]?.steps
    .flatMap(({ steps }) => steps)
    .find(({ name }) => name === 'pull')
  expect(pull?.status).toBe('succeeded')
  expect(await statusOf(back)).toMatchObject({ frozen: { reason: 'second_rollback' } })
})

test('an alarm that fired before the deployment was opened is not its fault', async () => {
  expect(await readDeployment(stage, firing, 2)).toMatchObject({ firing: [alarmOf(firing)] })
  await alarms.set(alarmOf(firing), 'INSUFFICIENT_DATA')
  await alarms.set(alarmOf(firing), 'ALARM')
  expect(await waitForVerdict(stage, firing, 2)).toEqual({
    kind: 'ignored',
    reason: 'alarm_fired_before',
  })
  // The clock finds it firing, too.
  await expectUntouched(stage, firing, 2)
  await alarms.fire(alarmOf(firing))
  await expectTakenBack(firing, 3)
})

test('an event that comes twice, and once more when all is over, rolls back once', async () => {
  const { faults, runner } = stage.team.stack
  let event: unknown = null
  faults.onEvent = (seen) => {
    if (seen.source === 'aws.cloudwatch') event = seen
    return 'double'
  }
  faults.onAsyncInvoke = () => 'double'
  await alarms.fire(alarmOf(doubled))
  await expectTakenBack(doubled, 3)
  const once = await listJudged(stage, doubled)
  expect(once).toMatchObject([{ from: 'OK', verdict: { kind: 'take_back', generation: 2 } }])
  await runner.invoke('landfall-local-alarm', JSON.stringify(event))
  await tick(stage)
  expect(await listJudged(stage, doubled)).toEqual(once)
  expect(await statusOf(doubled)).toMatchObject({
    live: { generation: 1 },
    open: null,
    takeBack: null,
    frozen: null,
    deployments: { 0: { generation: 3 } },
  })
})

test('of two apps with one alarm each is judged alone', async () => {
  await alarms.fire(shared)
  await expectTakenBack(left, 3)
  // It was deployed once only.
  const refusal = async () => JSON.stringify(await statusOf(right))
  await waitUntil(async () => (await refusal()).includes('nothing_to_roll_back_to'), 60)
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
})

test('what is quarantined is no release to go back to', async () => {
  const rollBack = () => stage.team.operators.invoke('rollback', { app: chain })
  await release(chain, 'three')
  await alarms.fire(alarmOf(chain))
  const second = { kind: 'rollback', digest: digestOf(chain, 'two') }
  expectDeployed(await stage.nextDeployment(chain), second)
  expect(await statusOf(chain)).toMatchObject({ before: { generation: 3 } })
  // What was live before is the one that the alarm took back.
  expect(await rollBack()).toMatchObject({ outcome: 'accepted' })
  const digest = digestOf(chain, 'one')
  expectDeployed(await stage.nextDeployment(chain), { kind: 'rollback', digest })
  await expectRunning(stage, chain, { generation: 1, digest })
  const refused = { outcome: 'refused', reason: 'nothing_to_roll_back_to' }
  expect(await rollBack()).toMatchObject(refused)
  await expectRunning(stage, chain, { generation: 1, digest })
})

test('an alarm while a deployment runs cancels it, and what was live is restored', async () => {
  await stage.push(running, 'slow', { START_DELAY_SECONDS: '15' })
  await stage.endCi(running, 'slow')
  await waitUntil(async () => (await containersOf(running)).includes(`landfall-${running}.2`), 60)
  const load = stage.load(running)
  await alarms.fire(alarmOf(running))
  const deployment = await stage.nextDeployment(running)
  expect(deployment).toMatchObject({
    generation: 2,
    kind: 'deploy',
    status: 'rolled_back',
    reason: 'alarm_fired',
    message: `by alarm ${alarmOf(running)}`,
  })
  expect(deployment.steps.at(-1)).toMatchObject({ purpose: 'restore', outcome: 'succeeded' })
  await expectRunning(stage, running, { generation: 1, digest: digestOf(running, 'one') })
  expectNoneFailed('an alarm during a deployment', await load.stop())
  await tick(stage)
  expect(await statusOf(running)).toMatchObject({
    live: { generation: 1 },
    open: null,
    takeBack: null,
    quarantine: [toCommit('slow'), deployment.digest],
    deployments: { 0: { generation: 2, rolledBackBy: 2 } },
  })
  expect(await listJudged(stage, running)).toMatchObject([
    { verdict: { kind: 'take_back', generation: 2 } },
  ])
})

test('an alarm whose event is lost is found by the clock', async () => {
  let losses = 0
  stage.team.stack.faults.onEvent = ({ source }) => {
    if (source !== 'aws.cloudwatch') return 'deliver'
    losses += 1
    return 'lose'
  }
  await alarms.fire(alarmOf(lost))
  await tick(stage)
  await expectTakenBack(lost, 3)
  // To OK and to ALARM.
  expect(losses).toBeGreaterThan(0)
  expect(await listJudged(stage, lost)).toMatchObject([
    { from: null, verdict: { kind: 'take_back', generation: 2 } },
  ])
})

test('an alarm after the window is nobody’s fault', async () => {
  const { endedAt } = (await stage.team.operators.status(late)).deployments[0] ?? {}
  const closesAt = Date.parse(endedAt ?? '') + 60_000
  await waitUntil(() => Date.now() > closesAt, 60)
  await alarms.fire(alarmOf(late))
  expect(await waitForVerdict(stage, late, 1)).toEqual({
    kind: 'ignored',
    reason: 'alarm_unrelated',
  })
  await expectUntouched(stage, late, 2)
})
