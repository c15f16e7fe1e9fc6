import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { docker } from '../../local/docker/docker.ts'
import { ensureEngine } from '../../local/docker/engine.ts'
import { freePort } from '../../local/docker/free-port.ts'
import { buildAppImage, ensureProxyImage, push, type Behaviour } from '../../local/docker/images.ts'
import { startRegistry, type Registry, type RegistryOptions } from '../../local/docker/registry.ts'
import { cleanUp } from '../../local/team/clean-up.ts'
import { Instance } from './instance.ts'

export interface Image {
  readonly image: string
  readonly digest: string
}

/** A registry with images of the demo app, and instances that are taken down at the end. */
export interface Stage {
  /** Builds, pushes and forgets here: the instance has to pull it. */
  publish(tag: string, behaviour?: Partial<Behaviour>): Promise<Image>
  /** A name no other test uses. */
  app(name: string): string
  instance(): Promise<Instance>
  readonly address: string
  close(): Promise<void>
}

/**
 * What a registry keeps on disk, one for each engine and never used by two files at a time. All images have
 * one repository, so that the engine finds its base layer there and does not pack it anew for each file.
 */
const storage = join(
  import.meta.dirname,
  '../../.landfall/test-registry',
  createHash('sha256')
    .update(process.env['DOCKER_HOST'] ?? '')
    .digest('hex')
    .slice(0, 8),
)

/** Signs this process in, and no other that runs beside it; the host scripts know nothing of it. */
const signIn = async ({ address }: Registry, { credentials }: Partial<RegistryOptions>) => {
  if (credentials === undefined) return () => undefined
  const { DOCKER_CONFIG: before } = process.env
  const directory = mkdtempSync(join(tmpdir(), 'landfall-docker-config-'))
  process.env['DOCKER_CONFIG'] = directory
  const { username, password } = credentials
  await docker(['login', '--username', username, '--password-stdin', address], { input: password })
  return () => {
    if (before === undefined) delete process.env['DOCKER_CONFIG']
    else process.env['DOCKER_CONFIG'] = before
    rmSync(directory, { recursive: true })
  }
}

export const openStage = async (options: Partial<RegistryOptions> = {}): Promise<Stage> => {
  await ensureEngine()
  await ensureProxyImage()
  const registry = await startRegistry({ port: 0, directory: storage, ...options })
  const signOut = await signIn(registry, options)
  const name = `${registry.address}/tests/app`
  const mark = `t${process.pid.toString(36)}`
  const apps: string[] = []
  const instances: Instance[] = []
  return {
    address: registry.address,
    publish: async (tag, behaviour = {}) => {
      const wanted = { name, tag: `${mark}-${tag}`, behaviour: { VERSION: tag, ...behaviour } }
      const built = await buildAppImage(wanted)
      const digest = await push(built)
      await docker(['rmi', built])
      return { image: name, digest }
    },
    app: (title) => {
      apps.push(`${mark}-${title}`)
      return `${mark}-${title}`
    },
    instance: async () => {
      const number = (instances.length + 1).toString(16).padStart(8, '0')
      const instance = new Instance(`i-${number}`, await freePort())
      instances.push(instance)
      await instance.prepare()
      return instance
    },
    close: async () => {
      const ports = instances.map(({ port }) => port)
      await cleanUp(apps, ports, registry.address)
      for (const { root } of instances) rmSync(root, { recursive: true, force: true })
      signOut()
      await registry.stop()
    },
  }
}
