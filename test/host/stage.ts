import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { docker } from '../../local/docker/docker.ts'
import { ensureEngine } from '../../local/docker/engine.ts'
import { freePort } from '../../local/docker/free-port.ts'
import { buildAppImage, ensureProxyImage, push, type Behaviour } from '../../local/docker/images.ts'
import { startRegistry, type RegistryOptions } from '../../local/docker/registry.ts'
import { Instance } from './instance.ts'

export interface Image {
  readonly image: string
  readonly digest: string
}

/** Builds an image; answers `<name>:<tag>`. */
type BuildImage = (name: string, tag: string) => Promise<string>

/** A registry with images of the demo app, and instances that are taken down at the end. */
export interface Stage {
  /** Builds, pushes and forgets here: the instance has to pull it. */
  publish(tag: string, behaviour?: Partial<Behaviour>): Promise<Image>
  /** The same with an image that `build` makes under this name and tag. */
  publishBuilt(tag: string, build: BuildImage): Promise<Image>
  /** A name no other test uses. */
  app(name: string): string
  instance(): Promise<Instance>
  readonly address: string
  close(): Promise<void>
}

export const openStage = async (options: Partial<RegistryOptions> = {}): Promise<Stage> => {
  await ensureEngine()
  await ensureProxyImage()
  const directory = mkdtempSync(join(tmpdir(), 'landfall-registry-test-'))
  const registry = await startRegistry({ port: 0, directory, ...options })
  const mark = `t${process.pid.toString(36)}`
  const apps: string[] = []
  const instances: Instance[] = []
  const images: string[] = []
  const publishBuilt: Stage['publishBuilt'] = async (tag, build) => {
    const name = `${registry.address}/${mark}/app`
    const built = await build(name, tag)
    const digest = await push(built)
    await docker(['rmi', built])
    images.push(`${name}@${digest}`)
    return { image: name, digest }
  }
  return {
    address: registry.address,
    publishBuilt,
    publish: (tag, behaviour = {}) =>
      publishBuilt(tag, (name) =>
        buildAppImage({ name, tag, behaviour: { VERSION: tag, ...behaviour } }),
      ),
    app: (name) => {
      apps.push(`${mark}-${name}`)
      return `${mark}-${name}`
    },
    instance: async () => {
      const number = (instances.length + 1).toString(16).padStart(8, '0')
      const instance = new Instance(`i-${number}`, await freePort())
      instances.push(instance)
      await instance.prepare()
      return instance
    },
    close: async () => {
      for (const instance of instances) await instance.clean(apps)
      for (const image of images) await docker(['rmi', '--force', image]).catch(() => undefined)
      await registry.stop()
      rmSync(directory, { recursive: true, force: true })
    },
  }
}
