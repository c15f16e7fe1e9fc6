import type { PlatformImage } from '../deployment/revision.ts'
import type { Architecture } from '../targets/target.ts'

/** Of many, the first: a notice has 300 characters, and an image's name takes 84. */
const listImages = (images: readonly PlatformImage[]): string => {
  const [first, ...more] = images.map(({ platform, digest }) => `${platform} (${digest})`)
  return more.length === 0 ? `${first}` : `${first} and ${more.length} more`
}

/** Images that the registry has no longer although the index of a deployment names them. */
export interface GoneImages {
  /** Why an instance could not pull; null where each of those whose kind is known can. */
  readonly obstacle: string | null
  /** What is told of the others; null where there are none. */
  readonly message: string | null
}

/**
 * An instance needs one image of its own kind, whatever the variant. Where no kind is known, one image that is there
 * may be the one that is needed.
 */
export const judgePlatforms = (
  images: readonly PlatformImage[],
  architectures: readonly Architecture[],
): GoneImages => {
  const isNeeded = ({ platform }: PlatformImage): boolean =>
    architectures.some((one) => platform === `linux/${one}`) &&
    images.every((other) => other.platform !== platform || other.isGone)
  const gone = images.filter(({ isGone }) => isGone)
  const needed = gone.length === images.length ? gone : gone.filter(isNeeded)
  const others = gone.filter((one) => !needed.includes(one))
  return {
    obstacle:
      needed.length === 0
        ? null
        : `the registry no longer has ${listImages(needed)}, which the image names: push the image again with all its platforms`,
    message:
      others.length === 0
        ? null
        : `the registry no longer has ${listImages(others)}, which the image names too`,
  }
}
