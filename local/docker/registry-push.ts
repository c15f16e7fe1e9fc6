import { createHash } from 'node:crypto'

/** A layer as a registry keeps it, and the digest of what it unpacks to. */
export interface Layer {
  readonly bytes: Uint8Array<ArrayBuffer>
  readonly digest: string
  readonly diffId: string
}

export interface Credentials {
  readonly username: string
  readonly password: string
}

export interface PushedImage {
  /** With its registry: `localhost:5000/acme/shop`. */
  readonly name: string
  readonly tag: string
  readonly layers: readonly Layer[]
  /** `Env`, `Cmd`, `Labels` … as in an image's configuration. */
  readonly config: Readonly<Record<string, unknown>>
}

export const toDigest = (bytes: Uint8Array): string =>
  `sha256:${createHash('sha256').update(bytes).digest('hex')}`

const mediaTypes = {
  layer: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
  config: 'application/vnd.docker.container.image.v1+json',
  manifest: 'application/vnd.docker.distribution.manifest.v2+json',
} as const

export interface Repository {
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
}

export const toRepository = (name: string, credentials: Credentials | null): Repository => {
  const [host = '', ...path] = name.split('/')
  const url = new URL(`http://${host}/v2/${path.join('/')}/`)
  if (credentials === null) return { url, headers: {} }
  const { username, password } = credentials
  const basic = Buffer.from(`${username}:${password}`).toString('base64')
  return { url, headers: { authorization: `Basic ${basic}` } }
}

const send = async (
  { headers }: Repository,
  url: URL,
  method: string,
  body?: Uint8Array<ArrayBuffer>,
  type = 'application/octet-stream',
): Promise<Response> => {
  const response = await fetch(url, {
    method,
    headers: { ...headers, 'content-type': type },
    ...(body !== undefined && { body }),
  })
  if (!response.ok) throw new Error(`${method} ${url.pathname}: ${response.status}`)
  return response
}

const hasBlob = async ({ url, headers }: Repository, digest: string): Promise<boolean> =>
  (await fetch(new URL(`blobs/${digest}`, url), { method: 'HEAD', headers })).ok

export const pushBlob = async (
  repository: Repository,
  digest: string,
  bytes: Uint8Array<ArrayBuffer>,
): Promise<void> => {
  if (await hasBlob(repository, digest)) return
  const begun = await send(repository, new URL('blobs/uploads/', repository.url), 'POST')
  const upload = new URL(begun.headers.get('location') ?? '', repository.url)
  upload.searchParams.set('digest', digest)
  await send(repository, upload, 'PUT', bytes)
}

export const encode = (value: unknown): Uint8Array<ArrayBuffer> =>
  new TextEncoder().encode(JSON.stringify(value))

/** Answers the manifest's digest. */
export const pushManifest = async (
  repository: Repository,
  reference: string,
  manifest: Uint8Array<ArrayBuffer>,
  type: string,
): Promise<string> => {
  await send(repository, new URL(`manifests/${reference}`, repository.url), 'PUT', manifest, type)
  return toDigest(manifest)
}

/** What an image's configuration says (`application/vnd.docker.container.image.v1+json`). */
export const toConfiguration = (
  layers: readonly Layer[],
  config: Readonly<Record<string, unknown>>,
) => ({
  architecture: process.arch === 'x64' ? 'amd64' : process.arch,
  os: 'linux',
  config,
  rootfs: { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) },
})

/**
 * Pushes an image as `docker push` does, without an engine: one that has a layer packs it again for each
 * registry that does not know it, which takes seconds of processor. Answers the image's digest.
 */
export const pushImage = async (
  { name, tag, layers, config }: PushedImage,
  credentials: Credentials | null = null,
): Promise<string> => {
  const repository = toRepository(name, credentials)
  const configuration = encode(toConfiguration(layers, config))
  const configurationDigest = toDigest(configuration)
  for (const { digest, bytes } of layers) await pushBlob(repository, digest, bytes)
  await pushBlob(repository, configurationDigest, configuration)
  const manifest = encode({
    schemaVersion: 2,
    mediaType: mediaTypes.manifest,
    config: {
      mediaType: mediaTypes.config,
      digest: configurationDigest,
      size: configuration.length,
    },
    layers: layers.map(({ digest, bytes }) => ({
      mediaType: mediaTypes.layer,
      digest,
      size: bytes.length,
    })),
  })
  return pushManifest(repository, tag, manifest, mediaTypes.manifest)
}
