import { PutSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { docker } from '../../local/docker/docker.ts'
import type { Behaviour } from '../../local/docker/images.ts'
import type { ShownDeployment } from '../../local/team/operators.ts'
import {
  containersOf,
  expectDeployed,
  expectFailed,
  expectNoneFailed,
  holdAgent,
  openStage,
  readDeployment,
  readRevision,
  toCommit,
  waitUntilOpen,
  type Stage,
} from '../support/end-to-end.ts'
import { waitFor } from '../support/wait.ts'
import { inFull, isFull } from '../support/size.ts'

const app = 'e2e-broken'
const secret = 'landfall/local/e2e-registry'
const credentials = { username: 'ci', password: 'the-password-of-ci' }
let stage: Stage
/** What serves now: its version and generation. */
let live = { version: 'good', generation: 1 }

beforeAll(async () => {
  stage = await openStage({
    credentials,
    secrets: { [secret]: credentials },
    apps: {
      [app]: {
        settings: { registry: secret },
        ec2: {
          health: { path: '/', host: 'shop.example', interval: '0.2s', times: 2, timeout: '15s' },
          predeploy: [
            'sh',
            '-c',
            'test "$VERSION" != unmigratable || { echo "no such table"; exit 3; }',
          ],
        },
      },
    },
  })
  expectDeployed(await stage.release(app, live.version))
})
afterAll(() => stage?.close())

/** Under load: what was live serves on, nobody notices, and nothing is left of the attempt. */
const withoutNotice = async (title: string, attempt: () => Promise<unknown>): Promise<void> => {
  const load = stage.load(app, { ratePerSecond: 15 })
  await attempt()
  const result = await load.stop()
  expectNoneFailed(title, result)
  expect([...result.answers.keys()]).toEqual([live.version])
  expect(await stage.ask(app)).toBe(live.version)
  expect(await containersOf(app, true)).toEqual([`landfall-${app}.${live.generation}`])
}

const expectEnded = async (
  deployment: ShownDeployment,
  reason: string,
  message: RegExp,
): Promise<void> => {
  expectFailed(deployment, reason, message)
  const recorded = await readDeployment(stage, app, deployment.generation)
  expect(recorded).toMatchObject({ status: 'failed', reason, message: deployment.message })
  expect((await stage.team.operators.status(app)).live?.generation).toBe(live.generation)
}

const expectRefused = async (version: string, reason: string): Promise<void> => {
  expect(await readRevision(stage, app, version)).toMatchObject({ status: 'refused', reason })
}

type BrokenImage = [string, Partial<Behaviour> & { VERSION: string }, string, RegExp, string]

const exits: BrokenImage = ['exits', { VERSION: 'x', FAULT: 'exits' }, 'exited', /exited/, 'check']

/** test/host/broken.test.ts shows what the host says of them; those that are not healthy wait for it in full. */
const otherImages: readonly BrokenImage[] = [
  [
    'cannot migrate the database',
    { VERSION: 'unmigratable' },
    'predeploy_failed',
    /no such table/,
    'predeploy',
  ],
  ['never gets healthy', { VERSION: 'x', FAULT: 'never_healthy' }, 'unhealthy', /503/, 'check'],
  [
    'answers 400 to foreign hosts',
    { VERSION: 'x', ALLOWED_HOSTS: 'other.example' },
    'unhealthy',
    /400 .*is the host in ALLOWED_HOSTS\?/,
    'check',
  ],
  [
    'listens on another port',
    { VERSION: 'x', FAULT: 'wrong_port' },
    'unhealthy',
    /nothing answers on port 8000/,
    'check',
  ],
]

test.each([exits, ...inFull(otherImages, [])])(
  'an image that %s fails, and no request does',
  async (title, behaviour, reason, message, step) => {
    await withoutNotice(title, async () => {
      const deployment = await stage.release(app, title, behaviour)
      await expectEnded(deployment, reason, message)
      const failed = deployment.steps.at(-1)?.steps.find(({ status }) => status === 'failed')
      expect(failed?.name).toBe(step)
    })
    await expectRefused(title, reason)
  },
)

test('status contains the traceback of a failed release', async () => {
  const { deployments } = await stage.team.operators.status(app)
  const tails = deployments.flatMap(({ steps }) => steps.flatMap(({ tail = [] }) => tail))
  expect(tails.join('\n')).toContain('Cannot find module')
})

/** The last test shows it too. */
test.runIf(isFull)('a good commit deploys after a failed one', async () => {
  const deployment = await stage.release(app, 'good again')
  expectDeployed(deployment)
  live = { version: 'good again', generation: deployment.generation }
  expect(await stage.ask(app)).toBe('good again')
  // Only failures are cleared away; the release before is kept.
  await docker(['rm', ...(await containersOf(app, true)).filter((name) => name.endsWith('.1'))])
})

/** test/host/broken.test.ts shows it in the usual size. */
test.runIf(isFull)(
  'a digest that leaves the registry after the lookup ends as image_gone',
  async () => {
    const digest = await stage.push(app, 'gone')
    const letGo = await holdAgent(stage)
    await withoutNotice('a digest that is gone', async () => {
      await stage.endCi(app, 'gone')
      await waitUntilOpen(stage, app)
      const pair = Buffer.from(`${credentials.username}:${credentials.password}`).toString('base64')
      const url = `http://${stage.team.registry}/v2/${stage.repositoryOf(app)}/manifests/${digest}`
      const answer = await fetch(url, {
        method: 'DELETE',
        headers: { authorization: `Basic ${pair}` },
      })
      expect(answer.status).toBe(202)
      letGo()
      await expectEnded(await stage.nextDeployment(app), 'image_gone', /manifest unknown|not found/)
    })
    await expectRefused('gone', 'image_gone')
  },
)

const putPassword = async (password: string): Promise<void> => {
  const SecretString = JSON.stringify({ ...credentials, password })
  const order = new PutSecretValueCommand({ SecretId: secret, SecretString })
  await new SecretsManagerClient(stage.team.stack.client).send(order)
}

test('a registry that refuses the instance ends as registry_unauthorized', async () => {
  const revision = await stage.push(app, 'private')
  await putPassword('a-wrong-password')
  await withoutNotice('a registry that refuses', async () => {
    // By digest: nobody asks the registry before the instance does.
    await stage.team.operators.invoke('redeploy', { app, revision, force: true })
    const deployment = await stage.nextDeployment(app)
    await expectEnded(deployment, 'registry_unauthorized', /unauthorized|denied/i)
    expect(JSON.stringify(deployment)).not.toContain('a-wrong-password')
  })
})

test('a registry that refuses the credentials leaves the commit waiting until the password is right', async () => {
  await stage.push(app, 'patient')
  await stage.endCi(app, 'patient')
  const waiting = async () => (await stage.team.operators.status(app)).waiting[0]
  const isRefused = async () => (await waiting())?.reason === 'registry_unauthorized'
  await waitFor('the registry refuses the look-up', isRefused)
  expect(await waiting()).toMatchObject({ revision: toCommit('patient'), lacks: ['image'] })
  await putPassword(credentials.password)
  const hint = await stage.team.announceImage(app, stage.repositoryOf(app), toCommit('patient'))
  expect(hint).toMatchObject({ status: 202 })
  expectDeployed(await stage.nextDeployment(app))
  expect(await stage.ask(app)).toBe('patient')
})
