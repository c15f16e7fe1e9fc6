import { afterAll, beforeAll, expect, test } from 'vitest'
import { docker } from '../../local/docker/docker.ts'
import {
  containersOf,
  expectDeployed,
  expectFailed,
  expectNoneFailed,
  openStage,
  type Stage,
} from '../support/end-to-end.ts'
import { inFull, isFull } from '../support/size.ts'

const app = 'e2e-recreate'
const worker = 'e2e-worker'
const volume = `e2e-recreate-${process.pid}`
let stage: Stage

beforeAll(async () => {
  stage = await openStage({
    apps: {
      [app]: { ec2: { strategy: 'recreate', hold: '30s', run: { volumes: [`${volume}:/data`] } } },
      [worker]: {
        ec2: {
          strategy: 'worker',
          port: undefined,
          publish: undefined,
          health: { interval: '0.5s', times: 3 },
          // One that ends does so before any machine has looked whether it stays up.
          run: { command: ['sh', '-c', 'test "$VERSION" != ends && exec node /app/app.mjs'] },
        },
      },
    },
  })
})
afterAll(async () => {
  await stage?.close()
  await docker(['volume', 'rm', '--force', volume])
})

/** The releases that take each other's place. */
const versions = inFull(['two', 'three', 'four'], ['two'])
const last = versions.at(-1) ?? ''

// Two copies of it cannot run at once: the second one finds the database locked and exits.
const data = { DATA: '/data' }

test('recreate replaces the only copy while requests wait, and none fails', async () => {
  expectDeployed(await stage.release(app, 'one', data))
  const load = stage.load(app, { idleClients: 20 })
  const slow = stage.ask(app, '/slow?seconds=2')
  for (const version of versions) {
    const deployment = await stage.release(app, version, data)
    expectDeployed(deployment)
    expect(deployment.steps.at(-1)?.steps.map(({ name }) => name)).toContain('stop')
  }
  const broken = await stage.release(app, 'broken', { ...data, FAULT: 'exits' })
  expectFailed(broken, 'exited')
  const result = await load.stop()
  expectNoneFailed(
    'recreate deployments and a broken one (the slowest is the longest wait)',
    result,
  )
  expect(await slow).toBe('one')
  expect(await stage.ask(app)).toBe(last)
  // The old release was started again after the broken one: the data outlives all of them.
  expect(await stage.ask(app, '/starts')).toBe(['one', ...versions, last].join('\n'))
  expect(await containersOf(app)).toEqual([`landfall-${app}.${versions.length + 1}`])
})

test('a worker is replaced by one that stays up', async () => {
  expectDeployed(await stage.release(worker, 'worker one'))
  expectDeployed(await stage.release(worker, 'worker two'))
  expect(await containersOf(worker)).toEqual([`landfall-${worker}.2`])
})

/** test/host/recreate.test.ts shows it in the usual size. */
test.runIf(isFull)('a worker that ends replaces none', async () => {
  expectFailed(await stage.release(worker, 'ends'), 'exited')
  expect(await containersOf(worker)).toEqual([`landfall-${worker}.2`])
})
