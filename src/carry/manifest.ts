import * as z from 'zod'
import { Digest } from '../kernel/id.ts'
import { parseJson } from '../kernel/json.ts'
import { succeed, type Result } from '../kernel/result.ts'
import { refuseCarry, type CarryFailure } from './failure.ts'

const Descriptor = z.object({
  mediaType: z.string(),
  digest: Digest,
  size: z.int().nonnegative(),
  /** Of a layer that lies elsewhere. */
  urls: z.array(z.unknown()).nullish(),
})
type Descriptor = z.infer<typeof Descriptor>

const IndexEntry = z.object({
  digest: Digest,
  size: z.int().nonnegative(),
  platform: z
    .object({ os: z.string(), architecture: z.string(), variant: z.string().nullish() })
    .nullish(),
  annotations: z.record(z.string(), z.unknown()).nullish(),
})
type IndexEntry = z.infer<typeof IndexEntry>

/** One that could be read as an index and as an image is neither. */
const ImageIndex = z.object({
  manifests: z.array(IndexEntry),
  config: z.undefined().optional(),
  layers: z.undefined().optional(),
})

const imageTypes = [
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
]
const imageConfigurationTypes = [
  'application/vnd.oci.image.config.v1+json',
  'application/vnd.docker.container.image.v1+json',
]

const ImageManifest = z.object({
  schemaVersion: z.literal(2),
  // OCI leaves it out where it likes to.
  mediaType: z.enum(imageTypes).nullish(),
  config: Descriptor.extend({ mediaType: z.enum(imageConfigurationTypes) }),
  layers: z.array(Descriptor),
  manifests: z.undefined().optional(),
})

/** A blob of an image, by its digest and its size. */
export type Blob = Pick<Descriptor, 'digest' | 'size'>

/** Of Docker's schema 2: the type that a layer has there. */
export interface Layer extends Blob {
  readonly mediaType: string
}

export interface Image {
  readonly config: Blob
  /** From the base up; a layer may stand there twice. */
  readonly layers: readonly Layer[]
}

/** Docker runs no image with more. */
const mostLayers = 127

const packed = 'application/vnd.docker.image.rootfs.diff.tar.gzip'
const plain = 'application/vnd.docker.image.rootfs.diff.tar'

/** The conversion from OCI changes types and nothing else: the bytes are the same. */
const layerTypes: ReadonlyMap<string, string> = new Map([
  [packed, packed],
  [plain, plain],
  ['application/vnd.oci.image.layer.v1.tar+gzip', packed],
  ['application/vnd.oci.image.layer.v1.tar', plain],
])

/** Text of the image's builder, for a message. */
const quote = (text: string): string => text.replaceAll(/[^\w.+/-]/g, '?').slice(0, 80)

const toLayers = (layers: readonly Descriptor[]): Result<readonly Layer[], CarryFailure> => {
  const foreign = layers.find(
    ({ mediaType, urls }) => !layerTypes.has(mediaType) || (urls ?? []).length > 0,
  )
  if (foreign !== undefined)
    return refuseCarry(
      'layers_unsupported',
      /zstd/.test(foreign.mediaType)
        ? 'its layers are packed with zstd, and Heroku takes gzip: build it with compression=gzip'
        : `a layer of the type ${quote(foreign.mediaType)} cannot be brought to Heroku`,
    )
  return succeed(
    layers.map(({ mediaType, digest, size }) => ({
      mediaType: layerTypes.get(mediaType) ?? packed,
      digest,
      size,
    })),
  )
}

const listPlatformNames = (entries: readonly IndexEntry[]): string => {
  const names = entries.flatMap(({ platform }) =>
    platform ? [quote(`${platform.os}/${platform.architecture}`)] : [],
  )
  return [...new Set(names)].slice(0, 5).join(', ') || 'none that it names'
}

const isAmd64 = ({ platform, annotations }: IndexEntry): boolean =>
  platform?.os === 'linux' &&
  platform.architecture === 'amd64' &&
  annotations?.['vnd.docker.reference.type'] === undefined

/** Of several for amd64 the one for each machine, not for newer ones only (`v2`, `v3`). */
const isForEach = ({ platform }: IndexEntry): boolean => /^(v1)?$/.test(platform?.variant ?? '')

const chooseAmd64 = (entries: readonly IndexEntry[]): Result<Blob, CarryFailure> => {
  const usable = entries.filter(isAmd64)
  const chosen = usable.find(isForEach) ?? usable[0]
  return chosen === undefined
    ? refuseCarry(
        'platform_missing',
        `Heroku runs linux/amd64, and the image is for ${listPlatformNames(entries)}: build it for linux/amd64 too`,
      )
    : succeed({ digest: chosen.digest, size: chosen.size })
}

/** What lies under a digest: an image, or an index that leads to one. */
export type ImageOrIndex =
  | { readonly kind: 'image'; readonly image: Image }
  | { readonly kind: 'index'; readonly amd64: Blob }

/** Reads a manifest of OCI or Docker. Ignores attestations. */
export const parseImageOrIndex = (body: Uint8Array): Result<ImageOrIndex, CarryFailure> => {
  const index = parseJson(ImageIndex, body)
  if (index !== null) {
    const chosen = chooseAmd64(index.manifests)
    return chosen.ok ? succeed({ kind: 'index', amd64: chosen.value }) : chosen
  }
  const manifest = parseJson(ImageManifest, body)
  if (manifest === null)
    return refuseCarry('image_invalid', 'what lies under its digest is no container image')
  if (manifest.layers.length > mostLayers)
    return refuseCarry('image_invalid', `it has ${manifest.layers.length} layers`)
  const layers = toLayers(manifest.layers)
  if (!layers.ok) return layers
  const { digest, size } = manifest.config
  return succeed({ kind: 'image', image: { config: { digest, size }, layers: layers.value } })
}

const schema2 = 'application/vnd.docker.distribution.manifest.v2+json'

/** The type under which Heroku takes a manifest, and the only one. */
export const manifestType = schema2

/** The manifest of Docker's image manifest V2, schema 2, with its fields in the order of Docker's own. */
export const renderSchema2 = ({ config, layers }: Image): string =>
  JSON.stringify({
    schemaVersion: 2,
    mediaType: schema2,
    config: {
      mediaType: 'application/vnd.docker.container.image.v1+json',
      size: config.size,
      digest: config.digest,
    },
    layers: layers.map(({ mediaType, size, digest }) => ({ mediaType, size, digest })),
  })

const Schema2 = z.object({ config: z.object({ digest: Digest }) })

/** The id of the image that a manifest of Heroku's registry is for: the digest of its configuration. */
export const readImageId = (body: Uint8Array): Digest | null =>
  parseJson(Schema2, body)?.config.digest ?? null
