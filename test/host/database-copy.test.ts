import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { parse } from 'yaml'
import * as z from 'zod'
import { docker } from '../../local/docker/docker.ts'
import { ask } from './load.ts'
import { openStage, type Stage } from './stage.ts'

let stage: Stage
const volume = `landfall-test-copy-${process.pid}`
beforeAll(async () => {
  stage = await openStage()
})
afterAll(async () => {
  await stage.close()
  await docker(['volume', 'rm', '--force', volume])
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
  const app = stage.app('copy')
  const instance = await stage.instance()
  const settings = {
    strategy: 'recreate',
    volume: [`${volume}:/data`],
    predeploy: readPredeploy(),
  }
  const envelope = ['env DATABASE_PATH=/data/app.sqlite3']
  const starts = (): Promise<string> => ask(instance.port, { path: '/starts' })
  for (const [index, version] of ['one', 'two'].entries()) {
    const image = await stage.publish(version, { DATA: '/data' })
    const generation = index + 1
    const order = { app, generation, fence: generation, ...image, settings, envelope }
    expect(await instance.deploy(order)).toMatchObject({ outcome: 'succeeded', predeploy: true })
  }
  await docker(['restart', `landfall-${app}.2`])
  await expect.poll(starts, patience).toBe('one\ntwo\ntwo')

  const commands = blockWith('sh', '--volumes-from')
    .replace('label=landfall.app=oc-lettings', `label=landfall.app=${app}`)
    .replace('before-42', 'before-2')
    .replaceAll('oc-lettings-site.sqlite3', 'app.sqlite3')
  execFileSync('sh', ['-e', '-c', commands])
  // What the copy had, and the start after it.
  await expect.poll(starts, patience).toBe('one\ntwo')
})
