import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { docker, run } from '../../local/docker/docker.ts'
import { freePort } from '../../local/docker/free-port.ts'
import { parseHostPlan } from '../../src/targets/ec2/result.ts'
import { inFull } from '../support/size.ts'
import { waitFor } from '../support/wait.ts'
import { replaceText } from './edit.ts'
import type { HostAnswer, Instance, Order } from './instance.ts'
import { createKiller } from './killer.ts'
import { ask, startLoad } from './load.ts'
import { openStage, type Image, type Stage } from './stage.ts'

let stage: Stage
let old: Image
let one: Image
let two: Image
let held: Image
let broken: Image
beforeAll(async () => {
  stage = await openStage()
  old = await stage.publish('old', { DATA: '/data' })
  one = await stage.publish('one', { DATA: '/data' })
  two = await stage.publish('two')
  held = await stage.publish('held', { START_HELD: '1' })
  broken = await stage.publish('broken', { FAULT: 'exits' })
})
afterAll(async () => stage.close())

let number = 0
/** A container as a team runs it today, on the port of a new instance; it is gone afterwards. */
const runByHand = async (options: readonly string[], command: readonly string[] = []) => {
  number += 1
  const name = `landfall-test-today-${process.pid}-${number}`
  const instance = await stage.instance()
  onTestFinished(async () => {
    await docker(['rm', '--force', name]).catch(() => undefined)
  })
  const publish = ['--publish', `127.0.0.1:${instance.port}:8000`]
  const image = `${old.image}@${old.digest}`
  await docker([
    'run',
    '--detach',
    '--init',
    '--name',
    name,
    ...publish,
    ...options,
    image,
    ...command,
  ])
  await waitFor('the container run by hand answers', () =>
    ask(instance.port).then(
      (text) => text === 'old',
      () => false,
    ),
  )
  return { instance, name, app: stage.app(`over-${number}`) }
}

const planLosses = async (instance: Instance, order: Order): Promise<readonly string[]> => {
  const answer = await instance.plan(order)
  const plan = parseHostPlan(answer.output)
  if (plan === null) throw new Error(answer.output)
  expect(answer.output).not.toContain('planted')
  return plan.losses
}

const inspect = async (format: string, name: string): Promise<string> =>
  (await docker(['inspect', '--format', format, name])).trim()
/** That it runs, since when, and its restart policy. */
const stateOf = (name: string) =>
  inspect('{{.State.Running}} {{.State.StartedAt}} {{.HostConfig.RestartPolicy.Name}}', name)

const expectLoss = (answer: HostAnswer, losses: readonly string[]) => {
  expect(answer).toMatchObject({ outcome: 'failed', reason: 'takeover_loses', changed: false })
  expect(answer.tail).toEqual(losses)
  expect(answer.output).not.toContain('planted')
}

test('what the old container has and the new one would not get is refused before anything is stopped', async () => {
  const mark = `landfall-test-${process.pid}`
  const [volume, network] = [`${mark}-customers`, `${mark}-net`]
  const ports = [await freePort(), await freePort()] as const
  await docker(['network', 'create', network])
  const { instance, name, app } = await runByHand([
    '--volume',
    `${volume}:/data`,
    '--volume',
    '/srv:/uploads:ro',
    '--user',
    '0',
    '--publish',
    `127.0.0.1:${ports[0]}:8443`,
    '--publish',
    `${ports[1]}:8000/udp`,
    '--add-host',
    'db:10.0.0.5',
    '--memory',
    '300m',
    '--shm-size',
    '100m',
    '--network',
    network,
    '--cap-add',
    'NET_ADMIN',
    '--env',
    'DEBUG=planted',
    // The second is as the image has it; of the first only the first line has a name.
    '--env',
    'SECRET_KEY=planted\nSALT=planted',
    '--env',
    'PORT=8000',
  ])
  onTestFinished(async () => {
    await docker(['rm', '--force', name])
    await docker(['network', 'disconnect', '--force', network, `landfall-${app}.2`]).catch(() => '')
    await docker(['network', 'rm', network])
  })
  const before = await stateOf(name)
  const settings = { strategy: 'recreate', replaces: name }
  const order = { app, generation: 1, fence: 1, ...one, settings, envelope: ['env DEBUG=1'] }
  const losses = [
    'memory 314572800',
    'shm 104857600',
    'capability NET_ADMIN',
    'host db:10.0.0.5',
    `port 127.0.0.1:${ports[0]}/tcp`,
    `port ${ports[1]}/udp`,
    `volume ${volume}:/data`,
    'volume /srv:/uploads',
    `network ${network}`,
    'user 0',
    'env SECRET_KEY',
  ]
  const named = { ...order, settings: { ...settings, envName: ['DEBUG'] } }
  expect((await planLosses(instance, named)).toSorted()).toEqual(losses.toSorted())
  const refused = await instance.deploy(order)
  expectLoss({ ...refused, tail: refused.tail?.toSorted() }, losses.toSorted())
  expect(await stateOf(name)).toBe(before)

  // All of it is given, or named.
  const given = {
    ...settings,
    without: ['port', 'volume /srv:/uploads'],
    volume: [`${volume}:/data`],
    network: [network],
    user: '0',
    memory: '300m',
    shmSize: '100m',
    extraHost: ['db:10.0.0.5'],
    capAdd: ['NET_ADMIN'],
  }
  const envelope = ['env DEBUG=1', 'secret SECRET_KEY=planted']
  const taken = { ...order, generation: 2, fence: 2, settings: given, envelope }
  const load = startLoad(instance.port)
  const answer = await instance.deploy(taken)
  expect(answer, answer.message).toMatchObject({ outcome: 'succeeded' })
  await load.sees('one')
  await load.stop()
  // The customers of the old container are those of the new one.
  expect(await ask(instance.port, { path: '/starts' })).toBe('old\none')
  const format = '{{.Config.User}} {{.HostConfig.ShmSize}} {{.HostConfig.ExtraHosts}}'
  expect(await inspect(format, `landfall-${app}.2`)).toBe('0 104857600 [db:10.0.0.5]')
})

test('what is in a volume without a name is there after the copy of docs/take-over.md', async () => {
  const volume = `landfall-test-copied-${process.pid}`
  const { instance, name, app } = await runByHand(['--volume', '/data'])
  const settings = { strategy: 'recreate', replaces: name, volume: [`${volume}:/data`] }
  const order = { app, generation: 1, fence: 1, ...one, settings }
  const refused = await instance.deploy(order)
  expect(refused).toMatchObject({ reason: 'takeover_loses', tail: [expect.any(String)] })
  expect(refused.tail?.[0]).toMatch(/^volume [0-9a-f]{64}:\/data$/)
  const commands = commandsWith('docker cp', name, instance.port)
    .replaceAll(`oc-${name}-data`, volume)
    .replaceAll(/\bcopy\b/g, `${name}-copy`)
  await run('bash', ['-ec', commands])
  const accepted = { ...settings, without: ['volume'] }
  const answer = await instance.deploy({ ...order, generation: 2, fence: 2, settings: accepted })
  expect(answer, answer.message).toMatchObject({ outcome: 'succeeded' })
  expect(await ask(instance.port, { path: '/starts' })).toBe('old\none')
})

/** The commands of a block of docs/take-over.md, for this container and port. */
const commandsWith = (text: string, name: string, port: number): string =>
  [...readFileSync('docs/take-over.md', 'utf8').matchAll(/^```sh\n(.*?)^```/gms)]
    .map(([, block = '']) => block)
    .filter((block) => block.includes(text))
    .join('\n')
    .replaceAll('lettings', name)
    .replaceAll('80:8000', `127.0.0.1:${port}:8000`)

test('a container with --rm and its database stays until it is run as docs/take-over.md shows, and nothing is lost', async () => {
  const { instance, name, app } = await runByHand(['--rm'])
  const settings = { strategy: 'recreate', replaces: name }
  const order = { app, ...broken, settings }
  const load = startLoad(instance.port)
  const refused = await instance.deploy({ ...order, generation: 1, fence: 1 })
  expectLoss(refused, ['rm', 'file /data/app.sqlite3'])
  expect(refused.message).toContain('--rm')
  const unexcused = { ...settings, without: ['file'] }
  const again = await instance.deploy({ ...order, generation: 2, fence: 2, settings: unexcused })
  expectLoss(again, ['rm'])
  const { failed } = await load.stop()
  expect(failed).toEqual([])

  await run('bash', ['-ec', commandsWith('docker commit', name, instance.port)])
  const kept = `${name}-today`
  onTestFinished(async () => {
    await docker(['rm', '--force', kept])
    await docker(['rmi', '--force', kept])
  })
  await waitFor('it answers again', () => ask(instance.port).then(Boolean, () => false))
  expect(await ask(instance.port, { path: '/starts' })).toBe('old\nold')
  const next = { ...settings, replaces: kept, without: ['file'] }
  const failing = await instance.deploy({ ...order, generation: 3, fence: 3, settings: next })
  expect(failing).toMatchObject({ outcome: 'failed', reason: 'exited', serving: null })
  expect(await ask(instance.port, { path: '/starts' })).toBe('old\nold\nold')
})

/** Told to stop, it says so by a file `/tmp/told`, and answers until there is a file `/tmp/go`. */
const slow = [
  'sh',
  '-c',
  'rm -f /tmp/go /tmp/told; trap ": >/tmp/told; until [ -e /tmp/go ]; do sleep 0.1; done; exit" TERM; node /app/app.mjs & while :; do wait; done',
]

/** Dies in the stop of a container that has been told to end, however long that takes here. */
const dieInStop = replaceText(
  /^stop_container\(\) \{ (docker stop .*); \}$/gm,
  (_, stop) =>
    `stop_container() { ${stop} & until docker exec "$1" ls /tmp/told; do docker exec "$1" true || return; sleep 0.1; done; kill -9 0; }`,
)
/** Creates a file `waits` once the container that is to end has been found running. */
const tellWaiting = replaceText(
  /^is_down\(\) \{ (! is_running "\$1"); \}$/gm,
  (_, isDown) => `is_down() { ${isDown} || { : >"$root/waits"; return 1; }; }`,
)

const endedStops = (name: string, since: string): Promise<string> => {
  const filters = ['--filter', `container=${name}`, '--filter', 'event=stop']
  return docker(['events', '--since', since, '--until', '0s', ...filters])
}

const points = [
  ['blue-green', 'take-over', 'update', 'inside'],
  ['blue-green', 'take-over', 'stop', 'before'],
  ['blue-green', 'take-over', 'stop', 'inside'],
  ['recreate', 'stop', 'stop', 'inside'],
] as const

test('a take-over that is killed before or in the stop leaves the old container running', async () => {
  const { instance, name, app } = await runByHand(['--restart', 'unless-stopped'], slow)
  const killer = createKiller(app)
  onTestFinished(() => killer.close())
  let fence = 0
  const tried = inFull<readonly (typeof points)[number][]>(points, [points[2]])
  for (const [index, [strategy, step, verb, when]] of tried.entries()) {
    const call = `docker ${verb} ${name.replaceAll(/\d+/g, '#')}`
    const isStopping = verb === 'stop' && when === 'inside'
    const at = { step, call, when, time: 1 } as const
    instance.environment = isStopping ? {} : killer.environment(at, index)
    fence += 2
    const settings = {
      strategy,
      replaces: name,
      without: ['file'],
      stopTimeout: isStopping ? 600 : 1,
    }
    const order = { app, generation: fence, fence, ...two, settings }
    const since = (Date.now() / 1000).toFixed(3)
    const killed = await instance.deploy(order, isStopping ? dieInStop : killer.edit)
    expect(killed.code, `${step}: ${when} ${call}: ${killed.message}`).toBeNull()
    instance.environment = {}
    const restore = { ...order, mode: 'restore' as const, generation: 0, fence: fence + 1 }
    const restoring = instance.deploy({ ...restore, envelope: null }, tellWaiting)
    if (isStopping) {
      const waits = join(instance.root, 'waits')
      await waitFor('the next command waits for the container to end', () => existsSync(waits))
      rmSync(waits)
      await docker(['exec', name, 'sh', '-c', ': >/tmp/go'])
    }
    const restored = await restoring
    expect(restored, restored.message).toMatchObject({ outcome: 'succeeded', serving: null })
    if (isStopping)
      await waitFor(
        'the stop that was ordered is over',
        async () => (await endedStops(name, since)) !== '',
      )
    expect(await ask(instance.port), `${step}: ${when} ${call}`).toBe('old')
    expect(await stateOf(name)).toMatch(/^true .* unless-stopped$/)
  }
})

test('a container that runs anew with --rm while the new one is checked is not stopped', async () => {
  const { instance, name, app } = await runByHand([])
  const settings = { replaces: name, without: ['file'] }
  const order = { app, generation: 1, fence: 1, ...held, settings }
  const deployed = instance.deploy(order)
  await waitFor('the new one is there', () =>
    docker(['exec', `landfall-${app}.1`, 'true']).then(
      () => true,
      () => false,
    ),
  )
  await docker(['rm', '--force', name])
  const publish = ['--publish', `127.0.0.1:${instance.port}:8000`]
  const image = `${old.image}@${old.digest}`
  await docker(['run', '--detach', '--init', '--rm', '--name', name, ...publish, image])
  const before = await stateOf(name)
  await docker(['kill', '--signal', 'USR2', `landfall-${app}.1`])
  const answer = await deployed
  expect(answer).toMatchObject({ outcome: 'failed', reason: 'takeover_loses', changed: false })
  expect(await stateOf(name)).toBe(before)
})
