import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { parse } from 'yaml'
import * as z from 'zod'
import { docker } from '../../local/docker/docker.ts'
import { publishAppImage } from '../../local/docker/images.ts'
import { ask } from './load.ts'
import type { HostAnswer, Instance, Order } from './instance.ts'
import { openStage, type Image, type Stage } from './stage.ts'

let stage: Stage
let instance: Instance
let app: string
let number = 0
let waits: Image

beforeAll(async () => {
  stage = await openStage()
  instance = await stage.instance()
  app = stage.app('entry')
  waits = await publish('waits', waiting)
})
const volume = `landfall-test-copy-${process.pid}`
afterAll(async () => {
  await stage.close()
  await docker(['volume', 'rm', '--force', volume])
})

/** An image with this ENTRYPOINT. */
const publish = (tag: string, entrypoint: readonly string[]): Promise<Image> =>
  stage.publishBy(
    (name) => publishAppImage({ name, tag, behaviour: { VERSION: tag }, entrypoint }),
    tag,
  )

const deploy = (image: Image, settings: NonNullable<Order['settings']>): Promise<HostAnswer> => {
  number += 1
  return instance.deploy({ app, generation: number, fence: number, ...image, settings })
}

/** As an image waits for its database, and gives up root by gosu. */
const waiting = ['/bin/sh', '-c', 'export DATABASE=up; exec "$@"', 'entry']
const needsDatabase = ['sh', '-c', 'echo "the database is ${DATABASE:-down}"; exit 3']

test("predeploy runs as the app runs: by the image's ENTRYPOINT", async () => {
  const { reason, message } = await deploy(waits, { predeploy: needsDatabase })
  expect({ reason, message }).toEqual({
    reason: 'predeploy_failed',
    message: 'sh (after the ENTRYPOINT) ended with code 3: the database is up',
  })
  const good = await deploy(waits, { predeploy: ['sh', '-c', 'test "$DATABASE"'] })
  expect(good, good.message).toMatchObject({ outcome: 'succeeded', predeploy: true })
  expect(await ask(instance.port)).toBe('waits')
})

test('predeploy takes the place of the ENTRYPOINT where landfall.yml says so', async () => {
  const settings = { predeploy: needsDatabase, entrypoint: 'none' }
  const { message } = await deploy(waits, settings)
  expect(message).toBe('sh ended with code 3: the database is down')
})

test('an ENTRYPOINT that would start the app instead of predeploy is reported before it starts', async () => {
  // `ENTRYPOINT node /app/app.mjs` in a Dockerfile.
  const line = await publish('line', ['/bin/sh', '-c', 'node /app/app.mjs'])
  const { message, predeploy } = await deploy(line, { predeploy: ['python', 'manage.py'] })
  expect({ message, predeploy }).toEqual({
    message:
      "the image's ENTRYPOINT is a shell line, which ignores predeploy; write  predeploy: { command: [python, ...], entrypoint: false }",
    predeploy: false,
  })
  const alone = { predeploy: ['true'], entrypoint: 'none' }
  expect(await deploy(line, alone)).toMatchObject({ outcome: 'succeeded', predeploy: true })
})

/** Never reached where all is well. */
const patience = { timeout: 120_000, message: 'the starts that the database holds' }

const page = readFileSync('docs/rollback.md', 'utf8')
const blockWith = (language: string, text: string): string =>
  [...page.matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\``, 'gms'))]
    .map(([, block = '']) => block)
    .find((block) => block.includes(text)) ?? ''

const Snippet = z.object({
  apps: z.object({
    'oc-lettings': z.object({
      targets: z.tuple([z.object({ ec2: z.object({ predeploy: z.array(z.string()) }) })]),
    }),
  }),
})

/** The page's `predeploy`, without what only a Django image can run. */
const readPredeploy = (): readonly string[] => {
  const snippet = Snippet.parse(parse(blockWith('yaml', 'before-$LANDFALL_GENERATION')))
  const { predeploy } = snippet.apps['oc-lettings'].targets[0].ec2
  return predeploy.map((word) => word.replace('python manage.py migrate --noinput', 'true'))
}

test('the database copies of docs/rollback.md are complete, and restore as the page says', async () => {
  const name = stage.app('copy')
  const copied = await stage.instance()
  const settings = {
    strategy: 'recreate',
    volume: [`${volume}:/data`],
    predeploy: readPredeploy(),
  }
  const envelope = ['env DATABASE_PATH=/data/app.sqlite3']
  const starts = (): Promise<string> => ask(copied.port, { path: '/starts' })
  for (const [index, version] of ['one', 'two'].entries()) {
    const image = await stage.publish(version, { DATA: '/data' })
    const generation = index + 1
    const order = { app: name, generation, fence: generation, ...image, settings, envelope }
    expect(await copied.deploy(order)).toMatchObject({ outcome: 'succeeded', predeploy: true })
  }
  await docker(['restart', `landfall-${name}.2`])
  await expect.poll(starts, patience).toBe('one\ntwo\ntwo')

  const commands = blockWith('sh', '--volumes-from')
    .replace('label=landfall.app=oc-lettings', `label=landfall.app=${name}`)
    .replace('before-42', 'before-2')
    .replaceAll('oc-lettings-site.sqlite3', 'app.sqlite3')
  execFileSync('sh', ['-e', '-c', commands])
  // What the copy had, and the start after it.
  await expect.poll(starts, patience).toBe('one\ntwo')
})
