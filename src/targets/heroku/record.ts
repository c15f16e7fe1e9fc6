import * as z from 'zod'
import type { Serving } from '../../deployment/deployment.ts'
import { Digest, Fence, Generation } from '../../kernel/id.ts'

const isoInstant = z.iso.datetime()
const version = z.int().nonnegative()

/** The ids of the images in Heroku's registry: the digests of their configurations. */
export const HerokuImages = z.object({
  image: Digest,
  /** Of the release phase; null where it has none. */
  release: Digest.nullable(),
})
export type HerokuImages = z.infer<typeof HerokuImages>

/** What Heroku was last asked to do, and when: a run may have died before it learned the answer. */
const HerokuRequest = z.object({
  what: z.enum(['variables', 'images', 'rollback', 'restart']),
  at: isoInstant,
  /** Of a rollback: the version of the release to go back to. */
  to: version.nullable(),
})

/**
 * How far the newest order for an app and process type of Heroku is. Heroku has no deploy that could be asked
 * for it, only releases: so the journal keeps it.
 */
export const HerokuDeploy = z.object({
  fence: Fence,
  /** Counts the writes: each one replaces the one that it was made from. */
  writes: z.int().positive(),
  begunAt: isoInstant,
  at: isoInstant,
  /** Heroku's newest release when the order began. */
  before: version,
  /** Until then a request of the order before may still arrive. */
  quietUntil: isoInstant.nullable(),
  isCancelled: z.boolean(),
  /** Whether Heroku has an image of Landfall for the release phase. */
  hasReleaseImage: z.boolean(),
  images: HerokuImages.nullable(),
  /** Since when they are known to be in Heroku's registry. */
  carriedAt: isoInstant.nullable(),
  /** Whether images that an earlier deployment noted cannot be released again as they are. */
  mustCarry: z.boolean(),
  /** Whether Heroku has tried these images before and failed: it takes no notice of the same ones again. */
  isNewAttempt: z.boolean(),
  request: HerokuRequest.nullable(),
  /** Heroku's release of this order, once it is known. */
  version: version.nullable(),
  /** Of the dynos, where Heroku had released the same image already. */
  restartedAt: isoInstant.nullable(),
})
export type HerokuDeploy = z.infer<typeof HerokuDeploy>

/** What Heroku made of a release of Landfall, for the way back to it. */
export const HerokuRelease = z.object({
  generation: Generation,
  digest: Digest,
  images: HerokuImages,
  /** Of Heroku's release. */
  id: z.string().max(100),
  version,
  at: isoInstant,
})
export type HerokuRelease = z.infer<typeof HerokuRelease>

/** An app and process type of Heroku. */
export interface HerokuPlace {
  readonly app: string
  readonly process: string
}

/** Kept in the journal. */
export interface HerokuRecords {
  loadDeploy(place: HerokuPlace): Promise<HerokuDeploy | null>
  /** False where another run has written since: then nothing is written. */
  writeDeploy(place: HerokuPlace, deploy: HerokuDeploy): Promise<boolean>
  /** Null where none is recorded, or of another image. */
  loadRelease(place: HerokuPlace, release: Serving): Promise<HerokuRelease | null>
  recordRelease(place: HerokuPlace, release: HerokuRelease): Promise<void>
}
