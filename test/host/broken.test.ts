import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { docker } from '../../local/docker/docker.ts'
import { publishAppImage, type Behaviour } from '../../local/docker/images.ts'
import { startRegistry } from '../../local/docker/registry.ts'
import { cleanUp } from '../../local/team/clean-up.ts'
import { inFull } from '../support/size.ts'
import { createClock, type Clock } from './clock.ts'
import { replaceText, type Edit } from './edit.ts'
import { waitUntilListening } from './held.ts'
import type { HostAnswer, Instance, Order } from './instance.ts'
import { ask } from './load.ts'
import { openStage, type Image, type Stage } from './stage.ts'

let stage: Stage
let instance: Instance
let app: string
let good: Image
let clock: Clock
let number = 1

const secret = 'planted-secret-value'
const envelope = [
  `secret TOKEN=${secret}`,
  'env KEY=line-one-of-key\nline-two-of-key',
  'mask line-one-of-key',
  'mask line-two-of-key',
]

beforeAll(async () => {
  clock = createClock()
  stage = await openStage()
  instance = await stage.instance()
  app = stage.app('shop')
  good = await stage.publish('good')
  await instance.deploy({ app, generation: 1, fence: 1, ...good, envelope })
})
afterAll(async () => {
  clock.close()
  await stage.close()
})

const attempt = (image: Image, more: Partial<Order> = {}, edit?: Edit): Promise<HostAnswer> => {
  number += 1
  return instance.deploy({ app, generation: number, fence: number, ...image, ...more }, edit)
}

/** Time stands still until the app listens, however long that takes here; then its check runs out of it. */
const attemptUnhealthy = async (image: Image, more: Partial<Order>): Promise<HostAnswer> => {
  clock.stop()
  instance.environment = clock.environment
  try {
    const attempted = attempt(image, more)
    await waitUntilListening(`landfall-${app}.${number}`)
    clock.go()
    return await attempted
  } finally {
    instance.environment = {}
  }
}

const expectOldServes = async (answer: HostAnswer): Promise<void> => {
  expect(answer).toMatchObject({
    outcome: 'failed',
    code: 1,
    serving: { generation: 1, digest: good.digest },
  })
  expect(await ask(instance.port)).toBe('good')
  const listing = ['ps', '--all', '--filter', `label=landfall.app=${app}`]
  const names = await docker([...listing, '--format', '{{.Names}}'])
  expect(names.trim()).toBe(`landfall-${app}.1`)
}

const expectCheckFailed = async (answer: HostAnswer, reason: string, message: RegExp) => {
  await expectOldServes(answer)
  expect(answer.reason).toBe(reason)
  expect(answer.message).toMatch(message)
  expect(answer.steps.find((step) => step.name === 'check')).toMatchObject({
    status: 'failed',
    reason,
  })
}

test('an image that exits with a traceback leaves the old release serving', async () => {
  const answer = await attempt(await stage.publish('broken', { FAULT: 'exits' }))
  await expectCheckFailed(answer, 'exited', /exited .*: Error: Cannot find module/)
})

type Row = readonly [title: string, behaviour: Partial<Behaviour>, message: RegExp]
const wrongPort: Row = [
  'listens on another port',
  { FAULT: 'wrong_port' },
  /nothing answers on port 8000 within 2 s/,
]
const neverHealthy: Row = ['never gets healthy', { FAULT: 'never_healthy' }, /503 starting/]

// A test below has an app whose answer is the wrong status, too.
test.each<Row>(inFull([neverHealthy, wrongPort], [wrongPort]))(
  'an image that %s leaves the old release serving',
  async (_, behaviour, message) => {
    const image = await stage.publish('broken', behaviour)
    const settings = { healthTimeout: 2, healthInterval: 1 }
    const answer = await attemptUnhealthy(image, { settings })
    await expectCheckFailed(answer, 'unhealthy', message)
  },
)

describe('an image that answers 400 to foreign hosts', () => {
  const long = 'planted-secret-value-that-is-rather-long'
  let answer: HostAnswer

  test('leaves the old release serving', async () => {
    const strict = await stage.publish('strict', { ALLOWED_HOSTS: 'a.example.com' })
    const healthHost = `${'a'.repeat(60)}.${long}.example.com`
    const settings = { healthHost, healthTimeout: 1, healthInterval: 1 }
    answer = await attemptUnhealthy(strict, { settings, envelope: [`mask ${long}`] })
    await expectCheckFailed(answer, 'unhealthy', /400 .*ALLOWED_HOSTS/)
  })

  test('is reported with its secret masked before the message is cut', () => {
    expect(answer.message).toContain('aaa.[masked]')
    expect(answer.output).not.toContain('planted')
  })
})

test('a digest that is gone from the registry ends as image_gone', async () => {
  const answer = await attempt({ image: good.image, digest: `sha256:${'0'.repeat(64)}` })
  await expectOldServes(answer)
  expect(answer).toMatchObject({ reason: 'image_gone', changed: false })
})

test('a registry that does not answer ends as pull_failed', async () => {
  const answer = await attempt({ image: 'localhost:1/none', digest: good.digest })
  await expectOldServes(answer)
  expect(answer.reason).toBe('pull_failed')
})

describe('a predeploy that prints many lines and fails', () => {
  let answer: HostAnswer
  beforeAll(async () => {
    const lines = 'i=0; while [ $i -lt 30000 ]; do echo "line $i"; i=$((i+1)); done'
    const bytes = String.raw`printf '\377\376 "quoted" \\ \303\251\n'`
    const script = `${lines}; echo "OperationalError: no such table"; ${bytes}; echo bye; exit 3`
    answer = await attempt(good, { settings: { predeploy: ['sh', '-c', script] } })
  })

  test('a failed predeploy is reported with its output', async () => {
    await expectOldServes(answer)
    expect(answer).toMatchObject({ reason: 'predeploy_failed', predeploy: true })
    expect(answer.tail).toContain('OperationalError: no such table')
    expect(answer.message).toBe('sh ended with code 3: OperationalError: no such table')
  })

  test('very long output is reported by its last lines and the line of the error', () => {
    expect(answer.tail?.slice(-4, -1)).toEqual([
      'line 29999',
      'OperationalError: no such table',
      expect.any(String),
    ])
    expect(answer.tail?.at(-1)).toBe('bye')
    expect(answer.output.length).toBeLessThan(20_000)
  })

  test('bytes that are not UTF-8 and quotes in an app’s output make a valid answer', () => {
    expect(answer.tail?.at(-2)).toBe('?? "quoted" \\ é')
  })
})

test('a secret that a crashing app prints is masked, and is in the env file and the container only', async () => {
  const printer = await stage.publish('printer', { FAULT: 'prints_environment' })
  const answer = await attempt(printer, { envelope })
  await expectOldServes(answer)
  expect(answer.output).toContain('TOKEN=[masked]')
  expect(answer.output).not.toContain('planted')
  expect(answer.output).not.toContain('of-key')
  const found = execFileSync('grep', ['-rl', secret, instance.root], { encoding: 'utf8' })
  expect(found.trim()).toBe(`${instance.root}/${app}/releases/1/env`)
})

test('a predeploy that does not end is ended, and the old release serves', async () => {
  // What is before it may take its time; from there it has four seconds, and one more.
  clock.stop()
  instance.environment = clock.environment
  const predeploy = ['sh', '-c', 'trap "" TERM; while :; do sleep 1; done']
  const killSooner = replaceText('--kill-after 5 ', '--kill-after 1 ')
  const answer = await attempt(good, { settings: { predeploy, timeout: 6 } }, killSooner)
  instance.environment = {}
  await expectOldServes(answer)
  expect(answer.message).toBe('sh did not end within 4 s')
})

test('a private image is pulled with the credentials of the envelope, which are not kept', async () => {
  const credentials = { username: 'puller', password: 'let-me-in-please' }
  const directory = mkdtempSync(join(tmpdir(), 'landfall-closed-'))
  const closed = await startRegistry({ port: 0, directory, credentials })
  onTestFinished(async () => {
    await cleanUp([], [], closed.address)
    await closed.stop()
    rmSync(directory, { recursive: true })
  })
  const name = `${closed.address}/tests/app`
  const wanted = { name, tag: 'closed', behaviour: { VERSION: 'closed' } }
  const image = { image: name, digest: await publishAppImage(wanted, credentials) }
  const login = (password: string) => [
    `registry ${closed.address}`,
    'username puller',
    `password ${password}`,
  ]
  const without = await attempt(image)
  await expectOldServes(without)
  expect(without.reason).toBe('registry_unauthorized')
  const wrong = await attempt(image, { envelope: login('wrong-password') })
  await expectOldServes(wrong)
  expect(wrong.reason).toBe('registry_unauthorized')
  const noteFiles = replaceText(
    '\nrun_predeploy() {\n',
    (begin) => `${begin}ls "$scratch" >"$root/noted"\n`,
  )
  const right = await attempt(image, { envelope: login(credentials.password) }, noteFiles)
  expect(right).toMatchObject({ outcome: 'succeeded' })
  const duringTheRest = readFileSync(`${instance.root}/noted`, 'utf8')
  expect(duringTheRest).toContain('settings')
  expect(duringTheRest).not.toContain('docker')
  const auth = Buffer.from(`puller:${credentials.password}`).toString('base64')
  const search = `grep -rlE "${credentials.password}|${auth}" ${instance.root} || true`
  expect(execFileSync('sh', ['-c', search], { encoding: 'utf8' })).toBe('')
})

test('a rollback runs no predeploy', async () => {
  const settings = { predeploy: ['sh', '-c', 'exit 3'], kind: 'rollback' }
  const answer = await attempt(good, { settings })
  expect(answer).toMatchObject({ outcome: 'succeeded', predeploy: false })
})
