import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { docker, run } from '../../local/docker/docker.ts'
import { createLoneNamespace, removeNamespace, toEnter } from '../../local/instances/network.ts'
import { inFull } from '../support/size.ts'
import { replaceText } from './edit.ts'
import type { Instance } from './instance.ts'
import { openStage, type Image, type Stage } from './stage.ts'

// The metadata service of EC2 is reached by forwarding. Here it stands in a network namespace behind this machine, so that a
// request from a container passes the same chains.

const service = '169.254.169.254'
/** Amazon's name server has an address of the same range. */
const nameServer = '169.254.169.253'
const elsewhere = '10.99.77.2'
const namespace = `landfall-metadata-${process.pid}`

let stage: Stage
let instance: Instance
let image: Image
let server: ChildProcess

const ip = (...args: readonly string[]): Promise<string> => run('ip', args)
const iptables = (...args: readonly string[]): Promise<string> =>
  run('iptables', ['--wait', '10', ...args])

const startService = async (): Promise<void> => {
  const inside = ['-netns', namespace]
  await createLoneNamespace(namespace)
  await ip('link', 'add', 'metadata0', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', namespace)
  await ip('address', 'add', '10.99.77.1/30', 'dev', 'metadata0')
  await ip('link', 'set', 'metadata0', 'up')
  await ip(...inside, 'address', 'add', `${elsewhere}/30`, 'dev', 'eth0')
  await ip(...inside, 'link', 'set', 'eth0', 'up')
  await ip(...inside, 'route', 'add', 'default', 'via', '10.99.77.1')
  for (const address of [service, nameServer]) {
    await ip(...inside, 'address', 'add', `${address}/32`, 'dev', 'lo')
    await ip('route', 'add', `${address}/32`, 'via', elsewhere)
  }
  const script = `require('http').createServer((_, answer) => answer.end('role')).listen(80, () => console.log('listening'))`
  const [program = 'nsenter', ...enter] = toEnter(namespace)
  server = spawn(program, [...enter, process.execPath, '--eval', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  if (server.stdout !== null) await once(server.stdout, 'data')
}

beforeAll(async () => {
  stage = await openStage()
  await startService()
  instance = await stage.instance()
  image = await stage.publish('one')
})
afterAll(async () => {
  await ip('link', 'delete', 'metadata0').catch(() => undefined)
  await removeNamespace(namespace)
  server.kill()
  await stage.close()
})

/** A program that prints what each address answers, or why it does not, and fails if the last one does not answer. */
const asking = (...addresses: readonly string[]): readonly string[] => {
  const ask = `fetch('http://' + to, { signal: AbortSignal.timeout(20_000) }).then((answer) => answer.text(), ({ cause }) => cause.code)`
  const script = `const told = []
    for (const to of process.argv.slice(1)) told.push(await ${ask})
    console.log(told.join(' '))
    process.exit(told.at(-1) === 'role' ? 0 : 1)`
  return ['node', '--input-type=module', '--eval', script, ...addresses]
}
const askAll = async (container: string): Promise<string> =>
  (await docker(['exec', container, ...asking(service, nameServer, elsewhere)])).trim()
const open = 'role role role'
const blocked = 'ECONNREFUSED role role'

/** Without the proxy: what is shown here does not depend on it. */
const worker = { strategy: 'worker', publishPort: [], port: [], grace: 0, stopTimeout: 1 }
const block = { metadata: 'block' }

test('a container is kept from the metadata service, and from nothing else, as its release says', async () => {
  const app = stage.app('metadata')
  const at = (generation: number): string => `landfall-${app}.${generation}`
  const deploy = (generation: number, fence: number, settings = {}) =>
    instance.deploy({ app, generation, fence, ...image, settings: { ...worker, ...settings } })

  // As an app that was live before the setting existed.
  expect(await deploy(1, 1)).toMatchObject({ outcome: 'succeeded' })
  expect(await askAll(at(1))).toEqual(open)

  const predeploy = asking(service)
  const failed = await deploy(2, 2, { ...block, predeploy })
  expect(failed).toMatchObject({ outcome: 'failed', reason: 'predeploy_failed' })
  expect(failed.message).toContain('ECONNREFUSED')
  expect(await askAll(at(1))).toEqual(open)

  const named = await deploy(3, 3, block)
  expect(named).toMatchObject({ outcome: 'succeeded', message: 'generation 3 is live' })
  expect(await askAll(at(3))).toEqual(blocked)

  // A restart of the machine empties the chain; the container itself may restart before the next command.
  await iptables('-F', 'DOCKER-USER')
  expect(await askAll(at(3))).toEqual(open)
  await instance.prepare()
  expect(await askAll(at(3))).toEqual(blocked)
  await docker(['restart', '--time', '1', at(3)])
  expect(await askAll(at(3))).toEqual(blocked)

  await iptables('-F', 'DOCKER-USER')
  expect(await deploy(3, 4, block)).toMatchObject({ reason: 'already_live' })
  expect(await askAll(at(3))).toEqual(blocked)

  // The release brings back what held for it, and `allow` is no rule at all.
  expect(await deploy(1, 5, { kind: 'rollback' })).toMatchObject({ outcome: 'succeeded' })
  expect(await askAll(at(1))).toEqual(open)
  const allowed = await deploy(4, 6, { metadata: 'allow', predeploy })
  expect(allowed).toMatchObject({ outcome: 'succeeded', predeploy: true })
  expect(await askAll(at(4))).toEqual(open)
})

test('a container is kept from the metadata service on each of its networks, and its neighbours there are not', async () => {
  const app = stage.app('networks')
  // Docker routes by the network whose name comes first.
  const network = `a-${app}`
  const neighbour = `${app}-neighbour`
  await docker(['network', 'create', network])
  try {
    const settings = { ...worker, ...block, network: [network] }
    const order = { app, generation: 1, fence: 1, ...image, settings }
    expect(await instance.deploy(order)).toMatchObject({ outcome: 'succeeded' })
    const reference = `${image.image}@${image.digest}`
    await docker(['run', '--detach', '--name', neighbour, '--network', network, reference])
    expect(await askAll(`landfall-${app}.1`)).toEqual(blocked)
    expect(await askAll(neighbour)).toEqual(open)
    await docker(['restart', '--time', '1', `landfall-${app}.1`])
    await instance.prepare()
    expect(await askAll(`landfall-${app}.1`)).toEqual(blocked)
  } finally {
    await docker(['rm', '--force', neighbour, `landfall-${app}.1`])
    await docker(['network', 'rm', network])
  }
})

const absent: readonly (readonly [string, string, string, string])[] = [
  ['iptables', 'command -v iptables ', 'command -v iptables-is-gone ', 'iptables is not installed'],
  ['DOCKER-USER', 'DOCKER-USER', 'NO-SUCH-CHAIN', 'iptables lists no chain'],
]

test.each(inFull(absent, absent.slice(1)))(
  'a host without %s says so, and the deployment succeeds',
  async (what, there, gone, told) => {
    const app = stage.app(`no-${what.toLowerCase()}`)
    const order = { app, generation: 1, fence: 1, ...image, settings: { ...worker, ...block } }
    const without = replaceText(there, gone)
    const { output } = await instance.plan(order, without)
    expect(output).toContain(`"firewall":"${told}`)
    const deployed = await instance.deploy(order, without)
    expect(deployed).toMatchObject({ outcome: 'succeeded' })
    expect(deployed.message).toMatch(`its containers may reach the metadata service: ${told}`)
    await docker(['rm', '--force', `landfall-${app}.1`])
  },
)
