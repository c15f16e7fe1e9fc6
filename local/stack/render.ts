import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import {
  GetSecretValueCommand,
  ResourceNotFoundException,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager'
import type { Configuration } from '../../src/deployment/app.ts'
import { RenderState, startRender, type RenderServer } from '../render/render.ts'
import { openJsonFile } from '../base/json-file.ts'
import { sealWith } from '../base/sealed.ts'
import { createSecret, type ClientSettings } from './seed.ts'

const listTargets = ({ apps }: Configuration) =>
  apps.flatMap(({ name, image, targets }) =>
    targets.flatMap((target) =>
      target.kind === 'render'
        ? [{ service: { id: target.service, name, imagePath: image }, token: target.token }]
        : [],
    ),
  )

const readSecret = async (
  client: SecretsManagerClient,
  SecretId: string,
): Promise<string | null> => {
  try {
    const { SecretString } = await client.send(new GetSecretValueCommand({ SecretId }))
    return SecretString?.trim() ?? null
  } catch (error) {
    if (error instanceof ResourceNotFoundException) return null
    throw error
  }
}

export interface LocalRender {
  readonly server: RenderServer
  stop(): Promise<void>
}

/**
 * A Render with the services that the configuration names, each running its app's image, where it
 * names any. It lets in who has what their secrets hold at the moment; one that nobody has set is made.
 */
export const startRenderFor = async (
  settings: ClientSettings,
  configuration: Configuration,
  state: string,
): Promise<LocalRender | null> => {
  const targets = listTargets(configuration)
  if (targets.length === 0) return null
  const client = new SecretsManagerClient(settings)
  const names = [...new Set(targets.map(({ token }) => token))]
  for (const name of names)
    await createSecret(client, name, `rnd_${randomBytes(16).toString('hex')}`)
  const isToken = async (token: string): Promise<boolean> => {
    const held = await Promise.all(names.map((name) => readSecret(client, name)))
    return held.includes(token)
  }
  const server = await startRender({
    isToken,
    services: targets.map(({ service }) => service),
    kept: openJsonFile(
      join(state, 'render.sealed'),
      RenderState,
      sealWith(join(state, 'render.key')),
    ),
  })
  const stop = async (): Promise<void> => {
    await server.stop()
    client.destroy()
  }
  return { server, stop }
}
