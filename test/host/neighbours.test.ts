import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { docker } from '../../local/docker/docker.ts'
import { publishAppImage } from '../../local/docker/images.ts'
import { freePort } from '../../local/docker/free-port.ts'
import { ask } from './load.ts'
import type { Instance } from './instance.ts'
import { openStage, type Image, type Stage } from './stage.ts'
import { usualEngine } from './usual-engine.ts'

let stage: Stage
let instance: Instance
/** Of another team's app, which serves from the third test on. */
let other: string
let one: Image
beforeAll(async () => {
  stage = await openStage()
  instance = await stage.instance()
  other = stage.app('beside')
})
afterAll(async () => stage.close())

test('prepare always answers with the same certificate, and never reveals its key', async () => {
  const again = await instance.prepare()
  expect(again).toMatchObject({ outcome: 'succeeded', missing: [], code: 0 })
  expect((await instance.prepare()).certificate).toBe(again.certificate)
  expect(statSync(join(instance.root, 'instance', 'key.pem')).mode & 0o777).toBe(0o600)
  expect(again.output).not.toContain('PRIVATE')
  expect(again.output.length).toBeLessThan(2400)
})

test('prepare requires that Docker starts at boot where systemd runs', async () => {
  // systemd runs on no test machine: this one says only what it is asked for.
  const bin = mkdtempSync(join(tmpdir(), 'landfall-systemd-test-'))
  const machine = (state: string, enabled: string): void => {
    const script = `#!/bin/sh\ncase "$*" in\n  is-system-running) echo ${state} ;;\n  *" ${enabled}") ;;\n  *) exit 1 ;;\nesac\n`
    writeFileSync(join(bin, 'systemctl'), script, { mode: 0o755 })
  }
  instance.environment = usualEngine(bin)
  machine('running', 'nothing')
  const refused = await instance.prepare()
  expect(refused).toMatchObject({ outcome: 'failed', reason: 'docker_unavailable' })
  expect(refused.message).toContain('systemctl enable docker')
  for (const [state, enabled] of [
    ['running', 'docker'],
    ['degraded', 'docker.socket'],
    ['offline', 'nothing'],
  ] as const) {
    machine(state, enabled)
    expect(await instance.prepare(), enabled).toMatchObject({ outcome: 'succeeded' })
  }
  instance.environment = {}
  rmSync(bin, { recursive: true })
})

test('prune keeps the containers and images of other apps and of people, also where an image bears our labels', async () => {
  const app = stage.app('prune')
  const numbers = Array.from({ length: 60 }, (_, index) => String(index + 4)).join(' ')
  const labels = { 'landfall.app': app, 'landfall.slots': numbers, 'landfall.predeploy': 'other' }
  const publishLabelled = (name: string, tag: string) =>
    publishAppImage({ name, tag, behaviour: { VERSION: tag }, labels })
  one = await stage.publishBy(publishLabelled, 'one')
  const two = await stage.publish('two')
  const name = `landfall-test-beside-${process.pid}`
  await docker(['run', '--detach', '--name', name, `${one.image}@${one.digest}`])
  try {
    await instance.deploy({ app: other, generation: 1, fence: 1, ...one })
    const settings = { keep: 1, strategy: 'worker', publishPort: [], port: [], grace: 0 }
    for (const [before, image] of [one, two, two].entries()) {
      const order = { app, generation: before + 1, fence: before + 1, ...image, settings }
      expect(await instance.deploy(order)).toMatchObject({ outcome: 'succeeded' })
    }
    const listing = ['ps', '--all', '--filter', `label=landfall.app=${app}`]
    const mine = await docker([...listing, '--format', '{{.Names}}'])
    const kept = [`landfall-${app}.2`, `landfall-${app}.3`, name]
    expect(mine.trim().split('\n').toSorted()).toEqual(kept.toSorted())
    expect(await docker(['images', '--quiet', `landfall/${app}:1`])).toBe('')
    expect(await docker(['images', '--quiet', `landfall/${other}:1`])).not.toBe('')
    expect(await ask(instance.port)).toBe('one')
    expect(await docker(['inspect', '--format', '{{.State.Running}}', name])).toBe('true\n')
  } finally {
    await docker(['rm', '--force', name])
  }
})

test('an app that moves to another port frees the old one', async () => {
  const publishPort = await freePort()
  const order = { app: other, generation: 2, fence: 2, ...one, settings: { publishPort } }
  const moved = await instance.deploy(order)
  try {
    expect(moved).toMatchObject({ outcome: 'succeeded' })
    expect(await ask(publishPort)).toBe('one')
    await expect(ask(instance.port)).rejects.toThrow('ECONNREFUSED')
    const config = readFileSync(
      join(instance.root, 'instance', 'proxies', `127.0.0.1-${publishPort}`, 'proxy.cfg'),
      'utf8',
    )
    expect(config).toContain(`X-Forwarded-Port ${publishPort}`)
  } finally {
    await docker(['rm', '--force', `landfall-proxy-127.0.0.1-${publishPort}`])
  }
})
