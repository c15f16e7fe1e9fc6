import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { docker } from '../../local/docker/docker.ts'
import { inFull } from '../support/size.ts'
import { ask } from './load.ts'
import type { HostAnswer, Instance } from './instance.ts'
import { openStage, type Image, type Stage } from './stage.ts'

let stage: Stage
let instance: Instance
let app: string
let one: Image
let parameters: Record<string, string>
let before: string

/** What runs, and the state that says so. */
const look = async (): Promise<string> => {
  const state = join(instance.root, app)
  const files = ['live', 'fence', 'owner', 'result'].map((name) =>
    readFileSync(join(state, name), 'utf8'),
  )
  const ps = ['ps', '--all', '--filter', `label=landfall.app=${app}`, '--format', '{{.ID}}']
  return [await docker(ps), ...readdirSync(join(state, 'releases')), ...files].join('\n')
}

beforeAll(async () => {
  stage = await openStage()
  instance = await stage.instance()
  app = stage.app('shop')
  one = await stage.publish('one')
  const first = await instance.deploy({ app, generation: 1, fence: 1, ...one })
  expect(first).toMatchObject({ outcome: 'succeeded' })
  parameters = await instance.parameters({ app, generation: 2, fence: 2, ...one })
  before = await look()
})
afterAll(async () => stage.close())

const trap = '/tmp/landfall-test-injected'

const expectRefused = (answer: HostAnswer, reason: string, message: string) => {
  expect(answer).toMatchObject({ outcome: 'refused', reason, changed: false, code: 1 })
  expect(answer.message).toContain(message)
}

const expectUnchanged = async () => {
  expect(await look()).toBe(before)
  expect(await ask(instance.port)).toBe('one')
  expect(existsSync(trap)).toBe(false)
}

const expectRefusal = async (answer: HostAnswer, reason: string, message: string) => {
  expectRefused(answer, reason, message)
  await expectUnchanged()
}

const names = [
  'App',
  'Owner',
  'NotAfter',
  'Mode',
  'Generation',
  'Fence',
  'Settings',
  'Envelope',
] as const

test.each(names)('%s that the agent did not set ends as agent_too_old', async (name) => {
  const { [name]: _, ...rest } = parameters
  await expectRefusal(await instance.run('deploy', rest), 'agent_too_old', name)
})

const injections = ['', `$(touch ${trap})`, `a[$(touch ${trap})]`, `; touch ${trap}`, '../shop']

test.each(names)('%s in a wrong form is refused', async (name) => {
  const right = parameters[name] ?? ''
  const broken = [`${right}\n`, `\n${right}`]
  const at = names.indexOf(name)
  const some = [injections, broken].map((list) => list[at % list.length] ?? '')
  for (const value of inFull([...injections, ...broken], some)) {
    const answer = await instance.run('deploy', { ...parameters, [name]: value })
    expectRefused(answer, 'order_invalid', `the parameter ${name} is malformed`)
  }
  await expectUnchanged()
})

test.each([
  ['Generation', '0', 'generation 0 can only be restored'],
  ['Generation', '01', 'the parameter Generation is malformed'],
  ['Fence', '0', 'the parameter Fence is malformed'],
  ['App', 'instance', 'an app cannot be called instance'],
  ['Settings', 'AAA', 'the settings are no base64'],
  ['Settings', 'Zm9ybWF0PTEAa2VlcD0x', 'the settings are not whole'],
  ['Settings', 'a2VlcD0xAA==', 'the settings are not whole'],
])('%s %s is refused: %s', async (name, value, message) => {
  const answer = await instance.run('deploy', { ...parameters, [name]: value })
  await expectRefusal(answer, 'order_invalid', message)
})

test.each([
  ['image', `localhost/a;touch ${trap}`],
  ['digest', 'sha256:0'],
  ['port', `a[$(touch ${trap})]`],
  ['publishPort', '80 --privileged'],
  ['publishAddress', '127.0.0.1:80'],
  ['host', 'a.example.com\nbackend evil'],
  ['healthPath', '/\r\nX-Evil: yes'],
  ['healthTimeout', `x[$(touch ${trap})]`],
  ['volume', '/:/host\n--privileged'],
  ['network', '--privileged'],
  ['replaces', '-f'],
  ['memory', '1g --privileged'],
  ['subnet', `$(touch ${trap})`],
  ['keep', '-1'],
  ['timeout', '1+1'],
])('the setting %s as %j is refused', async (name, value) => {
  const order = { app, generation: 2, fence: 2, ...one, settings: { [name]: value } }
  await expectRefusal(await instance.deploy(order), 'order_invalid', `setting ${name} is malformed`)
})

test("a proxy's image by its tag is refused", async () => {
  const settings = { proxyImage: 'docker.io/library/haproxy:3.2' }
  const order = { app, generation: 2, fence: 2, ...one, settings }
  const message = 'port, publishPort or the digest of proxyImage is missing'
  await expectRefusal(await instance.deploy(order), 'order_invalid', message)
})

test('an unknown setting is refused', async () => {
  const order = { app, generation: 2, fence: 2, ...one, settings: { privileged: 'true' } }
  await expectRefusal(await instance.deploy(order), 'order_invalid', 'unknown setting privileged')
})
