import type { Digest } from '../kernel/id.ts'
import { succeed, type Result } from '../kernel/result.ts'
import { computeDigest } from '../registry/registry.ts'
import type { CarryOrder } from '../targets/carry.ts'
import { parseCarriedConfiguration, renderWithCommand } from './configuration.ts'
import { refuseCarry, type CarryFailure } from './failure.ts'
import { renderSchema2, type Blob, type Image } from './manifest.ts'

/** A blob that a repository needs. */
export interface Piece extends Blob {
  /** Null: it is read from the image's registry. */
  readonly content: Uint8Array | null
  /** A repository of the same registry that has it. */
  readonly from: string | null
}

/** What one repository of Heroku's registry needs, and the manifest that makes it an image. */
export interface Shipment {
  /** `<app>/<process>` */
  readonly repository: string
  readonly pieces: readonly Piece[]
  readonly manifest: string
  /** The digest of its configuration. */
  readonly imageId: Digest
}

const toBytes = (text: string): Uint8Array => new TextEncoder().encode(text)

const sizesOf = (blobs: readonly Blob[]): ReadonlyMap<Digest, number> =>
  new Map(blobs.map(({ digest, size }) => [digest, size]))

const toSizeText = (bytes: number): string => `${Math.ceil(bytes / 1e6)} MB`

const toShipment = (
  repository: string,
  image: Image,
  content: Uint8Array,
  from: string | null,
): Shipment => ({
  repository,
  // The configuration last: it is what makes the image one that is complete.
  pieces: [
    ...[...sizesOf(image.layers)]
      .filter(([digest]) => digest !== image.config.digest)
      .map(([digest, size]) => ({ digest, size, content: null, from })),
    { ...image.config, content, from: null },
  ],
  manifest: renderSchema2(image),
  imageId: image.config.digest,
})

/** The image before anything of it is read; refuses what is too large. */
export const checkSize = (image: Image, maxBytes: number): Result<number, CarryFailure> => {
  const all = [image.config, ...image.layers]
  const sizes = sizesOf(all)
  if (all.some(({ digest, size }) => sizes.get(digest) !== size))
    return refuseCarry('image_invalid', 'its manifest gives one blob two sizes')
  const bytes = [...sizes.values()].reduce((sum, size) => sum + size, 0)
  return bytes > maxBytes
    ? refuseCarry(
        'image_too_large',
        `it has ${toSizeText(bytes)}, and at most ${toSizeText(maxBytes)} are brought to Heroku`,
      )
    : succeed(bytes)
}

/** What Heroku's registry needs for an order: the image, and after it the one of the release command. */
export const planCarry = (
  {
    heroku,
    process,
    release,
    attempt,
  }: Pick<CarryOrder, 'heroku' | 'process' | 'release' | 'attempt'>,
  image: Image,
  configuration: Uint8Array,
): Result<readonly [Shipment, ...Shipment[]], CarryFailure> => {
  const parsed = parseCarriedConfiguration(configuration, image)
  if (!parsed.ok) return parsed
  const repository = `${heroku}/${process}`
  const shipment = toShipment(repository, image, configuration, null)
  if (release === null) return succeed([shipment])
  const content = toBytes(renderWithCommand(parsed.value, release, attempt))
  const config = { digest: computeDigest(content), size: content.byteLength }
  return succeed([
    shipment,
    toShipment(`${heroku}/release`, { config, layers: image.layers }, content, repository),
  ])
}
