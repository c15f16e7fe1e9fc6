import type { ImageRefusal, PlatformImage } from '../deployment/revision.ts'
import type { Http } from '../kernel/http.ts'
import type { Commit, Digest } from '../kernel/id.ts'
import type { Origin } from '../kernel/origin.ts'
import { fail, succeed, type Result } from '../kernel/result.ts'
import { Retryable } from '../kernel/retryable.ts'
import { isPassing, type Hosted, type ReadLogin } from './login.ts'
import type { ImageSize } from './manifest.ts'
import { openImage } from './registry.ts'

/** For each of a few requests. */
const briefMilliseconds = 1000

interface HostedRelease {
  readonly settings: Hosted
  readonly digest: Digest
}

/** An app's image, with the app's login; where that cannot be had, the answer says why. */
const createOpen =
  (http: Http, readLogin: ReadLogin) =>
  async (app: Hosted, send = http): Promise<Result<ReturnType<typeof openImage>, ImageRefusal>> => {
    const login = await readLogin(app)
    return login.ok
      ? succeed(openImage(send, app.image, login.value, app.registryRealm))
      : fail({ ...login.error, retryAfterSeconds: null })
  }

const openPublic = (http: Http, { image, registryRealm }: Hosted) =>
  openImage(http, image, null, registryRealm)

/** What is asked for once, and never waited for. */
const createBriefImages = (http: Http, open: ReturnType<typeof createOpen>) => {
  const brief: Http = (request) => http({ ...request, timeoutMilliseconds: briefMilliseconds })
  return {
    /** Null also where the registry does not tell it at once. */
    findOrigin: async (app: Hosted, digest: Digest): Promise<Origin | null> => {
      const image = await open(app, brief)
      if (!image.ok) return null
      const found = await image.value.findOrigin(digest)
      return found.ok ? found.value : null
    },
    /** None also where the registry does not tell it at once: the host finds out then. */
    checkPlatforms: async (app: Hosted, digest: Digest): Promise<readonly PlatformImage[]> => {
      const image = await open(app, brief)
      return image.ok ? image.value.checkPlatforms(digest) : []
    },
  }
}

/** The registries of apps. */
export const createImages = (http: Http, readLogin: ReadLogin) => {
  const open = createOpen(http, readLogin)
  return {
    findDigest: async (app: Hosted, tag: string): Promise<Result<Digest, ImageRefusal>> => {
      const image = await open(app)
      return image.ok ? image.value.findDigest(tag) : image
    },
    findCommit: async (
      app: Hosted,
      digest: Digest,
    ): Promise<Result<Commit | null, ImageRefusal>> => {
      const image = await open(app)
      return image.ok ? image.value.findCommit(digest) : image
    },
    ...createBriefImages(http, open),
    /** For one kind of machine, or for any if it is null. Unknown if the credentials cannot be used. */
    findSize: async (app: Hosted, digest: Digest, machine: string | null): Promise<ImageSize> => {
      const image = await open(app)
      return image.ok ? image.value.findSize(digest, machine) : { kind: 'unknown' }
    },
    /** @throws Retryable if the credentials cannot be read now, or the registry does not answer */
    listPlatforms: async ({ settings, digest }: HostedRelease): Promise<readonly Digest[]> => {
      const opened = await open(settings)
      if (!opened.ok && isPassing(opened.error)) throw new Retryable(`${opened.error.message}`)
      const image = opened.ok ? opened.value : openPublic(http, settings)
      const listed = await image.listPlatforms(digest)
      if (listed.ok) return listed.value
      throw new Retryable(`the registry did not tell the platforms of ${digest}`)
    },
  }
}
