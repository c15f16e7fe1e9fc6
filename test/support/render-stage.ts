import { startRender, type RenderOptions, type RenderServer } from '../../local/render/render.ts'
import type { App, RenderSettings } from '../../src/deployment/app.ts'
import type { Release } from '../../src/deployment/deployment.ts'
import { toInstant } from '../../src/kernel/clock.ts'
import { http } from '../../src/kernel/http.ts'
import { InstanceId } from '../../src/kernel/id.ts'
import { createOpenRender, type RenderPorts } from '../../src/targets/render/api.ts'
import { createRenderView } from '../../src/targets/render/plan.ts'
import { createRenderTarget } from '../../src/targets/render/render.ts'
import type { Target } from '../../src/targets/target.ts'
import { start } from './deployments.ts'
import {
  createOrders,
  createSecrets,
  digestOf,
  releaseAt,
  shopAt,
  type OrderOf,
} from './service-stage.ts'
import { renderTarget } from './targets.ts'

export const service = 'srv-000000000000000000g0'
export const serviceId = InstanceId.parse(service)
const token = 'landfall/test/render'

export const imageOf = (letter: string): string => `docker.io/acme/shop@${digestOf(letter)}`

export const settingsOf = (changes: Partial<RenderSettings> = {}): RenderSettings =>
  renderTarget({ service, token, ...changes })

/** An app at Render with a secret that has two versions. */
export const shopOf = (changes: Partial<App> = {}): App => shopAt(settingsOf(), changes)

export const releaseOf = (
  letter: string,
  generation: number,
  changes: Partial<Release> = {},
): Release => releaseAt(shopOf(), letter, generation, changes)

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
  readonly orderOf: OrderOf
  stop(): Promise<void>
}

export const startRenderStage = async (
  changes: Partial<RenderOptions['services'][number]> = {},
  more: Pick<RenderOptions, 'now'> = {},
): Promise<RenderStage> => {
  let at = Date.parse(start)
  const clock = more.now ?? (() => new Date(at))
  const server = await startRender({
    isToken: (key) => key === 'rnd_key_of_the_team',
    services: [{ id: service, ...changes }],
    ...more,
    now: clock,
  })
  const { secrets, readSecret } = createSecrets(token, 'rnd_key_of_the_team')
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
    orderOf: createOrders(clock, shopOf(), serviceId),
    stop: () => server.stop(),
  }
}
