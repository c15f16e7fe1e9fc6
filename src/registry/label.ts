import * as z from 'zod'
import { Commit, Digest } from '../kernel/id.ts'
import { parseJson } from '../kernel/json.ts'

/** Set by `docker/metadata-action` and whoever follows the OCI image spec's annotations. */
export const revisionLabel = 'org.opencontainers.image.revision'

const ManifestEntry = z.object({
  digest: Digest,
  platform: z.object({ os: z.string(), architecture: z.string() }).nullish(),
  annotations: z.record(z.string(), z.string()).nullish(),
})
type ManifestEntry = z.infer<typeof ManifestEntry>

/** An index names the manifest of each platform; a manifest names its configuration. */
const LabelManifest = z.union([
  z.object({ manifests: z.array(ManifestEntry) }),
  z.object({ config: z.object({ digest: Digest }) }),
])

const ImageConfiguration = z.object({
  config: z.object({ Labels: z.record(z.string(), z.string()).nullish() }).nullish(),
})

/** BuildKit puts its attestations into the index, as images of the platform unknown/unknown. */
const isImage = ({ platform, annotations }: ManifestEntry): boolean =>
  platform?.os !== 'unknown' && annotations?.['vnd.docker.reference.type'] === undefined

/** One build labels all its platforms alike: the commonest first, else whichever there is. */
const choosePlatform = (entries: readonly ManifestEntry[]): Digest | null => {
  const images = entries.filter(isImage)
  const common = images.find(
    ({ platform }) => platform?.os === 'linux' && platform.architecture === 'amd64',
  )
  return (common ?? images[0])?.digest ?? null
}

/** Where to go on from a manifest: to a platform's own, or to the configuration with the labels. */
export type Next =
  | { readonly kind: 'manifest'; readonly digest: Digest }
  | { readonly kind: 'configuration'; readonly digest: Digest }

/** Null where it leads to no image. */
export const parseManifest = (body: Uint8Array): Next | null => {
  const manifest = parseJson(LabelManifest, body)
  if (manifest === null) return null
  if ('config' in manifest) return { kind: 'configuration', digest: manifest.config.digest }
  const digest = choosePlatform(manifest.manifests)
  return digest === null ? null : { kind: 'manifest', digest }
}

/** The commit that an image's configuration is labelled with; null where it names no full one. */
export const parseRevisionLabel = (body: Uint8Array): Commit | null => {
  const label = parseJson(ImageConfiguration, body)?.config?.Labels?.[revisionLabel]
  return Commit.safeParse(label).data ?? null
}
