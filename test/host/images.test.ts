import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { docker } from '../../local/docker/docker.ts'
import { startRefusingRegistry, type Refusal } from '../support/refusing-registry.ts'
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
  [
    'foreign_image',
    'platform_missing',
    /^the image is for linux\/\w+ alone, the instance is linux/,
  ],
]

test.each(refusals)('an image that the registry refuses as %s ends as %s', async (...row) => {
  const [refusal, reason, message] = row
  const registry = await startRefusingRegistry(refusal)
  onTestFinished(registry.stop)
  const answer = await deploy(stage.app(`refused-${refusal.replaceAll('_', '-')}`), 1, registry)
  expect(answer).toMatchObject({ outcome: 'failed', reason, changed: false })
  expect(answer.message).toMatch(message)
  expect(await isHere(registry)).toBe(false)
})

test('an image is removed with the last release of any app that has it', async () => {
  const [one, two, three] = await Promise.all(
    ['one', 'two', 'three'].map((tag) => stage.publish(tag)),
  )
  if (one === undefined || two === undefined || three === undefined) throw new Error('no images')
  const [app, other] = [stage.app('keeps-one'), stage.app('has-it-too')]
  const settings = { ...worker, keep: 1 }
  expect(await deploy(other, 1, one)).toMatchObject({ outcome: 'succeeded' })
  for (const [at, image] of [one, two, three].entries())
    expect(await deploy(app, at + 1, image, { settings })).toMatchObject({ outcome: 'succeeded' })
  expect(await isHere(one)).toBe(true)
  expect(await deploy(app, 4, one, { settings })).toMatchObject({ outcome: 'succeeded' })
  expect(await Promise.all([one, two, three].map(isHere))).toEqual([true, false, true])

  expect(await deploy(other, 2, three, { settings })).toMatchObject({ outcome: 'succeeded' })
  expect(await deploy(other, 3, three, { settings })).toMatchObject({ outcome: 'succeeded' })
  expect(await deploy(app, 5, three, { settings })).toMatchObject({ outcome: 'succeeded' })
  expect(await deploy(app, 6, three, { settings })).toMatchObject({ outcome: 'succeeded' })
  expect(await Promise.all([one, three].map(isHere))).toEqual([false, true])
})

test('a release whose image lost its name is live as before', async () => {
  const app = stage.app('unnamed')
  const image = await stage.publish('unnamed')
  expect(await deploy(app, 1, image)).toMatchObject({ reason: 'deployed' })
  await docker(['rmi', '--force', `landfall/${app}:1`, `${image.image}@${image.digest}`])
  expect(await instance.prepare(app)).toMatchObject({ serving: { digest: image.digest } })
  expect(await deploy(app, 1, image)).toMatchObject({ reason: 'already_live', changed: false })
})
