import { join } from 'node:path'
import type { Configuration } from '../../src/deployment/app.ts'
import type { ClientSettings } from '../aws/index.ts'
import { RenderState, startRender, type RenderServer } from '../render/render.ts'
import { openJsonFile } from '../base/json-file.ts'
import { sealWith } from '../base/sealed.ts'
import { createTokens } from './tokens.ts'

const listTargets = ({ apps }: Configuration) =>
  apps.flatMap(({ name, image, targets }) =>
    targets.flatMap((target) =>
      target.kind === 'render'
        ? [{ service: { id: target.service, name, imagePath: image }, token: target.token }]
        : [],
    ),
  )

export interface LocalRender {
  readonly server: RenderServer
  stop(): Promise<void>
}

/**
 * A Render with the services that the configuration names, each running its app's image, where it
 * names any. Its API keys are what the apps' secrets hold at the moment; a secret that is not there is
 * created.
 */
export const startRenderFor = async (
  settings: ClientSettings,
  configuration: Configuration,
  state: string,
): Promise<LocalRender | null> => {
  const targets = listTargets(configuration)
  if (targets.length === 0) return null
  const tokens = await createTokens(
    settings,
    targets.map(({ token }) => token),
    'rnd_',
  )
  const server = await startRender({
    isToken: tokens.isToken,
    services: targets.map(({ service }) => service),
    kept: openJsonFile(
      join(state, 'render.sealed'),
      RenderState,
      sealWith(join(state, 'render.key')),
    ),
  })
  const stop = async (): Promise<void> => {
    await server.stop()
    tokens.stop()
  }
  return { server, stop }
}
