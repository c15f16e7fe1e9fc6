import {
  CreateSecretCommand,
  DeleteSecretCommand,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager'
import { afterAll, beforeAll, expect, test } from 'vitest'
import * as z from 'zod'
import {
  expectDeployed,
  expectFailed,
  openStage,
  readDeployment,
  type AppFacts,
  type Stage,
} from '../support/end-to-end.ts'
import {
  createAlarms,
  expectRunning,
  expectSetting,
  removeFromHost,
  tick,
  type Alarms,
} from '../support/end-to-end-alarms.ts'
import { inFull, isFull } from '../support/size.ts'

// One alarm takes apps back whose secret is no longer there as it was with the release before.
const recorded = 'e2e-secrets-recorded'
const current = 'e2e-secrets-current'
const alarm = 'e2e-secrets-5xx'
const secret = 'landfall/local/e2e-secrets-gone'
const keys = { one: 'the first api key', two: 'the second api key' }
/** Between its second release and the third the first one came back. */
const generations = { one: 1, two: 2, three: 4 }
const digests = new Map<string, string>()
let stage: Stage
let alarms: Alarms

const alarmed = (rollback: object = {}): AppFacts => ({
  settings: { secrets: secret, rollback: { alarms: [alarm], ...rollback } },
})

type Name = keyof typeof generations

const release = async (app: string, number: Name): Promise<void> => {
  const deployment = await stage.release(app, `${app} ${number}`)
  expectDeployed(deployment)
  digests.set(`${app} ${number}`, deployment.digest)
  await expectSetting(stage, app, 'API_KEY', number === 'one' ? keys.one : keys.two)
}
const releaseOf = (app: string, number: Name) => ({
  generation: generations[number],
  digest: digests.get(`${app} ${number}`) ?? '',
})

/** Made anew under its name: no version of before is left. */
const replaceSecret = async (): Promise<void> => {
  const client = new SecretsManagerClient(stage.team.stack.client)
  const order = { SecretId: secret, ForceDeleteWithoutRecovery: true }
  await client.send(new DeleteSecretCommand(order))
  const SecretString = JSON.stringify({ API_KEY: keys.two })
  await client.send(new CreateSecretCommand({ Name: secret, SecretString }))
}

const Versioned = z.object({ release: z.object({ secretVersion: z.string() }) })
const versionOf = async (app: string, generation: number): Promise<string> =>
  Versioned.parse(await readDeployment(stage, app, generation)).release.secretVersion

const statusOf = (app: string): Promise<unknown> => stage.team.operators.invoke('status', { app })

beforeAll(async () => {
  stage = await openStage({
    secrets: { [secret]: { API_KEY: keys.one } },
    apps: {
      [recorded]: alarmed({ secrets: 'recorded' }),
      ...(isFull ? { [current]: alarmed({ secrets: 'current' }) } : {}),
    },
  })
  alarms = await createAlarms(stage, [alarm])
  const apps = inFull([recorded, current], [recorded])
  await Promise.all(apps.map((app) => release(app, 'one')))
  await replaceSecret()
  await Promise.all(apps.map((app) => release(app, 'two')))
  if (isFull) await removeFromHost(stage, current, releaseOf(current, 'one'))
  await alarms.fire(alarm)
})
afterAll(() => stage?.close())

test('a rollback starts the kept container again where the version of its secret is gone', async () => {
  const deployment = await stage.nextDeployment(recorded)
  expectDeployed(deployment, {
    kind: 'rollback',
    by: `alarm ${alarm}`,
    message: `the recorded version of the secret ${secret} is gone; only a container that was kept can come back`,
  })
  await expectRunning(stage, recorded, releaseOf(recorded, 'one'))
  await expectSetting(stage, recorded, 'API_KEY', keys.one)
  expect(await versionOf(recorded, 3)).toBe(await versionOf(recorded, 1))
  expect(await statusOf(recorded)).toMatchObject({ frozen: null, live: { generation: 1 } })
})

/** test/unit/rollout/go-back.test.ts holds it in the usual size. */
if (isFull)
  test('a rollback with `current` starts the earlier release in a new container with the current secret', async () => {
    const deployment = await stage.nextDeployment(current)
    const { digest } = releaseOf(current, 'one')
    expectDeployed(deployment, {
      kind: 'rollback',
      digest,
      message: `the recorded version of the secret ${secret} is gone; it comes back with today's`,
    })
    await expectRunning(stage, current, { generation: 3, digest })
    expect(await stage.ask(current)).toBe(`${current} one`)
    await expectSetting(stage, current, 'API_KEY', keys.two)
    expect(await versionOf(current, 3)).toBe(await versionOf(current, 2))
    expect(await versionOf(current, 3)).not.toBe(await versionOf(current, 1))
    expect(await statusOf(current)).toMatchObject({ frozen: null, live: { generation: 3, digest } })
  })

test('a rollback with `recorded` and no kept container fails, the live release keeps serving, and the app is frozen', async () => {
  await release(recorded, 'three')
  await removeFromHost(stage, recorded, releaseOf(recorded, 'one'))
  await alarms.fire(alarm)
  const deployment = await stage.nextDeployment(recorded)
  expect(deployment).toMatchObject({ generation: 5, kind: 'rollback' })
  expectFailed(deployment, 'secret_missing', /^the recorded version of the secret .* is gone; only/)
  await tick(stage)
  expect(await statusOf(recorded)).toMatchObject({
    live: releaseOf(recorded, 'three'),
    open: null,
    takeBack: null,
    frozen: { reason: 'rollback_failed', by: `alarm ${alarm}` },
    deployments: { 0: { generation: 5 }, 1: { generation: 4, status: 'succeeded' } },
  })
  await expectRunning(stage, recorded, releaseOf(recorded, 'three'))
  await expectSetting(stage, recorded, 'API_KEY', keys.two)
})
