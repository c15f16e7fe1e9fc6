import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { docker } from '../../local/docker/docker.ts'
import { buildAppImage } from '../../local/docker/images.ts'
import {
  expectDeployed,
  expectFailed,
  expectNoneFailed,
  openStage,
  readDeployment,
  type Stage,
} from '../support/end-to-end.ts'
import { waitFor } from '../support/wait.ts'
import { inFull, isFull } from '../support/size.ts'

const byHand = 'e2e-by-hand'
const app = 'e2e-take-over'
const recreated = 'e2e-take-over-recreate'
const stranger = 'e2e-take-over-stranger'
let stage: Stage
let image = ''

beforeAll(async () => {
  const ec2 = { replaces: byHand }
  stage = await openStage({
    apps: {
      [app]: { ec2 },
      [recreated]: { ec2: { ...ec2, strategy: 'recreate', hold: '20s' } },
      [stranger]: {},
    },
  })
  const name = 'landfall-e2e-by-hand'
  // No proxy is before it: a connection that is kept must not be ended between two requests of a load.
  const behaviour = { VERSION: 'by hand', KEEP_ALIVE_SECONDS: '600' }
  image = await buildAppImage({ name, tag: 'local', behaviour })
})
afterAll(async () => {
  await stage?.close()
  await docker(['rmi', '--force', image]).catch(() => undefined)
})
afterEach(() => docker(['rm', '--force', byHand]).catch(() => undefined))

/** As somebody once typed it on the machine. */
const runByHand = async (name: string): Promise<void> => {
  const options = ['--restart', 'on-failure:3', '--publish', `${stage.port(name)}:8000`]
  await docker(['run', '--detach', '--init', '--name', byHand, ...options, image])
  await waitFor('the container run by hand answers', () => isServed(name, 'by hand'))
}

const isServed = (name: string, version: string): Promise<boolean> =>
  stage.ask(name).then(
    (answer) => answer === version,
    () => false,
  )

const describeByHand = async (): Promise<string> => {
  const { Name, MaximumRetryCount } = {
    Name: '{{.HostConfig.RestartPolicy.Name}}',
    MaximumRetryCount: '{{.HostConfig.RestartPolicy.MaximumRetryCount}}',
  }
  const format = `{{.State.Running}} ${Name}:${MaximumRetryCount}`
  return (await docker(['inspect', '--format', format, byHand])).trim()
}

test.runIf(isFull)(
  'a container started by hand serves on beside a new one that fails',
  async () => {
    await runByHand(app)
    const load = stage.load(app, { ratePerSecond: 15 })
    const broken = await stage.release(app, 'broken', { FAULT: 'exits' })
    expectFailed(broken, 'exited')
    // The new one is checked before the old one is touched.
    expectNoneFailed('a broken image before the take-over', await load.stop())
    expect(await describeByHand()).toBe('true on-failure:3')
  },
)

test('a container started by hand is stopped, kept and not started again', async () => {
  await runByHand(app)
  const deployment = await stage.release(app, 'first')
  expectDeployed(deployment)
  expect(deployment.steps.at(-1)?.steps.map(({ name }) => name)).toContain('take-over')
  expect(await stage.ask(app)).toBe('first')
  expect(await describeByHand()).toBe('false no:0')
  for (const next of inFull(['second'], [])) {
    expectDeployed(await stage.release(app, next))
    expect(await stage.ask(app)).toBe(next)
  }
})

test('a container started by hand runs again where the new one fails after the switch of the port', async () => {
  await runByHand(recreated)
  const deployment = await stage.release(recreated, 'recreate broken', { FAULT: 'exits' })
  expectFailed(deployment, 'exited')
  await waitFor('the container run by hand answers again', () => isServed(recreated, 'by hand'))
  expect(await describeByHand()).toBe('true on-failure:3')
  for (const good of inFull(['recreate good'], [])) {
    expectDeployed(await stage.release(recreated, good))
    expect(await stage.ask(recreated)).toBe(good)
    expect(await describeByHand()).toBe('false no:0')
  }
})

test.runIf(isFull)('a port in use is reported with the container and the line to add', async () => {
  await runByHand(stranger)
  const load = stage.load(stranger, { ratePerSecond: 15 })
  const deployment = await stage.release(stranger, 'stranger')
  expectFailed(deployment, 'port_in_use', new RegExp(`container ${byHand};.*replaces: ${byHand}`))
  const { reason, message } = deployment
  expect(await readDeployment(stage, stranger, 1)).toMatchObject({ reason, message })
  expectNoneFailed('a taken port', await load.stop())
  expect(await describeByHand()).toBe('true on-failure:3')
})
