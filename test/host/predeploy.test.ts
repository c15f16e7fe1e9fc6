import { afterAll, beforeAll, expect, test } from 'vitest'
import { publishAppImage } from '../../local/docker/images.ts'
import { ask } from './load.ts'
import type { HostAnswer, Instance, Order } from './instance.ts'
import { openStage, type Stage } from './stage.ts'

let stage: Stage
let instance: Instance
let app: string
let number = 0

beforeAll(async () => {
  stage = await openStage()
  instance = await stage.instance()
  app = stage.app('entry')
})
afterAll(async () => stage.close())

/** Deploys an image with this ENTRYPOINT. */
const deploy = async (
  entrypoint: readonly string[],
  settings: NonNullable<Order['settings']>,
): Promise<HostAnswer> => {
  number += 1
  const push = (name: string, tag: string) =>
    publishAppImage({ name, tag, behaviour: { VERSION: tag }, entrypoint })
  const image = await stage.publishBy(push, `v${number}`)
  return instance.deploy({ app, generation: number, fence: number, ...image, settings })
}

/** As an image waits for its database, and gives up root by gosu. */
const waits = ['/bin/sh', '-c', 'export DATABASE=up; exec "$@"', 'entry']
const needsDatabase = ['sh', '-c', 'echo "the database is ${DATABASE:-down}"; exit 3']

test("predeploy runs as the app runs: by the image's ENTRYPOINT", async () => {
  const { reason, message } = await deploy(waits, { predeploy: needsDatabase })
  expect({ reason, message }).toEqual({
    reason: 'predeploy_failed',
    message: 'sh (after the ENTRYPOINT) ended with code 3: the database is up',
  })
  const good = await deploy(waits, { predeploy: ['sh', '-c', 'test "$DATABASE"'] })
  expect(good, good.message).toMatchObject({ outcome: 'succeeded', predeploy: true })
  expect(await ask(instance.port)).toBe(`v${number}`)
})

test('predeploy takes the place of the ENTRYPOINT where landfall.yml says so', async () => {
  const settings = { predeploy: needsDatabase, entrypoint: 'none' }
  const { message } = await deploy(waits, settings)
  expect(message).toBe('sh ended with code 3: the database is down')
})

test('an ENTRYPOINT that would start the app instead of predeploy is reported before it starts', async () => {
  // `ENTRYPOINT node /app/app.mts` in a Dockerfile.
  const line = ['/bin/sh', '-c', 'node /app/app.mts']
  const { message, predeploy } = await deploy(line, { predeploy: ['python', 'manage.py'] })
  expect({ message, predeploy }).toEqual({
    message:
      "the image's ENTRYPOINT is a shell line, which ignores predeploy; write  predeploy: { command: [python, ...], entrypoint: false }",
    predeploy: false,
  })
  const alone = { predeploy: ['true'], entrypoint: 'none' }
  expect(await deploy(line, alone)).toMatchObject({ outcome: 'succeeded', predeploy: true })
})
