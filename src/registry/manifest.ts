import * as z from 'zod'
import type { PlatformImage } from '../deployment/revision.ts'
import { Commit, Digest } from '../kernel/id.ts'
import { parseJson } from '../kernel/json.ts'
import { toPlainLine } from '../kernel/plain-line.ts'
import { toOrigin, type Origin } from '../kernel/origin.ts'
import { succeed } from '../kernel/result.ts'
import type { RegistryAnswer } from './session.ts'

/** An index names the manifest of each platform; a manifest names its configuration and the layers. */
const Manifest = z.union([
  z.object({
    manifests: z.array(
      z.object({
        digest: Digest,
        platform: z
          .object({ os: z.string(), architecture: z.string() })
          .partial()
          .nullish()
          .catch(null),
        annotations: z.record(z.string(), z.string()).nullish().catch(null),
      }),
    ),
  }),
  z.object({
    config: z.object({ digest: Digest, size: z.number().optional().catch(undefined) }),
    layers: z
      .array(z.object({ size: z.number() }))
      .optional()
      .catch(undefined),
  }),
])

export const isManifest = (body: Uint8Array): boolean => parseJson(Manifest, body) !== null

/** The manifest under a digest of one image; null if it is larger than any manifest. */
export type ReadManifest = (digest: Digest) => Promise<RegistryAnswer<Uint8Array | null>>

/** How much one kind of machine would pull. */
export type ImageSize =
  | { readonly kind: 'known'; readonly bytes: number }
  | { readonly kind: 'no_platform' }
  /** The index names this image for the machine, and the registry does not have it. */
  | { readonly kind: 'platform_gone'; readonly digest: Digest }
  | { readonly kind: 'unknown' }

/** Layers unpack to about two and a half times their size, and stay on the disk packed meanwhile. */
export const timesPacked = 3.5

/** The size that a manifest tells, or the digest of the machine's own manifest. */
export const parseSize = (
  body: Uint8Array,
  machine: string | null,
): ImageSize | { readonly kind: 'elsewhere'; readonly digest: Digest } => {
  const manifest = parseJson(Manifest, body)
  if (manifest === null) return { kind: 'unknown' }
  if ('config' in manifest) {
    const { config, layers } = manifest
    if (layers === undefined || config.size === undefined) return { kind: 'unknown' }
    return { kind: 'known', bytes: layers.reduce((sum, { size }) => sum + size, config.size) }
  }
  // As `uname -m` and as an index call them.
  const architectures: Readonly<Record<string, string>> = { x86_64: 'amd64', aarch64: 'arm64' }
  const architecture = machine === null ? null : architectures[machine]
  if (architecture === undefined) return { kind: 'unknown' }
  const own = manifest.manifests.find(
    ({ platform }) =>
      platform?.os === 'linux' && (architecture ?? platform.architecture) === platform.architecture,
  )
  return own === undefined ? { kind: 'no_platform' } : { kind: 'elsewhere', digest: own.digest }
}

/**
 * Reads two manifests at most; a size that cannot be read is unknown. A null machine stands for any, and
 * takes the first platform: platforms differ by little.
 */
export const findImageSize = async (
  readManifest: ReadManifest,
  digest: Digest,
  machine: string | null,
): Promise<ImageSize> => {
  const toSize = (read: Awaited<ReturnType<ReadManifest>>): ReturnType<typeof parseSize> =>
    read.ok && read.value !== null ? parseSize(read.value, machine) : { kind: 'unknown' }
  const first = toSize(await readManifest(digest))
  if (first.kind !== 'elsewhere') return first
  const own = await readManifest(first.digest)
  if (!own.ok && own.error.reason === 'image_missing')
    return { kind: 'platform_gone', digest: first.digest }
  const last = toSize(own)
  return last.kind === 'elsewhere' ? { kind: 'unknown' } : last
}

/** The digests of an index's platforms; none if the image is no index. */
export const listPlatforms = async (
  readManifest: ReadManifest,
  digest: Digest,
): Promise<RegistryAnswer<readonly Digest[]>> => {
  const read = await readManifest(digest)
  if (!read.ok) return read
  const manifest = read.value === null ? null : parseJson(Manifest, read.value)
  const index = manifest !== null && 'manifests' in manifest ? manifest.manifests : []
  return succeed(index.map((one) => one.digest))
}

/** BuildKit adds its attestations to the index, as images of the platform unknown/unknown. */
const listOwn = ({ manifests }: Extract<z.output<typeof Manifest>, { manifests: unknown }>) =>
  manifests.filter(
    ({ platform, annotations }) =>
      platform?.os !== 'unknown' && annotations?.['vnd.docker.reference.type'] === undefined,
  )

/** No build has more; of an index that names more, the rest is not asked for. */
const mostPlatforms = 16

/**
 * The images of an index, without attestations; those for Linux first. None if the image is no index or is not read:
 * then nothing is known of its platforms.
 */
export const checkPlatforms = async (
  readManifest: ReadManifest,
  isGone: (digest: Digest) => Promise<boolean>,
  digest: Digest,
): Promise<readonly PlatformImage[]> => {
  const read = await readManifest(digest)
  const manifest = read.ok && read.value !== null ? parseJson(Manifest, read.value) : null
  if (manifest === null || !('manifests' in manifest)) return []
  return Promise.all(
    listOwn(manifest)
      .toSorted((a, b) => Number(b.platform?.os === 'linux') - Number(a.platform?.os === 'linux'))
      .slice(0, mostPlatforms)
      .map(async (one) => {
        const { os = '', architecture = '' } = one.platform ?? {}
        const platform = toPlainLine(`${os}/${architecture}`, 40)
        return { platform, digest: one.digest, isGone: await isGone(one.digest) }
      }),
  )
}

/** What leads from a manifest to the labels: a platform's own manifest, or the image's configuration. */
export const parseManifest = (
  body: Uint8Array,
): { readonly kind: 'manifest' | 'configuration'; readonly digest: Digest } | null => {
  const manifest = parseJson(Manifest, body)
  if (manifest === null) return null
  if ('config' in manifest) return { kind: 'configuration', digest: manifest.config.digest }
  const images = listOwn(manifest)
  // One build labels all its platforms alike: the commonest, if it is there.
  const chosen =
    images.find(({ platform }) => platform?.os === 'linux' && platform.architecture === 'amd64') ??
    images[0]
  return chosen === undefined ? null : { kind: 'manifest', digest: chosen.digest }
}

const readLabels = (body: Uint8Array): Readonly<Record<string, string>> => {
  const Labels = z.record(z.string(), z.string()).nullish()
  const configuration = parseJson(z.object({ config: z.object({ Labels }).nullish() }), body)
  return configuration?.config?.Labels ?? {}
}

/** Of the annotations of the OCI image spec, which `docker/metadata-action` and other tools set as labels. */
const ociLabel = (name: string): string => `org.opencontainers.image.${name}`

/** The commit that an image's configuration is labelled with; null if it names no full one. */
export const parseRevisionLabel = (body: Uint8Array): Commit | null =>
  Commit.safeParse(readLabels(body)[ociLabel('revision')]).data ?? null

/**
 * What an image's labels say of its commit. `docker/metadata-action` sets the title to the repository's name
 * and the address to its page, unless it is told otherwise: those say nothing of the commit.
 */
export const parseOriginLabels = (body: Uint8Array): Origin | null => {
  const labels = readLabels(body)
  const title = labels[ociLabel('title')] ?? ''
  const url = labels[ociLabel('url')] ?? ''
  const isOwnName = [url, labels[ociLabel('source')]].some((one) =>
    one?.replace(/\.git$/, '').endsWith(`/${title}`),
  )
  return toOrigin(
    {
      message: isOwnName ? null : title,
      author: labels[ociLabel('authors')],
      runUrl: /\/(?:actions\/runs|workflows)\//.test(url) ? url : null,
    },
    ['github.com', 'app.circleci.com'],
  )
}
