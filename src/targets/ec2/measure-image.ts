import type { Release } from '../../deployment/deployment.ts'
import { timesPacked, type ImageSize } from '../../registry/size.ts'
import type { MeasureImage } from './ports.ts'

/** A deployment does not wait longer for what only spares it a pull in vain. */
const mostMeasureMilliseconds = 2_000

/** The registry is asked once for each digest, and again only where it did not tell. */
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
  return async (release) =>
    known.get(release.digest) ??
    Promise.race([ask(release).catch(() => null), sleep(mostMeasureMilliseconds).then(() => null)])
}
