import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ensureEngine } from '../../local/docker/engine.ts'
import { freePort } from '../../local/docker/free-port.ts'
import { ensureBaseImage, publishAppImage, type Behaviour } from '../../local/docker/images.ts'
import { pinProxyImage } from '../../local/docker/pin-proxy.ts'
import { startRegistry, type RegistryOptions } from '../../local/docker/registry.ts'
import { cleanUp } from '../../local/team/clean-up.ts'
import { Instance } from './instance.ts'

export interface Image {
  readonly image: string
  readonly digest: string
}

/** Pushes an image under this name and tag; its digest. */
type Push = (name: string, tag: string) => Promise<string>

/** A registry with images of the demo app, and instances that are taken down at the end. */
export interface Stage {
  /** Brings the demo app into the registry: the instance has to pull it. */
  publish(tag: string, behaviour?: Partial<Behaviour>): Promise<Image>
  /** The same with another image. */
  publishBy(push: Push, tag: string): Promise<Image>
  /** A name no other test uses. */
  app(name: string): string
  instance(): Promise<Instance>
  readonly address: string
  /** By its digest. */
  readonly proxyImage: string
  close(): Promise<void>
}

export const openStage = async (options: Partial<RegistryOptions> = {}): Promise<Stage> => {
  await ensureEngine()
  await ensureBaseImage()
  const directory = mkdtempSync(join(tmpdir(), 'landfall-registry-test-'))
  const registry = await startRegistry({ port: 0, directory, ...options })
  const proxyImage = await pinProxyImage()
  const name = `${registry.address}/tests/app`
  const mark = `t${process.pid.toString(36)}`
  const apps: string[] = []
  const instances: Instance[] = []
  return {
    address: registry.address,
    proxyImage,
    publishBy: async (push, tag) => ({ image: name, digest: await push(name, tag) }),
    publish: async (tag, behaviour = {}) => {
      const wanted = { name, tag, behaviour: { VERSION: tag, ...behaviour } }
      return { image: name, digest: await publishAppImage(wanted, options.credentials) }
    },
    app: (title) => {
      apps.push(`${mark}-${title}`)
      return `${mark}-${title}`
    },
    instance: async () => {
      const number = (instances.length + 1).toString(16).padStart(8, '0')
      const instance = new Instance(`i-${number}`, await freePort())
      instance.proxyImage = proxyImage
      instances.push(instance)
      await instance.prepare()
      return instance
    },
    close: async () => {
      const ports = instances.map(({ port }) => port)
      await cleanUp(apps, ports, registry.address)
      for (const { root } of instances) rmSync(root, { recursive: true, force: true })
      await registry.stop()
      rmSync(directory, { recursive: true, force: true })
    },
  }
}
