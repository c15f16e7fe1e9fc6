import * as z from 'zod'
import { Digest } from '../kernel/id.ts'
import { parseJson } from '../kernel/json.ts'
import type { Registry } from './registry.ts'
import type { RegistryLogin } from './session.ts'

const Platform = z.object({ os: z.string(), architecture: z.string() })

/** An index names a manifest for each platform; a manifest names the layers. */
const Manifest = z.union([
  z.object({ manifests: z.array(z.object({ digest: Digest, platform: Platform.nullish() })) }),
  z.object({
    config: z.object({ size: z.number() }),
    layers: z.array(z.object({ size: z.number() })),
  }),
])

/** How much is to be pulled for one kind of machine. */
export type ImageSize =
  | { readonly kind: 'known'; readonly bytes: number }
  | { readonly kind: 'no_platform' }
  | { readonly kind: 'unknown' }

/** As `uname -m` and as an index call them. */
const architectures: Readonly<Record<string, string>> = { x86_64: 'amd64', aarch64: 'arm64' }

/** Layers unpack to about two and a half times their size, and lie there packed while they do. */
export const timesPacked = 3.5

/** The size that a manifest tells, or the manifest of the machine's platform, where it goes on. */
export const parseSize = (
  body: Uint8Array,
  machine: string | null,
): ImageSize | { readonly kind: 'elsewhere'; readonly digest: Digest } => {
  const manifest = parseJson(Manifest, body)
  if (manifest === null) return { kind: 'unknown' }
  if ('layers' in manifest) {
    const { config, layers } = manifest
    return { kind: 'known', bytes: layers.reduce((sum, { size }) => sum + size, config.size) }
  }
  const architecture = machine === null ? null : architectures[machine]
  if (architecture === undefined) return { kind: 'unknown' }
  const own = manifest.manifests.find(
    ({ platform }) =>
      platform?.os === 'linux' && (architecture ?? platform.architecture) === platform.architecture,
  )
  return own === undefined ? { kind: 'no_platform' } : { kind: 'elsewhere', digest: own.digest }
}

/**
 * Two manifests at most; what cannot be read is unknown, never an obstacle. Of a machine that is not known
 * (null) the first platform stands for all: they differ by little.
 */
export const findImageSize = async (
  registry: Pick<Registry, 'readManifest'>,
  image: string,
  digest: Digest,
  machine: string | null,
  login: RegistryLogin | null,
): Promise<ImageSize> => {
  const read = async (one: Digest): Promise<ReturnType<typeof parseSize>> => {
    const manifest = await registry.readManifest(image, one, login)
    return manifest.ok && manifest.value !== null
      ? parseSize(manifest.value, machine)
      : { kind: 'unknown' }
  }
  const first = await read(digest)
  const last = first.kind === 'elsewhere' ? await read(first.digest) : first
  return last.kind === 'elsewhere' ? { kind: 'unknown' } : last
}
