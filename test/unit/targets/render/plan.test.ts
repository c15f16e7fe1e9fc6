import { afterEach, beforeEach, expect, test } from 'vitest'
import type { App } from '../../../../src/deployment/app.ts'
import type { Serving } from '../../../../src/deployment/deployment.ts'
import { Generation } from '../../../../src/kernel/id.ts'
import {
  imageOf,
  releaseOf,
  service,
  settingsOf,
  shopOf,
  startRenderStage,
  type RenderStage,
} from '../../../support/render-stage.ts'
import { digestOf } from '../../../support/service-stage.ts'

let stage: RenderStage
beforeEach(async () => {
  stage = await startRenderStage()
  stage.secrets.set('landfall/test/shop current', '{"SECRET_KEY":"planted-two"}')
})
afterEach(async () => {
  expect(stage.server.violations).toEqual([])
  expect(stage.server.calls.filter(({ method }) => method !== 'GET')).toEqual(calledBefore)
  calledBefore = []
  await stage.stop()
})
let calledBefore: unknown[] = []

const shop = () => stage.server.service(service)
const liveAt = (generation: number, letter: string): Serving => ({
  generation: Generation.parse(generation),
  digest: digestOf(letter),
})

const planOf = async (live: Serving | null = null, changes: Partial<App> = {}) => {
  const app = shopOf(changes)
  const [settings = settingsOf()] = app.targets
  if (settings.kind !== 'render') throw new Error('a target at Render')
  const view = stage.view(settings)
  const { candidates: opened } = await view.select()
  expect(opened).toEqual([{ id: service, target: settings.key, obstacle: null, warning: null }])
  const seen = await view.look({ app, target: 1, commit: null, digest: digestOf('b') })
  const context = {
    opened: opened.map(({ id }) => ({ id, wave: 0 })),
    predeployOn: null,
    live,
    before: null,
  }
  const { instances, findings } = seen.plan(context)
  const lines = findings.map(({ level, what, reason, instance, message }) => {
    expect(instance).toBe(service)
    return `${level} | ${what} | ${reason ?? '-'} | ${message}`
  })
  return { instance: instances[0], lines }
}

const bringOut = async (letter: string): Promise<void> => {
  await stage.target.start(stage.orderOf(releaseOf(letter, 1)))
  stage.pass(10)
  calledBefore = stage.server.calls.filter(({ method }) => method !== 'GET')
}

test('plans a deployment to a service, and changes nothing there', async () => {
  await bringOut('a')
  shop().env.set('OWN', 'x')
  const { instance, lines } = await planOf(liveAt(1, 'a'))
  expect(instance).toEqual({
    id: service,
    name: 'shop',
    proxy: null,
    target: 1,
    wave: 0,
    online: true,
    agent: null,
    docker: null,
    serving: liveAt(1, 'a'),
    owner: null,
    freeMegabytes: null,
    freeMemoryMegabytes: null,
    would: [
      'set SECRET_KEY at Render',
      `deploy ${imageOf('b')}`,
      'wait until it is live: Render starts it beside the one that serves, asks /healthz and switches to it',
    ],
  })
  expect(lines).toEqual([
    'fine | service | - | shop runs docker.io/acme/shop; to be set: SECRET_KEY; left alone, and not in landfall.yml: OWN',
  ])
})

test('shows no value of a service’s variable in a plan', async () => {
  shop().env.set('OWN', 'planted-own')
  expect(JSON.stringify(await planOf())).not.toContain('planted')
})

test('compares no variables with `env: leave`', async () => {
  const { lines } = await planOf(null, { targets: [settingsOf({ env: 'leave' })] })
  expect(lines).toEqual([
    'fine | service | - | shop runs docker.io/acme/shop; its variables are left to Render',
  ])
})

test('compares no variables without the app’s secret, which another finding reports', async () => {
  stage.secrets.delete('landfall/test/shop current')
  expect((await planOf()).lines).toEqual([
    'fine | service | - | shop runs docker.io/acme/shop; its variables could not be compared',
  ])
})

test('reports a service that a deployment would refuse', async () => {
  shop().settings.imagePath = null
  shop().settings.repo = 'https://github.com/acme/shop'
  const { instance, lines } = await planOf()
  expect(instance).toMatchObject({ online: true, would: [] })
  expect(lines).toHaveLength(1)
  expect(lines[0]).toMatch(
    /^problem \| service \| service_unsuitable \| shop: Render builds it from https:\/\/github.com\/acme\/shop/,
  )
})

test('reports a private image that the service has no credential for', async () => {
  const { lines } = await planOf(null, { registry: 'landfall/test/registry' })
  expect(lines[0]).toMatch(
    /^warning \| registry \| registry_unauthorized \| .*the service has no login/,
  )
  shop().settings.registryCredential = { id: 'rgc-1', name: 'hub' }
  expect((await planOf(null, { registry: 'landfall/test/registry' })).lines).toHaveLength(1)
})

test('reports an image at Amazon ECR, where Render has not the role of the functions', async () => {
  const image = '123456789012.dkr.ecr.eu-west-3.amazonaws.com/acme/shop'
  shop().settings.imagePath = `${image}:latest`
  const { lines } = await planOf(null, { image })
  expect(lines[0]).toMatch(/^warning \| registry \| registry_unauthorized \| Landfall logs in /)
})

test('reports a deploy that Landfall did not begin, and what it serves', async () => {
  await bringOut('a')
  shop().deploy(null, 'manual')
  expect((await planOf(liveAt(1, 'a'))).lines[0]).toMatch(
    /^warning \| deploy \| - \| dep-\w+ \(manual\) is in progress at Render \(created\); a deployment replaces it$/,
  )
  stage.pass(10)
  const { instance, lines } = await planOf(liveAt(1, 'a'))
  expect(instance?.serving).toBeNull()
  expect(lines[0]).toBe(
    'warning | serving | - | nothing of Landfall serves here instead of #1; a deployment corrects that',
  )
})

test('reports an API key that Render does not accept, and a Render that does not answer', async () => {
  stage.secrets.set('landfall/test/render current', 'rnd_of_somebody')
  const refused = await planOf()
  expect(refused.lines).toEqual([
    'problem | service | target_unauthorized | 127.0.0.1:PORT answered 401: the secret landfall/test/render holds no valid API key'.replace(
      'PORT',
      stage.server.url.port,
    ),
  ])
  expect(refused.instance).toMatchObject({ name: null, online: false, would: [] })
  stage.server.fate = () => ({ kind: 'answer', status: 503 })
  expect((await planOf()).lines[0]).toMatch(
    /^problem \| service \| target_unavailable \| .* answered 503; try again in a minute$/,
  )
})
