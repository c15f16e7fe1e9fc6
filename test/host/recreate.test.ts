import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { docker } from '../../local/docker/docker.ts'
import { ask, startLoad } from './load.ts'
import { openStage, type Stage } from './stage.ts'

let stage: Stage
const volume = `landfall-test-${process.pid}`
beforeAll(async () => {
  stage = await openStage()
})
afterAll(async () => {
  await stage.close()
  await docker(['volume', 'rm', '--force', volume, `${volume}-2`])
})

test('with a volume requests wait and none fails; a broken release gives way to the old one', async () => {
  const app = stage.app('shop')
  const instance = await stage.instance()
  const settings = { strategy: 'recreate', volume: [`${volume}:/data`] }
  const data = { DATA: '/data' }
  const [one, two] = [await stage.publish('one', data), await stage.publish('two', data)]
  const broken = await stage.publish('broken', { FAULT: 'exits' })
  await instance.deploy({ app, generation: 1, fence: 1, ...one, settings })

  const load = startLoad(instance.port)
  await sleep(300)
  const slow = load.slow(3)
  await sleep(100)
  const second = await instance.deploy({ app, generation: 2, fence: 2, ...two, settings })
  expect(second).toMatchObject({ outcome: 'succeeded', serving: { generation: 2 } })
  expect(await slow).toBe('one')
  const third = await instance.deploy({ app, generation: 3, fence: 3, ...broken, settings })
  expect(third).toMatchObject({ outcome: 'failed', reason: 'exited', serving: { generation: 2 } })
  expect(third.tail?.join('\n')).toContain('Cannot find module')
  const { failed, sent, longestMs } = await load.stop()
  process.stdout.write(
    `recreate: ${failed.length} of ${sent} failed, longest wait ${longestMs} ms\n`,
  )
  expect(failed).toEqual([])
  expect(await ask(instance.port, { path: '/starts' })).toBe('one\ntwo\ntwo')
})

test('a container run by hand is taken over, and given back when the new release does not serve', async () => {
  const app = stage.app('hand')
  const instance = await stage.instance()
  const name = `landfall-test-hand-${process.pid}`
  // It takes its time to listen: what is told to be back answers.
  const old = await stage.publish('old', { START_DELAY_SECONDS: '1' })
  const fresh = await stage.publish('fresh')
  const broken = await stage.publish('broken', { FAULT: 'exits' })
  const reference = `${old.image}@${old.digest}`
  const publish = `127.0.0.1:${instance.port}:8000`
  await docker([
    'run',
    '--detach',
    '--init',
    '--restart',
    'on-failure:3',
    '--name',
    name,
    '--publish',
    publish,
    reference,
  ])
  try {
    const taken = await instance.deploy({ app, generation: 1, fence: 1, ...fresh })
    expect(taken).toMatchObject({ outcome: 'failed', reason: 'port_in_use', changed: false })
    expect(taken.message).toContain(`replaces: ${name}`)

    const settings = { replaces: name }
    const refused = await instance.deploy({ app, generation: 2, fence: 2, ...broken, settings })
    expect(refused).toMatchObject({ outcome: 'failed', reason: 'exited', serving: null })
    expect(await ask(instance.port)).toBe('old')
    const held = await instance.deploy({
      app,
      generation: 3,
      fence: 3,
      ...broken,
      settings: { ...settings, strategy: 'recreate' },
    })
    expect(held).toMatchObject({ outcome: 'failed', reason: 'exited', serving: null })
    expect(await ask(instance.port)).toBe('old')
    const policy =
      '{{.HostConfig.RestartPolicy.Name}}:{{.HostConfig.RestartPolicy.MaximumRetryCount}}'
    expect((await docker(['inspect', '--format', policy, name])).trim()).toBe('on-failure:3')

    const over = await instance.deploy({ app, generation: 4, fence: 4, ...fresh, settings })
    expect(over).toMatchObject({ outcome: 'succeeded', serving: { generation: 4 } })
    expect(over.steps.map((step) => step.name)).toContain('take-over')
    expect(await ask(instance.port)).toBe('fresh')
    expect(
      (
        await docker([
          'inspect',
          '--format',
          '{{.State.Status}} {{.HostConfig.RestartPolicy.Name}}',
          name,
        ])
      ).trim(),
    ).toBe('exited no')

    const back = await instance.deploy({
      app,
      generation: 0,
      fence: 5,
      mode: 'restore',
      ...fresh,
      settings,
      envelope: null,
    })
    expect(back).toMatchObject({ outcome: 'succeeded', reason: 'restored', serving: null })
    expect(await ask(instance.port)).toBe('old')
  } finally {
    await docker(['rm', '--force', name])
  }
})

test('a worker stays up for its time of grace; one that ends is refused', async () => {
  const app = stage.app('worker')
  const instance = await stage.instance()
  const settings = { strategy: 'worker', publishPort: [], port: [], grace: 2 }
  const good = await instance.deploy({
    app,
    generation: 1,
    fence: 1,
    ...(await stage.publish('good')),
    settings,
  })
  expect(good).toMatchObject({ outcome: 'succeeded', serving: { generation: 1 } })
  const broken = await stage.publish('broken', { FAULT: 'exits' })
  const bad = await instance.deploy({ app, generation: 2, fence: 2, ...broken, settings })
  expect(bad).toMatchObject({ outcome: 'failed', reason: 'exited', serving: { generation: 1 } })
  const next = await instance.deploy({
    app,
    generation: 3,
    fence: 3,
    ...(await stage.publish('next')),
    settings,
  })
  expect(next).toMatchObject({ outcome: 'succeeded', serving: { generation: 3 } })
  const running = await docker([
    'ps',
    '--filter',
    `label=landfall.app=${app}`,
    '--format',
    '{{.Names}}',
  ])
  expect(running.trim()).toBe(`landfall-${app}.3`)
})
