import { isLoopback } from '../kernel/http.ts'

/** Where an image lies. */
export interface ImageAddress {
  /** As `docker login` takes it: `docker.io`, `registry.example:5000`. */
  readonly host: string
  /** The registry's own address: `https://registry-1.docker.io`. */
  readonly origin: URL
  /** `acme/shop`, `library/nginx`. */
  readonly repository: string
}

const dockerHub = ['docker.io', 'index.docker.io', 'registry-1.docker.io']

/** Docker's rule: the first part is a host if it has a dot or a port, or is `localhost`. */
const isHost = (part: string): boolean => /[.:]/.test(part) || part === 'localhost'

/** Reads an image's name as Docker does: `nginx`, `acme/shop`, `registry.example:5000/shop`. */
export const parseImage = (image: string): ImageAddress => {
  const [first = '', ...rest] = image.split('/')
  const hasHost = rest.length > 0 && isHost(first)
  const host = hasHost ? first : 'docker.io'
  const repository = hasHost ? rest.join('/') : image
  if (dockerHub.includes(host))
    return {
      host: 'docker.io',
      origin: new URL('https://registry-1.docker.io'),
      repository: repository.includes('/') ? repository : `library/${repository}`,
    }
  const secure = new URL(`https://${host}`)
  const origin = isLoopback(secure.hostname) ? new URL(`http://${host}`) : secure
  return { host, origin, repository }
}
