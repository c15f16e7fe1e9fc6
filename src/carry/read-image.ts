import type { Digest } from '../kernel/id.ts'
import { succeed, type Result } from '../kernel/result.ts'
import { refuseCarry, type CarryFailure } from './failure.ts'
import { parseImageOrIndex, type Image } from './manifest.ts'
import type { ImageSource } from './source.ts'

/** The image for linux/amd64 under a digest: an index and its manifest are read, and nothing beyond. */
export const readImage = async (
  source: Pick<ImageSource, 'readManifest'>,
  digest: Digest,
): Promise<Result<Image, CarryFailure>> => {
  const first = await source.readManifest(digest, null)
  if (!first.ok) return first
  const found = parseImageOrIndex(first.value)
  if (!found.ok) return found
  if (found.value.kind === 'image') return succeed(found.value.image)
  const { amd64 } = found.value
  const second = await source.readManifest(amd64.digest, amd64.size)
  if (!second.ok) return second
  const own = parseImageOrIndex(second.value)
  if (!own.ok) return own
  return own.value.kind === 'image'
    ? succeed(own.value.image)
    : refuseCarry('image_invalid', 'its index leads to another index')
}
