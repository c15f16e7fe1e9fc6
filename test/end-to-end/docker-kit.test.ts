import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { get, type IncomingMessage } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text as readText } from 'node:stream/consumers'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { removeLeftovers } from '../../local/demo/leftovers.ts'
import { docker } from '../../local/docker/docker.ts'
import { ensureEngine } from '../../local/docker/engine.ts'
import {
  buildAppImage,
  ensureProxyImage,
  publishAppImage,
  type Behaviour,
} from '../../local/docker/images.ts'
import { ensureNetwork } from '../../local/docker/network.ts'
import { startRegistry, type Registry } from '../../local/docker/registry.ts'
import { startDaemon } from '../../local/instances/daemon.ts'
import { isAlive } from '../../local/instances/namespaces.ts'
import { createLoneNamespace } from '../../local/instances/network.ts'
import { canHaveLanes, removeLeftLanes } from '../run/lane.ts'
import { waitFor } from '../support/wait.ts'

const directory = mkdtempSync(join(tmpdir(), 'landfall-kit-test-'))
const container = `landfall-kit-test-${process.pid}`
const started: string[] = []
const images: string[] = []
let registry: Registry

beforeAll(async () => {
  await ensureEngine()
  registry = await startRegistry({ port: 0, directory })
  const name = `${registry.address}/kit/app`
  image = await buildAppImage({ name, tag: 'built', behaviour: { VERSION: 'built' } })
  images.push(image)
})

afterAll(async () => {
  await docker(['rm', '--force', '--volumes', ...started]).catch(() => undefined)
  await docker(['volume', 'rm', `${container}-data`]).catch(() => undefined)
  await docker(['rmi', '--force', ...images]).catch(() => undefined)
  await registry.stop()
  rmSync(directory, { recursive: true })
})

/** Built once: whatever a test wants of its behaviour it sets as a variable of its container. */
let image = ''

const toOptions = (behaviour: Partial<Behaviour>): string[] =>
  Object.entries(behaviour).flatMap(([name, value]) => ['--env', `${name}=${value}`])

const start = async (name: string, of: string, ...options: string[]): Promise<void> => {
  started.push(name)
  await docker(['run', '--detach', '--init', '--name', name, ...options, of])
}

const addressOf = async (name: string): Promise<string> => {
  const format = '{{.NetworkSettings.IPAddress}}'
  return (await docker(['inspect', '--format', format, name])).trim()
}

const ask = async (name: string, path: string): Promise<[number, string]> => {
  const url = `http://${await addressOf(name)}:8000${path}`
  const answers = () =>
    fetch(url).then(
      () => true,
      () => false,
    )
  await waitFor(`${url} answers`, answers)
  const response = await fetch(url)
  return [response.status, (await response.text()).trim()]
}

/** Sent, and taken up before whatever is asked after it; its answer is still to come. */
const begin = async (name: string, path: string): Promise<{ readonly text: Promise<string> }> => {
  const url = `http://${await addressOf(name)}:8000${path}`
  const request = get(url)
  const response = new Promise<IncomingMessage>((resolve, reject) => {
    request.once('response', resolve).once('error', reject)
  })
  await once(request, 'finish')
  await ask(name, '/healthz')
  return { text: response.then(readText) }
}

const setting = 'line one\nline "two"'

test('uses no engine of another machine that the chosen docker context names', async () => {
  const env = { ...process.env, DOCKER_HOST: '', DOCKER_CONFIG: join(directory, 'docker') }
  const host = 'ssh://deploy@prod.example'
  const create = ['context', 'create', 'prod', '--docker', `host=${host}`]
  expect(spawnSync('docker', create, { env }).status).toBe(0)
  const script = "import { docker } from './local/docker/docker.ts'; await docker(['rm', 'shop'])"
  const { status, stderr } = spawnSync(process.execPath, ['--eval', script], {
    env: { ...env, DOCKER_CONTEXT: 'prod' },
    encoding: 'utf8',
  })
  expect(status).toBe(1)
  expect(stderr).toContain(`Error: the Docker Engine is at ${host}; containers are started`)
})

test('a pushed image is pulled by its digest and answers its version', async () => {
  const name = `${registry.address}/kit/app`
  const publish = (VERSION: string): Promise<string> =>
    publishAppImage({ name, tag: VERSION, behaviour: { VERSION } })
  const digests = [await publish('one'), await publish('two')]
  expect(digests[0]).not.toBe(digests[1])
  const byDigest = `${name}@${digests[0] ?? ''}`
  images.push(byDigest)
  await docker(['pull', byDigest])
  await start(container, byDigest, '--env', `NAME=${setting}`)
  expect(await ask(container, '/')).toEqual([200, 'one'])
  const sha256 = createHash('sha256').update(setting).digest('hex')
  expect(await ask(container, '/setting?name=NAME')).toEqual([200, sha256])
})

test('the app answers an open request while it is stopped', async () => {
  const name = `${container}-slow`
  await start(name, image)
  await ask(name, '/healthz')
  const slow = await begin(name, '/slow?seconds=3')
  await docker(['stop', '--time', '60', name])
  expect((await slow.text).trim()).toBe('built')
  // It ended by itself, and was not killed once the time was over.
  expect((await docker(['inspect', '--format', '{{.State.ExitCode}}', name])).trim()).toBe('0')
})

test('two copies on one database do not run at once, and the lock ends with its process', async () => {
  const [first, second] = [`${container}-first`, `${container}-second`]
  const volume = ['--volume', `${container}-data:/data`, ...toOptions({ DATA: '/data' })]
  await start(first, image, ...volume)
  await ask(first, '/healthz')
  await start(second, image, ...volume)
  expect((await docker(['wait', second])).trim()).toBe('1')
  await docker(['kill', first])
  await docker(['start', second])
  expect(await ask(second, '/starts')).toEqual([200, 'built\nbuilt'])
})

test.each(['exits', 'prints_environment'] as const)(
  'a release with the fault %s ends at once',
  async (FAULT) => {
    const name = `${container}-${FAULT}`
    await start(name, image, ...toOptions({ FAULT }), '--env', 'PLANTED=correct horse')
    expect((await docker(['wait', name])).trim()).toBe('1')
    const output = await docker(['logs', name])
    expect(output.includes('PLANTED=correct horse')).toBe(FAULT === 'prints_environment')
  },
)

test('the app answers 400 to a host that is not allowed', async () => {
  const name = `${container}-hosts`
  await start(name, image, ...toOptions({ ALLOWED_HOSTS: 'shop.example' }))
  expect((await ask(name, '/'))[0]).toBe(400)
})

test("Debian's haproxy runs from its image", async () => {
  expect(await docker(['run', '--rm', await ensureProxyImage(), '-v'])).toContain('HAProxy version')
})

test('a demo first removes what a killed demo left, and nothing else', async () => {
  const create = async (name: string, ...options: readonly string[]): Promise<void> => {
    started.push(name)
    await docker(['create', '--name', name, ...options, image])
  }
  const network = 'landfall-0123demo'
  const others = ['shop', 'proxy', 'demo-shop-by-hand', 'dyno'].map((of) => `${container}-${of}`)
  await docker(['network', 'create', '--label', `landfall.state=${directory}/gone`, network])
  await create('demo-shop-by-hand')
  await create('landfall-demo-shop-a', '--label', 'landfall.app=demo-shop', '--network', network)
  const reading = (below: string) => ['--volume', `${join(directory, below)}:/proxy`]
  await create(
    'landfall-proxy-1',
    '--label',
    'landfall.proxy=1',
    ...reading('landfall-demo-Ab12Cd/1'),
  )
  const gone = ['--label', `landfall.state=${directory}/gone`]
  await create('landfall-dyno-1', '--label', 'landfall.dyno=demo-shop', ...gone)
  await create(others[0] ?? '', '--label', 'landfall.app=shop')
  await create(others[1] ?? '', '--label', 'landfall.proxy=1', ...reading('other/1'))
  await create(others[2] ?? '')
  await create(others[3] ?? '', '--label', 'landfall.dyno=shop', ...gone)

  const said: string[] = []
  await removeLeftovers((line) => said.push(line), directory)
  await removeLeftovers((line) => said.push(line), directory)

  expect(said).toEqual([
    'removing what an earlier demo left: demo-shop-by-hand, landfall-demo-shop-a, landfall-dyno-1, landfall-proxy-1',
  ])
  const names = (await docker(['ps', '--all', '--format', '{{.Names}}'])).split('\n')
  expect(names).toEqual(expect.arrayContaining(others))
  expect(names).not.toContain('landfall-demo-shop-a')
  expect(await docker(['network', 'ls', '--format', '{{.Name}}'])).not.toContain(network)
})

test('a stack begins by removing the network of a killed one, once it is not starting any more', async () => {
  const listNetworks = async () =>
    (await docker(['network', 'ls', '--format', '{{.Name}}'])).split('\n')
  const [left, used, own] = ['left', 'used', 'own'].map((name) => join(directory, name))
  const names = [await ensureNetwork(left ?? ''), await ensureNetwork(used ?? '')].map(
    ({ name }) => name,
  )
  const name = `${container}-network`
  started.push(name)
  await docker(['create', '--name', name, '--network', names[1] ?? '', image])

  const first = await ensureNetwork(own ?? '')
  expect(await listNetworks()).toEqual(expect.arrayContaining(names))
  await first.stop()
  const later = await ensureNetwork(own ?? '', Date.now() + 3_600_000)
  expect(await listNetworks()).not.toContain(names[0])
  expect(await listNetworks()).toContain(names[1])

  await docker(['rm', '--force', name])
  await docker(['network', 'rm', names[1] ?? '', later.name])
})

test.runIf(canHaveLanes())(
  'a test run first removes what a killed run left: its engine, containers, mounts and directories',
  async () => {
    const { pid: endedPid } = spawnSync('true')
    const name = `landfall-lane-${endedPid}-1`
    const [runDirectory, state] = [join('/run', name), join(tmpdir(), name)]
    await createLoneNamespace(name)
    const { dockerHost } = await startDaemon(name, runDirectory, state)
    const left = { name: 'left', tag: '1', behaviour: { VERSION: '1' } }
    const app = await buildAppImage(left, { dockerHost })
    const id = (await docker(['run', '--detach', app], { dockerHost })).trim()
    const inspected = await docker(['inspect', '--format', '{{.State.Pid}}', id], { dockerHost })
    process.kill(Number(readFileSync(join(runDirectory, 'docker.pid'), 'utf8')), 'SIGKILL')

    await removeLeftLanes()
    await removeLeftLanes()

    expect(readFileSync('/proc/mounts', 'utf8')).not.toContain(name)
    expect([runDirectory, state, `/run/netns/${name}`].filter((path) => existsSync(path))).toEqual(
      [],
    )
    await waitFor('the container has ended', () => !isAlive(Number(inspected)))
  },
)
