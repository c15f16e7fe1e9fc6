import {
  encode,
  pushBlob,
  pushManifest,
  toDigest,
  toRepository,
  type Credentials,
  type Layer,
} from './registry-push.ts'

const types = {
  index: 'application/vnd.oci.image.index.v1+json',
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  config: 'application/vnd.oci.image.config.v1+json',
  layer: 'application/vnd.oci.image.layer.v1.tar+gzip',
  statement: 'application/vnd.in-toto+json',
} as const

export interface OciImage {
  /** With its registry: `localhost:5000/acme/shop`. */
  readonly name: string
  readonly tag: string
  readonly layers: readonly Layer[]
  /** `Env`, `Cmd`, `Labels` … as in an image's configuration. */
  readonly config: Readonly<Record<string, unknown>>
  readonly architecture?: string
  /** Another type for the layers, such as `…tar+zstd`. */
  readonly layerType?: string
}

const toDescriptor = (mediaType: string, bytes: Uint8Array) => ({
  mediaType,
  digest: toDigest(bytes),
  size: bytes.length,
})

/**
 * Pushes an image as BuildKit does by default: an OCI index of the image and of an attestation. Answers
 * the digest of the index.
 */
export const pushOciImage = async (
  { name, tag, layers, config, architecture = 'amd64', layerType = types.layer }: OciImage,
  credentials: Credentials | null = null,
): Promise<string> => {
  const repository = toRepository(name, credentials)
  const pushOne = async (configuration: object, own: readonly Layer[], layerMediaType: string) => {
    const encoded = encode(configuration)
    for (const { digest, bytes } of own) await pushBlob(repository, digest, bytes)
    await pushBlob(repository, toDigest(encoded), encoded)
    const manifest = encode({
      schemaVersion: 2,
      mediaType: types.manifest,
      config: toDescriptor(types.config, encoded),
      layers: own.map(({ bytes }) => toDescriptor(layerMediaType, bytes)),
    })
    await pushManifest(repository, toDigest(manifest), manifest, types.manifest)
    return toDescriptor(types.manifest, manifest)
  }
  const rootfs = (own: readonly Layer[]) => ({
    type: 'layers',
    diff_ids: own.map(({ diffId }) => diffId),
  })
  const image = await pushOne(
    { architecture, os: 'linux', config, rootfs: rootfs(layers) },
    layers,
    layerType,
  )
  const bytes = encode({ _type: 'https://in-toto.io/Statement/v0.1', subject: [{ name }] })
  const statement: Layer = { bytes, digest: toDigest(bytes), diffId: toDigest(bytes) }
  const unknown = { architecture: 'unknown', os: 'unknown' }
  const attestation = await pushOne(
    { ...unknown, config: {}, rootfs: rootfs([statement]) },
    [statement],
    types.statement,
  )
  const index = encode({
    schemaVersion: 2,
    mediaType: types.index,
    manifests: [
      { ...image, platform: { architecture, os: 'linux' } },
      {
        ...attestation,
        platform: unknown,
        annotations: {
          'vnd.docker.reference.digest': image.digest,
          'vnd.docker.reference.type': 'attestation-manifest',
        },
      },
    ],
  })
  return pushManifest(repository, tag, index, types.index)
}
