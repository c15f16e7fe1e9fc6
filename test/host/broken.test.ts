import { execFileSync } from 'node:child_process'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { docker } from '../../local/docker/docker.ts'
import type { Behaviour } from '../../local/docker/images.ts'
import { ask } from './load.ts'
import type { HostAnswer, Instance, Order } from './instance.ts'
import { openStage, type Image, type Stage } from './stage.ts'

let stage: Stage
let closed: Stage
let instance: Instance
let app: string
let good: Image
let number = 1

beforeAll(async () => {
  stage = await openStage()
  closed = await openStage({ credentials: { username: 'puller', password: 'let-me-in-please' } })
  instance = await stage.instance()
  app = stage.app('shop')
  good = await stage.publish('good')
  await instance.deploy({ app, generation: 1, fence: 1, ...good })
})
afterAll(async () => {
  await stage.close()
  await closed.close()
})

const attempt = (image: Image, more: Partial<Order> = {}): Promise<HostAnswer> => {
  number += 1
  return instance.deploy({ app, generation: number, fence: number, ...image, ...more })
}

const expectOldServes = async (answer: HostAnswer): Promise<void> => {
  expect(answer).toMatchObject({
    outcome: 'failed',
    code: 1,
    serving: { generation: 1, digest: good.digest },
  })
  expect(await ask(instance.port)).toBe('good')
  const names = await docker([
    'ps',
    '--all',
    '--filter',
    `label=landfall.app=${app}`,
    '--format',
    '{{.Names}}',
  ])
  expect(names.trim()).toBe(`landfall-${app}.1`)
}

test.each<[string, Partial<Behaviour>, string, RegExp]>([
  ['exits with a traceback', { FAULT: 'exits' }, 'exited', /exited .*: Error: Cannot find module/],
  ['never gets healthy', { FAULT: 'never_healthy' }, 'unhealthy', /503 starting/],
  [
    'answers 400 to foreign hosts',
    { ALLOWED_HOSTS: 'a.example.com' },
    'unhealthy',
    /400 .*ALLOWED_HOSTS/,
  ],
  ['listens on another port', { FAULT: 'wrong_port' }, 'unhealthy', /nothing answers on port 8000/],
])('an image that %s leaves the old release serving', async (_, behaviour, reason, message) => {
  const answer = await attempt(await stage.publish('broken', behaviour), {
    settings: { healthTimeout: 3 },
  })
  await expectOldServes(answer)
  expect(answer.reason).toBe(reason)
  expect(answer.message).toMatch(message)
  expect(answer.steps.find((step) => step.name === 'check')).toMatchObject({
    status: 'failed',
    reason,
  })
})

test('a digest that is gone from the registry is image_gone', async () => {
  const answer = await attempt({ image: good.image, digest: `sha256:${'0'.repeat(64)}` })
  await expectOldServes(answer)
  expect(answer).toMatchObject({ reason: 'image_gone', changed: false })
})

test('a registry that does not answer is pull_failed', async () => {
  const answer = await attempt({ image: 'localhost:1/none', digest: good.digest })
  await expectOldServes(answer)
  expect(answer.reason).toBe('pull_failed')
})

test('a private image needs the credentials of the envelope, which stay nowhere', async () => {
  const image = await closed.publish('closed')
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
  const other = stage.app('private')
  const away = await stage.instance()
  const right = await away.deploy({
    app: other,
    generation: 1,
    fence: 1,
    ...image,
    envelope: login('let-me-in-please'),
  })
  expect(right).toMatchObject({ outcome: 'succeeded' })
})

test('a predeploy that fails is told with its output and runs on no rollback', async () => {
  const settings = { predeploy: ['sh', '-c', 'echo "no such table"; exit 3'] }
  const failed = await attempt(await stage.publish('next'), { settings })
  await expectOldServes(failed)
  expect(failed).toMatchObject({ reason: 'predeploy_failed', predeploy: true })
  expect(failed.tail).toContain('no such table')
  expect(failed.message).toBe('sh ended with code 3: no such table')
  const away = await stage.instance()
  const order = { app: stage.app('back'), generation: 1, fence: 1, ...good }
  const back = await away.deploy({ ...order, settings: { ...settings, kind: 'rollback' } })
  expect(back).toMatchObject({ outcome: 'succeeded', predeploy: false })
})

test('a secret that a crashing app prints is masked, and found in the env file and the container only', async () => {
  const secret = 'planted-secret-value'
  const envelope = [
    `secret TOKEN=${secret}`,
    'env KEY=line-one-of-key\nline-two-of-key',
    'mask line-one-of-key',
    'mask line-two-of-key',
  ]
  const answer = await attempt(await stage.publish('printer', { FAULT: 'prints_environment' }), {
    envelope,
  })
  await expectOldServes(answer)
  expect(answer.output).toContain('TOKEN=[masked]')
  expect(answer.output).not.toContain('planted')
  expect(answer.output).not.toContain('of-key')
  const search = (): string =>
    execFileSync('sh', ['-c', `grep -rl ${secret} ${instance.root} || true`], { encoding: 'utf8' })
  expect(search()).toBe('')
  const away = await stage.instance()
  const other = stage.app('secret')
  await away.deploy({ app: other, generation: 1, fence: 1, ...good, envelope })
  const found = execFileSync('grep', ['-rl', secret, away.root], { encoding: 'utf8' })
  expect(found.trim()).toBe(`${away.root}/${other}/releases/1/env`)
})

test('a secret at the place where an answer is cut is masked before it is cut', async () => {
  const secret = 'planted-secret-value-that-is-rather-long'
  const healthHost = `${'a'.repeat(60)}.${secret}.example.com`
  const strict = await stage.publish('strict', { ALLOWED_HOSTS: 'a.example.com' })
  const settings = { healthHost, healthTimeout: 2 }
  const answer = await attempt(strict, { settings, envelope: [`mask ${secret}`] })
  await expectOldServes(answer)
  expect(answer.message).toContain('aaa.[masked]')
  expect(answer.output).not.toContain('planted')
})

test('of very long output the last lines are told, and the one that names the error', async () => {
  const lines = 'i=0; while [ $i -lt 30000 ]; do echo "line $i"; i=$((i+1)); done'
  const script = `${lines}; echo "OperationalError: database is locked"; echo bye; exit 3`
  const settings = { predeploy: ['sh', '-c', script] }
  const answer = await attempt(await stage.publish('talks'), { settings })
  expect(answer.message).toBe('sh ended with code 3: OperationalError: database is locked')
  expect(answer.tail?.slice(-3)).toEqual([
    'line 29999',
    'OperationalError: database is locked',
    'bye',
  ])
  expect(answer.output.length).toBeLessThan(20_000)
})

test('a predeploy that does not end is ended, and the old release serves', async () => {
  const settings = {
    predeploy: ['sh', '-c', 'trap "" TERM; while :; do sleep 1; done'],
    timeout: 9,
  }
  const answer = await attempt(await stage.publish('hangs'), { settings })
  await expectOldServes(answer)
  expect(answer.message).toMatch(/^sh did not end within \d+ s$/)
})

test('bytes that are not UTF-8 and quotes in an app’s output make a valid answer', async () => {
  const settings = {
    predeploy: ['sh', '-c', String.raw`printf '\377\376 "quoted" \\ \303\251\n'; exit 1`],
  }
  const answer = await attempt(await stage.publish('bytes'), { settings })
  expect(answer.tail?.join()).toBe('?? "quoted" \\ é')
})
