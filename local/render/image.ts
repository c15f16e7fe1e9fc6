import { parseImage } from '../../src/registry/image.ts'

export interface ImageReference {
  /** `docker.io/acme/shop`: host, repository and name, all three written out. */
  readonly name: string
  /** `@sha256:…` or `:latest`. */
  readonly version: string
  /** `sha256:…` where the reference names one. */
  readonly digest: string | null
}

/** Reads an image's reference as Render does: what is left out is `docker.io`, `library` and `latest`. */
export const parseReference = (text: string): ImageReference => {
  const [path = '', digest] = text.split('@')
  const colon = path.lastIndexOf(':')
  const hasTag = colon > path.lastIndexOf('/')
  const { host, repository } = parseImage(hasTag ? path.slice(0, colon) : path)
  const tag = hasTag ? path.slice(colon) : ':latest'
  return {
    name: `${host}/${repository}`,
    version: digest === undefined ? tag : `@${digest}`,
    digest: digest ?? null,
  }
}

export const renderReference = ({ name, version }: ImageReference): string => `${name}${version}`
