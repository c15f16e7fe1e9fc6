import { startRender, type RenderOptions, type RenderServer } from '../../local/render/render.ts'
import type { App, RenderSettings } from '../../src/deployment/app.ts'
import type { Release } from '../../src/deployment/deployment.ts'
import { toInstant } from '../../src/kernel/clock.ts'
import { http } from '../../src/kernel/http.ts'
import { Digest, Fence, Generation, InstanceId } from '../../src/kernel/id.ts'
import { Redacted } from '../../src/kernel/redacted.ts'
import { fail, succeed } from '../../src/kernel/result.ts'
import { createOpenRender, type RenderPorts } from '../../src/targets/render/api.ts'
import { createRenderView } from '../../src/targets/render/plan.ts'
import { createRenderTarget } from '../../src/targets/render/render.ts'
import type { Order, Target } from '../../src/targets/target.ts'
import { appOf } from './apps.ts'
import { start } from './deployments.ts'
import { renderTarget } from './targets.ts'

export const service = 'srv-000000000000000000g0'
export const serviceId = InstanceId.parse(service)
const token = 'landfall/test/render'

/** `sha256:aaaa…` by its letter. */
export const digestOf = (letter: string): Digest => Digest.parse(`sha256:${letter.repeat(64)}`)
export const imageOf = (letter: string): string => `docker.io/acme/shop@${digestOf(letter)}`

export const settingsOf = (changes: Partial<RenderSettings> = {}): RenderSettings =>
  renderTarget({ service, token, ...changes })

/** An app at Render with a secret that has two versions. */
export const shopOf = (changes: Partial<App> = {}): App =>
  appOf('shop', {
    image: 'acme/shop',
    env: { DEBUG: 'False' },
    secrets: 'landfall/test/shop',
    targets: [settingsOf()],
    ...changes,
  })

export const releaseOf = (
  letter: string,
  generation: number,
  changes: Partial<Release> = {},
): Release => ({
  generation: Generation.parse(generation),
  revision: digestOf(letter),
  commit: null,
  digest: digestOf(letter),
  secretVersion: 'v1',
  origin: null,
  settings: shopOf(),
  promotedFrom: null,
  ...changes,
})

/** A server that behaves as Render's schema says, at a time that the test chooses, and a target on it. */
export interface RenderStage {
  readonly server: RenderServer
  readonly target: Target
  /** Of a target with other settings or ports, with nothing remembered. */
  targetOf(settings?: RenderSettings, ports?: Partial<RenderPorts>): Target
  /** What `plan` sees of the service. */
  view(settings: RenderSettings): ReturnType<typeof createRenderView>
  /** Values of secrets by `name version`; `current` where none is asked for. */
  readonly secrets: Map<string, string>
  pass(seconds: number): void
  now(): string
  /** An order that is given now: a deploy of the release, for the next ten minutes. */
  orderOf(release: Release | null, changes?: Partial<Order>): Order
  stop(): Promise<void>
}

export const startRenderStage = async (
  changes: Partial<RenderOptions['services'][number]> = {},
  more: Pick<RenderOptions, 'now' | 'pace'> = {},
): Promise<RenderStage> => {
  let at = Date.parse(start)
  let fence = 1
  const clock = more.now ?? (() => new Date(at))
  const server = await startRender({
    isToken: (key) => key === 'rnd_key_of_the_team',
    services: [{ id: service, ...changes }],
    ...more,
    now: clock,
  })
  const secrets = new Map([
    [`${token} current`, 'rnd_key_of_the_team\n'],
    ['landfall/test/shop v1', '{"SECRET_KEY":"planted-one"}'],
    ['landfall/test/shop v2', '{"SECRET_KEY":"planted-two"}'],
  ])
  const readSecret: RenderPorts['readSecret'] = (name, version) => {
    const value = secrets.get(`${name} ${version ?? 'current'}`)
    return Promise.resolve(
      value === undefined
        ? fail('secret_missing' as const)
        : succeed({ value: new Redacted(value), versionId: version ?? 'current' }),
    )
  }
  const openRender = () =>
    createOpenRender({ http, readSecret, clock, baseUrl: new URL('/v1', server.url).href })
  const targetOf: RenderStage['targetOf'] = (settings = settingsOf(), ports = {}) =>
    createRenderTarget(
      {
        open: openRender(),
        readSecret,
        listPlatforms: () => Promise.resolve([]),
        clock,
        ...ports,
      },
      settings,
    )
  return {
    server,
    target: targetOf(),
    targetOf,
    view: (settings) => createRenderView({ open: openRender(), readSecret }, settings),
    secrets,
    pass: (seconds) => void (at += seconds * 1000),
    now: () => toInstant(clock()),
    orderOf: (release, more = {}) => {
      fence += 1
      const settings = release?.settings ?? shopOf()
      return {
        purpose: 'deploy',
        app: settings.name,
        kind: 'deploy',
        generation: release?.generation ?? Generation.parse(1),
        fence: Fence.parse(fence),
        openedAt: toInstant(clock()),
        numberedAt: null,
        since: toInstant(clock()),
        release,
        settings,
        target: settings.targets[0]?.key ?? settingsOf().key,
        instances: [serviceId],
        predeployOn: null,
        notAfter: new Date(at + 600_000).toISOString(),
        hostSeconds: 525,
        ...more,
      }
    },
    stop: () => server.stop(),
  }
}
