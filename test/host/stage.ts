import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { docker } from '../../local/docker/docker.ts'
import { ensureEngine } from '../../local/docker/engine.ts'
import { freePort } from '../../local/docker/free-port.ts'
import {
  ensureBaseImage,
  ensureProxyImage,
  publishAppImage,
  type Behaviour,
} from '../../local/docker/images.ts'
import { startRegistry, type RegistryOptions } from '../../local/docker/registry.ts'
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

export const openStage = async (options: Partial<RegistryOptions> = {}): Promise<Stage> => {
  await ensureEngine()
  await Promise.all([ensureBaseImage(), ensureProxyImage()])
  const directory = mkdtempSync(join(tmpdir(), 'landfall-registry-test-'))
  const registry = await startRegistry({ port: 0, directory, ...options })
  const mark = `t${process.pid.toString(36)}`
  const apps: string[] = []
  const instances: Instance[] = []
  const images: string[] = []
  return {
    address: registry.address,
    publish: async (tag, behaviour = {}) => {
      const name = `${registry.address}/${mark}/app`
      const image = { name, tag, behaviour: { VERSION: tag, ...behaviour } }
      const digest = await publishAppImage(image, options.credentials)
      images.push(`${name}@${digest}`)
      return { image: name, digest }
    },
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
