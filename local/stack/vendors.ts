import type { Configuration } from '../../src/deployment/app.ts'
import type { ClientSettings } from '../aws/index.ts'
import type { HerokuServer } from '../heroku/heroku.ts'
import type { RenderServer } from '../render/render.ts'
import { startHerokuFor, type HerokuParts } from './heroku.ts'
import { startRenderFor } from './render.ts'
import type { Stops } from './stops.ts'

export interface Vendors {
  readonly render: RenderServer | null
  readonly heroku: HerokuServer | null
  /** Where the functions find them. */
  readonly environment: Readonly<Record<string, string>>
}

/** A Render and a Heroku of the stack's own, each where an app runs there. */
export const startVendors = async (
  client: ClientSettings,
  configuration: Configuration,
  parts: Pick<HerokuParts, 'stateDirectory' | 'say'>,
  stops: Stops,
): Promise<Vendors> => {
  const environment: Record<string, string> = {}
  const render = await startRenderFor(client, configuration, parts.stateDirectory)
  if (render !== null) {
    stops.keep(render)
    const api = new URL('/v1', render.server.url).href
    environment['RENDER_API'] = api
    parts.say(`a local Render answers at ${api}`)
  }
  const heroku = await startHerokuFor(client, configuration, parts)
  if (heroku !== null) {
    stops.keep(heroku)
    const [api, registry] = [heroku.server.url.origin, heroku.front.url.origin]
    Object.assign(environment, { HEROKU_API: api, HEROKU_REGISTRY: registry })
    parts.say(`a local Heroku answers at ${api}, its registry at ${registry}`)
  }
  return { render: render?.server ?? null, heroku: heroku?.server ?? null, environment }
}
