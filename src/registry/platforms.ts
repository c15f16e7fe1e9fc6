import * as z from 'zod'
import { Digest } from '../kernel/id.ts'
import { parseJson } from '../kernel/json.ts'
import { succeed } from '../kernel/result.ts'
import type { Registry } from './registry.ts'
import type { RegistryAnswer, RegistryLogin } from './session.ts'

const Index = z.object({ manifests: z.array(z.object({ digest: Digest })) })

/** The digests that an index has for its platforms; none where the image is no index. */
export const listPlatforms = async (
  registry: Pick<Registry, 'readManifest'>,
  image: string,
  digest: Digest,
  login: RegistryLogin | null,
): Promise<RegistryAnswer<readonly Digest[]>> => {
  const manifest = await registry.readManifest(image, digest, login)
  if (!manifest.ok) return manifest
  const index = manifest.value === null ? null : parseJson(Index, manifest.value)
  return succeed(index?.manifests.map((one) => one.digest) ?? [])
}
