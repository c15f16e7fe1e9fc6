import { expect, test } from 'vitest'
import type { App } from '../../../src/deployment/app.ts'
import { createLog } from '../../../src/kernel/log.ts'
import { succeed } from '../../../src/kernel/result.ts'
import { gatherOpening, type OpeningPorts } from '../../../src/rollout/gather-opening.ts'
import { lettings } from '../../support/deployments.ts'
import { commitAt, digestAt } from '../../support/examples.ts'
import { renderTarget } from '../../support/targets.ts'
import { failedSecret } from '../../support/failed-secret.ts'

const app: App = {
  ...lettings,
  secrets: 'landfall/prod/oc-lettings',
  targets: [renderTarget()],
}
const wanted = {
  kind: 'deploy',
  by: 'github',
  order: null,
  force: false,
  revision: commitAt(1),
  commit: commitAt(1),
  digest: digestAt(1),
  origin: null,
  promotedFrom: null,
} as const

const gather = (readSecretVersion: OpeningPorts['readSecretVersion']) =>
  gatherOpening(
    {
      toTarget: () => ({
        candidates: async () => [],
        capacity: async () => ({ instances: 0, message: 'it takes 40000 bytes' }),
      }),
      readSecretVersion,
      readFiring: async () => [],
      log: createLog({}),
    },
    app,
    null,
    wanted,
  )

test('says what an env file takes that fits into no command', async () => {
  const { obstacle, message } = await gather(async () => succeed('version-1'))
  expect([obstacle, message]).toEqual(['envelope_too_large', 'it takes 40000 bytes'])
})

test('says nothing of its size where the secret is missing', async () => {
  const { obstacle, message } = await gather(async () => failedSecret('secret_missing'))
  expect([obstacle, message]).toEqual([
    'secret_missing',
    'the secret landfall/test/shop says secret_missing',
  ])
})
