import { isLoopback } from '../kernel/http.ts'

/** The registry and the repository of an image. */
export interface ImageAddress {
  /** As `docker login` takes it: `docker.io`, `registry.example:5000`. */
  readonly host: string
  /** The registry's own address: `https://registry-1.docker.io`. */
  readonly origin: URL
  /** `acme/shop`, `library/nginx`. */
  readonly repository: string
  /** The registry's token service, where landfall.yml names it. */
  readonly realm: URL | null
}

/** Whether two names are of one repository, so that a digest of one is the same image under the other. */
export const isSameRepository = (one: string, other: string): boolean => {
  const [left, right] = [parseImage(one), parseImage(other)]
  return left.host === right.host && left.repository === right.repository
}

/**
 * Reads an image's name as Docker does: `nginx`, `acme/shop`, `registry.example:5000/shop`. The first
 * part is a host if it has a dot or a port, or is `localhost`.
 */
export const parseImage = (image: string, registryRealm: string | null = null): ImageAddress => {
  const [first = '', ...rest] = image.split('/')
  const hasHost = rest.length > 0 && (/[.:]/.test(first) || first === 'localhost')
  const host = hasHost ? first : 'docker.io'
  const repository = hasHost ? rest.join('/') : image
  const realm = registryRealm === null ? null : new URL(registryRealm)
  if (['docker.io', 'index.docker.io', 'registry-1.docker.io'].includes(host))
    return {
      host: 'docker.io',
      origin: new URL('https://registry-1.docker.io'),
      repository: repository.includes('/') ? repository : `library/${repository}`,
      realm,
    }
  const secure = new URL(`https://${host}`)
  const origin = isLoopback(secure.hostname) ? new URL(`http://${host}`) : secure
  return { host, origin, repository, realm }
}

/** What an image's full name says: the repository, and its digest, or else its tag (`latest` if none). */
export const parseReference = (
  reference: string,
): { readonly image: string; readonly tag: string } => {
  const [, image = reference, tag = 'latest'] =
    /^(.+?)(?::[^:/]+)?@(sha256:[0-9a-f]{64})$/.exec(reference) ??
    /^(.+):([^:/]+)$/.exec(reference) ??
    []
  return { image, tag }
}
