import { expect, test } from 'vitest'
import type { App } from '../../../src/deployment/app.ts'
import { createLog } from '../../../src/kernel/log.ts'
import { fail, succeed } from '../../../src/kernel/result.ts'
import { gatherOpening, type OpeningPorts } from '../../../src/rollout/gather-opening.ts'
import { lettings } from '../../support/deployments.ts'
import { commitAt, digestAt } from '../../support/examples.ts'
import { renderTarget } from '../../support/targets.ts'

const app: App = {
  ...lettings,
  secrets: 'landfall/prod/oc-lettings',
  targets: [{ ...renderTarget(), isSupported: false }],
}
const wanted = {
  kind: 'deploy',
  by: 'github',
  order: null,
  force: false,
  revision: commitAt(1),
  commit: commitAt(1),
  digest: digestAt(1),
  promotedFrom: null,
} as const

const gather = (readSecretVersion: OpeningPorts['readSecretVersion']) =>
  gatherOpening(
    {
      toTarget: () => ({
        candidates: async () => [],
        capacity: async () => ({ instances: Infinity, message: null }),
      }),
      readSecretVersion,
      readFiring: async () => [],
      log: createLog({}),
    },
    app,
    wanted,
  )

test('says which target is not supported', async () => {
  const { obstacle, message } = await gather(async () => succeed('version-1'))
  expect([obstacle, message]).toEqual(['target_unsupported', expect.stringMatching(/^target 1 /)])
})

test('says nothing of an unsupported target where the secret is missing', async () => {
  const { obstacle, message } = await gather(async () => fail('secret_missing'))
  expect([obstacle, message]).toEqual(['secret_missing', null])
})
