import type { Release } from '../../deployment/deployment.ts'
import { timesPacked, type ImageSize } from '../../registry/manifest.ts'
import type { MeasureImage } from './ports.ts'

/** Asks the registry once for each digest, and again only if it did not tell. */
export const createMeasureImage = (
  findSize: (release: Release) => Promise<ImageSize>,
  sleep: (milliseconds: number) => Promise<void>,
): MeasureImage => {
  const known = new Map<string, number>()
  const ask = async (release: Release): Promise<number | null> => {
    const size = await findSize(release)
    if (size.kind !== 'known') return null
    const megabytes = Math.ceil((size.bytes * timesPacked) / 1024 ** 2)
    known.set(release.digest, megabytes)
    return megabytes
  }
  // The size only spares a pull in vain: a deployment waits two seconds for it.
  return async (release) =>
    known.get(release.digest) ??
    Promise.race([ask(release).catch(() => null), sleep(2_000).then(() => null)])
}
