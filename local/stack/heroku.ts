import { join } from 'node:path'
import type { Configuration } from '../../src/deployment/app.ts'
import type { ClientSettings } from '../aws/index.ts'
import { openJsonFile } from '../base/json-file.ts'
import { forPerson } from '../base/listen.ts'
import { sealWith } from '../base/sealed.ts'
import { docker } from '../docker/docker.ts'
import { refuseRemoteEngine } from '../docker/engine.ts'
import { startRegistry, type Registry } from '../docker/registry.ts'
import { startDockerDynos, type DockerDynos } from '../heroku/docker-dynos.ts'
import { HerokuState, startHeroku, type HerokuServer } from '../heroku/heroku.ts'
import { createRegistryImages, type RegistryImages } from '../heroku/registry-images.ts'
import { startRegistryFront, type RegistryFront } from '../heroku/registry-front.ts'
import { createStops } from './stops.ts'
import { createTokens } from './tokens.ts'

const listTargets = ({ apps }: Configuration) =>
  apps.flatMap(({ targets }) => targets.flatMap((one) => (one.kind === 'heroku' ? [one] : [])))

export interface HerokuParts {
  /** The stack's, below which all is kept. */
  readonly stateDirectory: string
  readonly say: (line: string) => void
  /** Heroku's own registry, which is none of the team's. */
  readonly startRegistry: (directory: string) => Promise<Registry>
  /** Null: releases take their course by the clock, and nothing runs. */
  readonly startDynos: (
    images: RegistryImages,
    parts: Pick<HerokuParts, 'stateDirectory' | 'say'>,
  ) => Promise<DockerDynos | null>
}

export interface LocalHeroku {
  readonly server: HerokuServer
  readonly front: RegistryFront
  stop(): Promise<void>
}

/** Containers, where an engine answers. */
const startDynos: HerokuParts['startDynos'] = async (images, { stateDirectory, say }) => {
  await forPerson(refuseRemoteEngine())
  const hasEngine = await docker(['version']).then(
    () => true,
    () => false,
  )
  if (hasEngine) return startDockerDynos({ images, stateDirectory, say })
  say('no Docker Engine answers: the dynos of the local Heroku are simulated')
  return null
}

const defaultParts: Pick<HerokuParts, 'startRegistry' | 'startDynos'> = {
  startRegistry: (directory) => forPerson(startRegistry({ port: 0, directory })),
  startDynos,
}

/**
 * A Heroku with the apps that the configuration names, and its registry, where it names any. Its tokens
 * are what the apps' secrets hold at the moment; a secret that is not there is created.
 */
export const startHerokuFor = async (
  settings: ClientSettings,
  configuration: Configuration,
  given: Pick<HerokuParts, 'stateDirectory' | 'say'> & Partial<HerokuParts>,
): Promise<LocalHeroku | null> => {
  const targets = listTargets(configuration)
  if (targets.length === 0) return null
  const parts: HerokuParts = { ...defaultParts, ...given }
  const at = (name: string): string => join(parts.stateDirectory, name)
  const stops = createStops(undefined)
  try {
    const secrets = targets.map(({ token }) => token)
    const { isToken } = stops.keep(await createTokens(settings, secrets, 'HRKU-'))
    const registry = stops.keep(await parts.startRegistry(at('heroku-registry')))
    const front = stops.keep(await startRegistryFront({ registry: registry.address, isToken }))
    const images = createRegistryImages(registry.address)
    const dynos = await parts.startDynos(images, parts)
    if (dynos !== null) stops.keep(dynos)
    const server = await startHeroku({
      isToken,
      apps: targets.map(({ app, process }) => ({
        name: app,
        quantities: { web: 1, [process]: 1 },
      })),
      hasImage: (app, process, image) => images.has(app, process, image),
      ...(dynos !== null && { dynos }),
      kept: openJsonFile(at('heroku.sealed'), HerokuState, sealWith(at('heroku.key'))),
    })
    stops.keep(server)
    return { server, front, stop: () => stops.run() }
  } catch (error) {
    await stops.run()
    throw error
  }
}
