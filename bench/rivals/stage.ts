import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { docker } from '../../local/docker/docker.ts'
import { publishAppImage, type Behaviour } from '../../local/docker/images.ts'
import { startRegistry } from '../../local/docker/registry.ts'
import { print } from '../report.ts'
import { createBare, createRival, kinds, network } from './containers.ts'
import { createLandfall } from './landfall.ts'
import type { Server } from './server.ts'
import { waitFor } from './wait.ts'

interface ReleaseHooks {
  /** Once the image is in the registry. */
  readonly before: (version: string) => Promise<void>
  readonly onOrder: () => void
}

/** All servers, each with a release, and where their clients are. */
export interface Stage {
  readonly servers: readonly Server[]
  readonly clients: string
  /** Brings the demo app to a server as a release that it has not seen. */
  release(server: Server, behaviour?: Partial<Behaviour>, hooks?: ReleaseHooks): Promise<void>
  /** The same for each of them, if they do not run what behaves so already. */
  releaseAll(behaviour?: Partial<Behaviour>): Promise<void>
  stop(): Promise<void>
}

const firstPort = 8101

const answersWith = async (url: string, version: string): Promise<void> => {
  const text = (await (await fetch(url)).text()).trim()
  if (text !== version) throw new Error(`${url} answers ${text.slice(0, 100)}`)
}

const openServers = async (registry: string, directory: string): Promise<readonly Server[]> => {
  const servers = [createBare(firstPort), await createLandfall(registry, firstPort + 1)]
  for (const kind of kinds) {
    const port = firstPort + servers.length
    const rival = await createRival(kind, { registry, directory, port })
    if (rival === null) print(`${kind.name}: not found, skipped`)
    else servers.push(rival)
  }
  return servers
}

/** Runs in the network of the servers, whose engine it uses. */
export const openStage = async (clients: string): Promise<Stage> => {
  const directory = mkdtempSync(join(tmpdir(), 'landfall-rivals-'))
  const registry = await startRegistry({ port: 0, directory: join(directory, 'registry') })
  await docker(['network', 'create', network])
  const servers = await openServers(registry.address, directory)
  let releases = 0
  let running = ''
  const release: Stage['release'] = async (server, behaviour = {}, hooks) => {
    running = ''
    const version = `${(releases += 1)}-${server.name}`
    const image = `${registry.address}/rivals/app`
    const wanted = { name: image, tag: version, behaviour: { VERSION: version, ...behaviour } }
    const digest = await publishAppImage(wanted)
    await hooks?.before(version)
    await server.deploy({ image, digest }, hooks?.onOrder)
    await waitFor(`${version} at ${server.url}`, () => answersWith(server.url, version))
  }
  return {
    servers,
    clients,
    release,
    releaseAll: async (behaviour = {}) => {
      const wanted = JSON.stringify(behaviour)
      if (wanted === running) return
      for (const server of servers) await release(server, behaviour)
      running = wanted
    },
    stop: registry.stop,
  }
}
