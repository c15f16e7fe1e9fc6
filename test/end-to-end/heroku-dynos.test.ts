import { createHash, randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { docker } from '../../local/docker/docker.ts'
import { publishAppImage, type Behaviour } from '../../local/docker/images.ts'
import { startRegistry, type Registry } from '../../local/docker/registry.ts'
import { startDockerDynos, type DockerDynos } from '../../local/heroku/docker-dynos.ts'
import { startHeroku, type HerokuServer } from '../../local/heroku/heroku.ts'
import { startRegistryFront, type RegistryFront } from '../../local/heroku/registry-front.ts'
import { createRegistryImages } from '../../local/heroku/registry-images.ts'
import { createCarry } from '../../src/carry/carry.ts'
import { every, systemClock } from '../../src/kernel/clock.ts'
import { http, openHttp } from '../../src/kernel/http.ts'
import { AppName, Digest } from '../../src/kernel/id.ts'
import { createLog } from '../../src/kernel/log.ts'
import { Redacted } from '../../src/kernel/redacted.ts'
import { succeed } from '../../src/kernel/result.ts'
import type { CarryOrder } from '../../src/targets/carry.ts'
import { waitFor } from '../support/wait.ts'

const apiKey = 'HRKU-0000-1111-2222-3333'
const name = 'e2e-dynos'
let directory = ''
let registry: Registry
let front: RegistryFront
let dynos: DockerDynos
let heroku: HerokuServer
const said: string[] = []
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'landfall-dynos-test-'))
  registry = await startRegistry({ port: 0, directory: join(directory, 'registry') })
  front = await startRegistryFront({
    registry: registry.address,
    isToken: (token) => token === apiKey,
  })
  const images = createRegistryImages(registry.address)
  const say = (line: string): void => void said.push(line)
  dynos = await startDockerDynos({ images, stateDirectory: directory, say })
  heroku = await startHeroku({
    isToken: (token) => token === apiKey,
    apps: [{ name }],
    hasImage: (app, process, image) => images.has(app, process, image),
    dynos,
    pace: { coolOff: 1 },
  })
})
afterAll(async () => {
  await heroku?.stop()
  await dynos?.stop()
  await front?.stop()
  await registry?.stop()
  rmSync(directory, { recursive: true })
})

/** Carries an image as Landfall does; the ids of the web image and of the release image. */
const carry = async (
  version: string,
  behaviour: Partial<Behaviour> = {},
  release: CarryOrder['release'] = null,
): Promise<Readonly<Record<string, string>>> => {
  const image = `${registry.address}/acme/${name}`
  const digest = await publishAppImage({
    name: image,
    tag: version,
    behaviour: { VERSION: version, ...behaviour },
  })
  const taken = () => Promise.resolve(true)
  const progress = await createCarry({
    every,
    http,
    openHttp,
    readSecret: () => Promise.resolve(succeed({ value: new Redacted(apiKey), versionId: '1' })),
    readLogin: () => Promise.resolve(succeed(null)),
    records: { claim: taken, record: taken, load: () => Promise.resolve(null) },
    registry: front.url,
    clock: systemClock,
    newRun: randomUUID,
    log: createLog({}, () => undefined),
    maxImageBytes: 500_000_000,
    runMilliseconds: 60_000,
  })({
    app: AppName.parse('shop'),
    image,
    digest: Digest.parse(digest),
    registry: null,
    registryRealm: null,
    heroku: name,
    process: 'web',
    token: 'heroku',
    release,
  })
  if (progress.status !== 'carried') throw new Error(JSON.stringify(progress))
  return { web: progress.image, ...(progress.release !== null && { release: progress.release }) }
}

const ask = async (method: string, path: string, body?: unknown): Promise<unknown> => {
  const variant = path === '/formation' ? '.docker-releases' : ''
  const answer = await fetch(new URL(`/apps/${name}${path}`, heroku.url), {
    method,
    headers: {
      accept: `application/vnd.heroku+json; version=3${variant}`,
      authorization: `Bearer ${apiKey}`,
      'content-type': 'application/json',
    },
    body: JSON.stringify(body),
  })
  const text = await answer.text()
  if (!answer.ok) throw new Error(`${answer.status} ${text}`)
  return JSON.parse(text)
}
const releaseImages = (images: Readonly<Record<string, string>>) =>
  ask('PATCH', '/formation', {
    updates: Object.entries(images).map(([type, docker_image]) => ({ type, docker_image })),
  })

const app = () => heroku.app(name)
const visit = async (path = ''): Promise<string> => {
  const answer = await fetch(new URL(path, app().webUrl))
  return answer.ok ? (await answer.text()).trim() : String(answer.status)
}
const waitForVisit = (text: string) =>
  waitFor(`${name} answers ${text}`, async () => (await visit()) === text)
const waitForStatus = (status: string) =>
  waitFor(`the newest release ${status}`, () => app().releases().at(-1)?.status === status)
const listContainers = async (...more: readonly string[]) =>
  (await docker(['ps', '--all', '--filter', `label=landfall.dyno=${name}`, ...more]))
    .split('\n')
    .filter(Boolean)

test('an image that was carried to the registry runs, and answers at the app’s address', async () => {
  expect(await visit()).toBe('503')
  const colour = 'red\nand "green"'
  await ask('PATCH', '/config-vars', { COLOUR: colour })
  await releaseImages(await carry('one'))
  await waitForVisit('one')
  const hash = createHash('sha256').update(colour).digest('hex')
  expect(await visit('/setting?name=COLOUR')).toBe(hash)
  expect(await visit('/setting?name=NOTHING')).toBe('404')
  expect(await visit('/header?name=x-forwarded-proto')).toBe('http')
  const ports = await listContainers('--format', '{{.Ports}}')
  expect(ports).toEqual([expect.stringMatching(/^127\.0\.0\.1:\d+->\d+\/tcp$/)])
})

test('a release phase runs in the release image, before the new dyno', async () => {
  await releaseImages(await carry('two', {}, ['sh', '-c', 'echo migrated; test "$COLOUR"']))
  await waitForVisit('two')
  expect(app().releases().at(-1)).toMatchObject({ status: 'succeeded', output: 'migrated\n' })
})

test('a release phase that fails leaves what it printed, and the release before', async () => {
  await releaseImages(await carry('three', {}, ['sh', '-c', 'echo begun; ls /no-table; exit 3']))
  await waitForStatus('failed')
  expect(await visit()).toBe('two')
  const { output } = app().releases().at(-1) ?? {}
  // One line each of stdout and stderr, whichever comes first.
  expect(output).toContain('begun\n')
  expect(output).toMatch(/no-table.*No such file/)
  expect(await listContainers('--format', '{{.Names}}')).toHaveLength(1)
})

test('a process that ends has crashed, and is started again', async () => {
  await releaseImages(await carry('four', { FAULT: 'exits' }, ['true']))
  await waitFor('the dyno crashes', () => app().dynos()[0]?.state === 'crashed')
  expect(await visit()).toBe('503')
  const startedAt = () => app().dynos()[0]?.process.startedAt
  const before = startedAt()
  await waitFor('another start', () => startedAt() !== before)
})

test('a rollback runs the earlier image, which the registry has kept', async () => {
  const [, , second] = app().releases()
  await ask('POST', '/releases', { release: second?.id })
  await waitForVisit('one')
})

test('a restart and an end leave no container behind', async () => {
  await ask('DELETE', '/dynos')
  await waitForVisit('one')
  await heroku.stop()
  await dynos.stop()
  expect(await listContainers('--format', '{{.Names}}')).toEqual([])
  expect(said).toEqual([])
  expect(heroku.violations).toEqual([])
})
