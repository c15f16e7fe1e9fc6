import type { App } from '../deployment/app.ts'
import type { Release } from '../deployment/deployment.ts'
import type { Http } from '../kernel/http.ts'
import type { Digest } from '../kernel/id.ts'
import { fail, succeed } from '../kernel/result.ts'
import { Retryable } from '../kernel/retryable.ts'
import type { ReadSecret } from '../secrets/app-secret.ts'
import { parseRegistrySecret } from '../secrets/registry-secret.ts'
import { listPlatforms } from './platforms.ts'
import { createRegistry } from './registry.ts'
import type { RegistryAnswer, RegistryLogin } from './session.ts'
import { findImageSize, type ImageSize } from './size.ts'

/** The login that `registry` of landfall.yml names; null where it names none. */
const readLogin = async (
  readSecret: ReadSecret,
  { registry }: App,
): Promise<RegistryAnswer<RegistryLogin | null>> => {
  if (registry === null) return succeed(null)
  const secret = await readSecret(registry, null)
  if (!secret.ok && secret.error === 'secret_unavailable')
    throw new Retryable(`the secret ${registry} could not be read now`)
  const login = secret.ok ? parseRegistrySecret(secret.value.value) : secret
  return login.ok ? login : fail({ reason: 'registry_unauthorized', retryAfterSeconds: null })
}

/**
 * The registries of apps, asked with the apps' credentials.
 *
 * @throws Retryable where the credentials cannot be read now
 */
export const createImages = (http: Http, readSecret: ReadSecret) => {
  const registry = createRegistry(http)
  return {
    findDigest: async (app: App, tag: string) => {
      const login = await readLogin(readSecret, app)
      return login.ok ? registry.findDigest(app.image, tag, login.value) : login
    },
    findCommit: async (app: App, digest: Digest) => {
      const login = await readLogin(readSecret, app)
      return login.ok ? registry.findCommit(app.image, digest, login.value) : login
    },
    /** For one kind of machine; for whichever, where it is null. Unusable credentials are left out. */
    findSize: async (app: App, digest: Digest, machine: string | null): Promise<ImageSize> => {
      const login = await readLogin(readSecret, app).catch(() => null)
      return findImageSize(registry, app.image, digest, machine, login?.ok ? login.value : null)
    },
    /** @throws Retryable also where the registry does not answer */
    listPlatforms: async ({ settings, digest }: Release): Promise<readonly Digest[]> => {
      const login = await readLogin(readSecret, settings)
      const known = login.ok ? login.value : null
      const listed = await listPlatforms(registry, settings.image, digest, known)
      if (listed.ok) return listed.value
      throw new Retryable(`the registry did not tell what ${digest} consists of`)
    },
  }
}
