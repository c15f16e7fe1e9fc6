import type { App } from '../deployment/app.ts'
import type { Release } from '../deployment/deployment.ts'
import type { Http } from '../kernel/http.ts'
import type { Commit, Digest } from '../kernel/id.ts'
import type { Origin } from '../kernel/origin.ts'
import { fail } from '../kernel/result.ts'
import { Retryable, unlessRetryable } from '../kernel/retryable.ts'
import { readRegistryLogin, type ReadSecret } from '../secrets/app-secret.ts'
import type { ImageSize } from './manifest.ts'
import { openImage } from './registry.ts'
import type { RegistryAnswer } from './session.ts'

/** For what nothing depends on: five requests at most. */
const briefMilliseconds = 1000

type Hosted = Pick<App, 'image' | 'registry'>

/**
 * The registries of apps, asked with the apps' credentials.
 *
 * @throws Retryable if the credentials cannot be read now
 */
export const createImages = (http: Http, readSecret: ReadSecret) => {
  const open = async ({ image, registry }: Hosted, send = http) => {
    const login = await readRegistryLogin(readSecret, registry)
    return login.ok ? openImage(send, image, login.value) : null
  }
  const unauthorized = fail({ reason: 'registry_unauthorized', retryAfterSeconds: null } as const)
  return {
    findDigest: async (app: Hosted, tag: string): Promise<RegistryAnswer<Digest>> =>
      (await open(app))?.findDigest(tag) ?? unauthorized,
    findCommit: async (app: Hosted, digest: Digest): Promise<RegistryAnswer<Commit | null>> =>
      (await open(app))?.findCommit(digest) ?? unauthorized,
    /** Null also where the registry does not tell it at once. */
    findOrigin: async (app: Hosted, digest: Digest): Promise<Origin | null> => {
      const brief: Http = (request) => http({ ...request, timeoutMilliseconds: briefMilliseconds })
      const image = await open(app, brief).catch(unlessRetryable)
      if (image === null || image instanceof Retryable) return null
      const found = await image.findOrigin(digest)
      return found.ok ? found.value : null
    },
    /** For one kind of machine, or for any if it is null. Unknown if the credentials cannot be used. */
    findSize: async (app: Hosted, digest: Digest, machine: string | null): Promise<ImageSize> => {
      const image = await open(app).catch(unlessRetryable)
      return image === null || image instanceof Retryable
        ? { kind: 'unknown' }
        : image.findSize(digest, machine)
    },
    /** @throws Retryable also if the registry does not answer */
    listPlatforms: async ({ settings, digest }: Release): Promise<readonly Digest[]> => {
      const image = (await open(settings)) ?? openImage(http, settings.image, null)
      const listed = await image.listPlatforms(digest)
      if (listed.ok) return listed.value
      throw new Retryable(`the registry did not tell the platforms of ${digest}`)
    },
  }
}
