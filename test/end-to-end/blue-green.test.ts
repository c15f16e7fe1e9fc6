import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  containersOf,
  expectDeployed,
  expectNoneFailed,
  openStage,
  readDeployment,
  toCommit,
  type Stage,
} from '../support/end-to-end.ts'
import { inFull } from '../support/size.ts'

const app = 'e2e-blue-green'
const deployments = inFull(20, 2)
let stage: Stage

beforeAll(async () => {
  stage = await openStage({ apps: { [app]: { ec2: { run: { stopTimeout: '15s' } } } } })
})
afterAll(() => stage?.close())

/** Two images take turns: each push gives a commit of its own the digest of one of them. */
const behaviours = [{ VERSION: 'black' }, { VERSION: 'white' }] as const

const deploy = async (number: number): Promise<void> => {
  const behaviour = behaviours[number % 2 === 0 ? 0 : 1]
  const deployment = await stage.release(app, `commit ${number}`, behaviour)
  expectDeployed(deployment, { generation: number, commit: toCommit(`commit ${number}`) })
  expect(await stage.ask(app)).toBe(behaviour.VERSION)
}

test('consecutive deployments under constant load and a request of ten seconds fail no request', async () => {
  await deploy(1)
  const load = stage.load(app, { idleClients: 20 })
  const begun = performance.now()
  const slow: Promise<string>[] = []
  for (let number = 2; number <= deployments + 1; number += 1) {
    // The switch passes before the release that took it answers.
    if (number === inFull(4, 2)) slow.push(stage.ask(app, '/slow?seconds=10'))
    await deploy(number)
  }
  const seconds = (performance.now() - begun) / 1000
  const result = await load.stop()
  expectNoneFailed(
    `${deployments} blue-green deployments in ${seconds.toFixed(1)} s, 20 clients idle`,
    result,
  )
  expect(await Promise.all(slow)).toEqual(['white'])
  expect([...result.answers.keys()].toSorted()).toEqual(['black', 'white'])
})

test('the journal has each deployment with its steps, and only the last release runs', async () => {
  for (let number = 1; number <= deployments + 1; number += 1)
    expect(await readDeployment(stage, app, number)).toMatchObject({ status: 'succeeded' })
  const { deployments: shown, live } = await stage.team.operators.status(app)
  expect(live?.generation).toBe(deployments + 1)
  const names = shown[0]?.steps.at(-1)?.steps.map(({ name }) => name)
  const order = 'lock inspect pull configure predeploy start check switch drain retire prune'
  expect(names).toEqual(order.split(' '))
  expect(await containersOf(app)).toEqual([`landfall-${app}.${deployments + 1}`])
  expect((await containersOf(app, true)).length).toBeLessThanOrEqual(5)
})
