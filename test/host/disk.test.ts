import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { docker } from '../../local/docker/docker.ts'
import { openStage, type Stage } from './stage.ts'

let stage: Stage
const bin = mkdtempSync(join(tmpdir(), 'landfall-bin-test-'))
beforeAll(async () => {
  stage = await openStage()
})
afterAll(async () => {
  await stage.close()
  rmSync(bin, { recursive: true })
})

test('an image is not pulled where the disk is too full, unless the instance has an image of its repository', async () => {
  const df = join(bin, 'df')
  writeFileSync(df, '#!/bin/sh\necho Avail\necho 4000\n')
  chmodSync(df, 0o755)
  const [one, two] = [await stage.publish('one'), await stage.publish('two')]
  const app = stage.app('disk')
  const instance = await stage.instance()
  instance.environment = { PATH: `${bin}:/usr/sbin:/usr/bin:/sbin:/bin` }
  const worker = { strategy: 'worker', publishPort: [], port: [], grace: 0 }
  const large = { ...worker, imageMegabytes: 9000 }
  const order = { app, generation: 1, fence: 1, ...one, settings: large }
  const refused = await instance.deploy(order)
  expect(refused).toMatchObject({ outcome: 'failed', reason: 'disk_full', changed: false })
  expect(refused.message).toMatch(/^only 4000 MB are free in \/.*, 9512 are needed$/)
  expect(refused.steps.map(({ name }) => name)).toEqual(['lock', 'inspect'])
  expect(await docker(['images', '--quiet', one.image])).toBe('')

  const fitting = { ...order, fence: 2, settings: { ...worker, imageMegabytes: 900 } }
  expect(await instance.deploy(fitting)).toMatchObject({ outcome: 'succeeded' })
  const next = { ...order, ...two, generation: 2, fence: 3 }
  expect(await instance.deploy(next)).toMatchObject({ outcome: 'succeeded' })
  writeFileSync(df, '#!/bin/sh\necho Avail\necho 12\n')
  const again = { ...next, generation: 3, fence: 4 }
  expect(await instance.deploy(again)).toMatchObject({ outcome: 'succeeded' })
})
