import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { docker } from '../../local/docker/docker.ts'
import { startRefusingRegistry, type Refusal } from '../support/refusing-registry.ts'
import { inFull } from '../support/size.ts'
import type { Instance, Order } from './instance.ts'
import { openStage, type Image, type Stage } from './stage.ts'

let stage: Stage
let instance: Instance
beforeAll(async () => {
  stage = await openStage()
  instance = await stage.instance()
})
afterAll(() => stage.close())

const worker = { strategy: 'worker', publishPort: [], port: [], grace: 0 }
let fence = 0

const deploy = (app: string, generation: number, image: Image, more: Partial<Order> = {}) => {
  fence += 1
  return instance.deploy({ app, generation, fence, ...image, settings: worker, ...more })
}

const isHere = ({ image, digest }: Image): Promise<boolean> =>
  docker(['image', 'inspect', '--format', '{{.Id}}', `${image}@${digest}`]).then(
    () => true,
    () => false,
  )

const refusals: readonly (readonly [Refusal, reason: string, message: RegExp])[] = [
  ['docker_hub', 'registry_unauthorized', /denied|unauthorized/],
  ['ghcr', 'registry_unauthorized', /denied|403/],
  ['gitlab', 'registry_unauthorized', /forbidden|403/],
  ['ecr_without_login', 'registry_unauthorized', /no basic auth credentials|unauthorized/],
  ['ecr_expired', 'registry_unauthorized', /has expired|403 Forbidden/],
  ['ecr_no_repository', 'image_gone', /not found/],
  ['gone', 'image_gone', /manifest unknown|not found/],
  ['failing', 'pull_failed', /503/],
  ['foreign_index', 'platform_missing', /^no matching manifest for linux/],
  ['foreign_image', 'platform_missing', /^the image is for linux\/\w+ alone, the instance is \w+$/],
]

/** Of each reason one, and both ways to be for another platform; test/unit/host/refusals.test.ts has the other texts. */
const usual: readonly Refusal[] = [
  'docker_hub',
  'gone',
  'failing',
  'foreign_index',
  'foreign_image',
]
const refused = inFull(
  refusals,
  refusals.filter(([refusal]) => usual.includes(refusal)),
)

test.each(refused)('an image that the registry refuses as %s ends as %s', async (...row) => {
  const [refusal, reason, message] = row
  const registry = await startRefusingRegistry(refusal)
  onTestFinished(registry.stop)
  const answer = await deploy(stage.app(`refused-${refusal.replaceAll('_', '-')}`), 1, registry)
  expect(answer).toMatchObject({ outcome: 'failed', reason, changed: false })
  expect(answer.message).toMatch(message)
  expect(await isHere(registry)).toBe(false)
})

// The first test here that brings an image of the stage's repository: before it the instance has none.
test('an image is not pulled where the disk is too full, unless the instance has an image of its repository', async () => {
  const bin = mkdtempSync(join(tmpdir(), 'landfall-bin-test-'))
  const df = join(bin, 'df')
  writeFileSync(df, '#!/bin/sh\necho Avail\necho 4000\n', { mode: 0o755 })
  const [one, two] = [await stage.publish('full'), await stage.publish('fuller')]
  const app = stage.app('disk')
  onTestFinished(() => {
    instance.environment = {}
    rmSync(bin, { recursive: true })
  })
  instance.environment = { PATH: `${bin}:/usr/sbin:/usr/bin:/sbin:/bin` }
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

test('an image is removed with the last release of any app that has it', async () => {
  const [one, two] = [await stage.publish('one'), await stage.publish('two')]
  const [app, other] = [stage.app('keeps-one'), stage.app('has-it-too')]
  const settings = { ...worker, keep: 1 }
  const deployAll = async (of: string, first: number, images: readonly Image[]) => {
    for (const [at, image] of images.entries())
      expect(await deploy(of, first + at, image, { settings })).toMatchObject({
        outcome: 'succeeded',
      })
  }
  await deployAll(other, 1, [one])
  // Of three releases with `keep: 1` the first is removed.
  await deployAll(app, 1, [one, two, two])
  expect(await isHere(one)).toBe(true)
  await deployAll(other, 2, [one, two])
  expect(await isHere(one)).toBe(true)
  await deployAll(other, 4, [two])
  expect(await Promise.all([one, two].map(isHere))).toEqual([false, true])
})

test('a release whose image lost its name is live as before', async () => {
  const app = stage.app('unnamed')
  const image = await stage.publish('unnamed')
  expect(await deploy(app, 1, image)).toMatchObject({ reason: 'deployed' })
  await docker(['rmi', '--force', `landfall/${app}:1`, `${image.image}@${image.digest}`])
  expect(await instance.prepare(app)).toMatchObject({ serving: { digest: image.digest } })
  expect(await deploy(app, 1, image)).toMatchObject({ reason: 'already_live', changed: false })
})
