import { SecretsManagerClient, PutSecretValueCommand } from '@aws-sdk/client-secrets-manager'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Course } from '../../local/render/deploy.ts'
import type { ShownDeployment } from '../../local/team/operators.ts'
import { createAlarms, type Alarms } from '../support/end-to-end-alarms.ts'
import {
  anyWith,
  expectDeployed,
  expectFailed,
  openStage,
  quicken,
  readDeployment,
  renderService,
  scanJournal,
  textLike,
  type Stage,
} from '../support/end-to-end.ts'

const app = 'e2e-render'
const both = 'e2e-render-both'
const services = { [app]: 'srv-e2erender', [both]: 'srv-e2erenderboth' }
const secret = 'landfall/local/e2e-render'
const alarm = 'e2e-render-5xx'
const planted = 'plantedValueOfTheShop'
let stage: Stage
let alarms: Alarms

const renderOf = (name: keyof typeof services) => ({
  service: services[name],
  token: 'landfall/local/render',
})

beforeAll(async () => {
  stage = await openStage({
    secrets: { [secret]: { SECRET_KEY: planted } },
    apps: {
      [app]: {
        settings: { secrets: secret, env: { DEBUG: 'False' }, rollback: { alarms: [alarm] } },
        ec2: null,
        render: renderOf(app),
      },
      [both]: { render: { ...renderOf(both), env: 'leave' } },
    },
  })
  for (const service of Object.values(services)) quicken(stage, service)
  alarms = await createAlarms(stage, [alarm])
})
afterAll(() => stage?.close())

const serviceOf = (name: keyof typeof services) => renderService(stage, services[name])
const serving = (name: keyof typeof services) => serviceOf(name).serving()
/** What becomes of the service's deploys from now on; null leaves it to Render. */
const takes = (name: keyof typeof services, course: Course | null) =>
  (serviceOf(name).settings.courseOf = () => course)

const rollBack = async (name: string): Promise<ShownDeployment> => {
  await stage.team.operators.invoke('rollback', { app: name })
  return stage.nextDeployment(name)
}

test('plan shows what a first deployment would do at Render', async () => {
  serviceOf(app).env.set('OWN', 'of the service')
  expect(await stage.team.operators.invoke('plan', { app })).toMatchObject({
    ok: true,
    instances: [
      {
        id: services[app],
        name: app,
        online: true,
        would: [
          'set DEBUG, SECRET_KEY at Render',
          textLike(/^deploy localhost:/),
          textLike(/live/),
        ],
      },
    ],
  })
  expect(serviceOf(app).deploys()).toEqual([])
})

test('a green commit is deployed to Render by its digest, with its variables', async () => {
  const deployment = await stage.release(app, 'one')
  expectDeployed(deployment, { generation: 1 })
  expect(serving(app)).toMatchObject({
    sha: deployment.digest,
    env: { OWN: 'of the service', DEBUG: 'False', SECRET_KEY: planted },
  })
  expect(deployment.steps).toEqual([
    anyWith({
      instance: services[app],
      purpose: 'deploy',
      outcome: 'succeeded',
      message: 'left alone at Render, and not in landfall.yml: OWN',
      steps: [anyWith({ name: 'deploy', status: 'succeeded' })],
    }),
  ])
})

test('a rotated secret is deployed with the next commit', async () => {
  const client = new SecretsManagerClient(stage.team.stack.client)
  const SecretString = JSON.stringify({ SECRET_KEY: `${planted}Rotated` })
  await client.send(new PutSecretValueCommand({ SecretId: secret, SecretString }))
  const deployment = await stage.release(app, 'two')
  expectDeployed(deployment, { generation: 2 })
  expect(serving(app)).toMatchObject({
    sha: deployment.digest,
    env: { SECRET_KEY: `${planted}Rotated` },
  })
})

test('a rollback at Render restores the earlier release with its own variables', async () => {
  const deployment = await rollBack(app)
  expectDeployed(deployment, { kind: 'rollback', generation: 3 })
  const first = await readDeployment(stage, app, 1)
  expect(serving(app)).toMatchObject({
    sha: deployment.digest,
    env: { OWN: 'of the service', SECRET_KEY: planted },
  })
  expect(first).toMatchObject({ release: { digest: deployment.digest } })
})

test('a deploy that Render cannot start fails, and the live release keeps serving', async () => {
  const before = serving(app)
  takes(app, { kind: 'build_failed' })
  const deployment = await stage.release(app, 'three')
  expectFailed(deployment, 'pull_failed', /Render could not pull the image \(build_failed\)/)
  takes(app, null)
  expect(serving(app)).toEqual(before)
  expect(serviceOf(app).env.get('SECRET_KEY')).toBe(planted)
})

test('an alarm rolls a deployment at Render back', async () => {
  const before = serving(app)
  expectDeployed(await stage.release(app, 'four'), { generation: 5 })
  expect(serving(app)?.sha).not.toBe(before?.sha)
  await alarms.fire(alarm)
  expectDeployed(await stage.nextDeployment(app), { kind: 'rollback', generation: 6 })
  expect(serving(app)).toMatchObject({ sha: before?.sha, env: { SECRET_KEY: planted } })
})

test('a service that Landfall cannot deploy to is reported and not changed', async () => {
  const before = serving(app)
  serviceOf(app).settings.autoDeploy = 'yes'
  // Two rollbacks within an hour have frozen the app.
  expect(await stage.team.operators.invoke('redeploy', { app, force: true })).toMatchObject({
    outcome: 'accepted',
    reason: 'requested',
  })
  expectFailed(await stage.nextDeployment(app), 'service_unsuitable', /set Auto-Deploy to off/)
  serviceOf(app).settings.autoDeploy = 'no'
  expect(serving(app)).toEqual(before)
})

test('EC2 and Render are deployed in the order of landfall.yml', async () => {
  const deployment = await stage.release(both, 'one')
  expectDeployed(deployment, { generation: 1 })
  expect(deployment.steps.map(({ instance, purpose }) => [instance, purpose])).toEqual(
    expect.arrayContaining([
      ['i-00000001', 'deploy'],
      [services[both], 'deploy'],
    ]),
  )
  expect(await stage.ask(both)).toBe('one')
  expect(serving(both)?.sha).toBe(deployment.digest)
})

test('a failure at the second target restores the first', async () => {
  const before = serving(both)
  takes(both, { kind: 'pre_deploy_failed' })
  const deployment = await stage.release(both, 'two')
  expectFailed(
    deployment,
    'predeploy_failed',
    /srv-e2erenderboth: the service's pre-deploy command/,
  )
  expect(deployment.steps).toEqual(
    expect.arrayContaining([
      anyWith({ instance: 'i-00000001', purpose: 'deploy', outcome: 'succeeded' }),
      anyWith({ instance: services[both], purpose: 'deploy', outcome: 'failed' }),
      anyWith({ instance: 'i-00000001', purpose: 'restore', outcome: 'succeeded' }),
    ]),
  )
  takes(both, null)
  expect(await stage.ask(both)).toBe('one')
  expect(serving(both)).toEqual(before)
})

test('a failure at the first target sends nothing to the second', async () => {
  const deploys = serviceOf(both).deploys().length
  expectFailed(await stage.release(both, 'three', { FAULT: 'exits' }), 'exited')
  expect(serviceOf(both).deploys()).toHaveLength(deploys)
  expect(await stage.ask(both)).toBe('one')
})

test('Landfall sends Render only requests of its schema, and stores no value', async () => {
  expect(stage.team.stack.render?.violations).toEqual([])
  const journal = JSON.stringify(await scanJournal(stage))
  expect(journal).toContain(services[app])
  expect(journal).not.toContain(planted)
  expect(stage.said.join('\n')).not.toContain(planted)
})
