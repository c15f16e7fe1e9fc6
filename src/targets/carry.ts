import * as z from 'zod'
import { addSeconds, type Instant } from '../kernel/clock.ts'
import { AppName, Digest } from '../kernel/id.ts'
import { isReason, type Reason } from '../kernel/reason.ts'

const name = z.string().min(1).max(512)
const commandArgument = z.string().regex(/^[^\0]*$/)

/**
 * Which image to bring into Heroku's registry, and under what process type: the event that `carry` is
 * invoked with. Everything is as the deployment froze it; secrets by their names.
 */
export const CarryOrder = z
  .strictObject({
    app: AppName,
    /** `acme/oc-lettings`, `registry.example:5000/name`. */
    image: name,
    digest: Digest,
    /** The secret with the login of the image's registry; null where it is public. */
    registry: name.nullable(),
    /** The token service that the app names for that registry. */
    registryRealm: z.url().nullable().default(null),
    /** Heroku's app and process type: the image lands in `<heroku>/<process>`. */
    heroku: z.string().regex(/^[a-z][a-z0-9-]{1,28}[a-z0-9]$/),
    process: z.string().regex(/^[a-zA-Z0-9_-]{1,63}$/),
    /** The secret with Heroku's API key. */
    token: name,
    /** The command of the release phase: the same image with it lands in `<heroku>/release`. Null: none is made. */
    release: z.tuple([commandArgument.min(1)], commandArgument).nullable(),
    /**
     * Makes the image of the release phase another one: Heroku takes no notice of images that it has
     * released, also where that release failed. Left out: the first attempt.
     */
    attempt: z.int().positive().optional(),
  })
  .refine(({ process, release }) => release === null || process !== 'release', {
    error: 'the process type release is the one that the release command makes',
    path: ['process'],
  })
export type CarryOrder = z.infer<typeof CarryOrder>

const instant = z.iso.datetime()
const reason = z.custom<Reason>((value) => typeof value === 'string' && isReason(value))
const count = z.int().nonnegative()

const counts = {
  /** When this was written. */
  at: instant,
  /** Layers and configurations of all the order's images, and those that Heroku has. */
  blobs: count,
  blobsThere: count,
  /** What the current run has sent, unfinished layers included. */
  sentBytes: count,
}

/**
 * What has become of an order. `carrying`: a run is at it. `unfinished`: the last run ended before its
 * end, for `reason` (null: its time was over); what Heroku has is not sent again. `carried`: the ids to
 * release by (`docker_image` of `PATCH /formation`), which are the digests of the configurations.
 * `refused`: it will not go through until a person changes something.
 */
export const CarryProgress = z.discriminatedUnion('status', [
  z.object({ status: z.literal('carrying'), ...counts }),
  z.object({
    status: z.literal('unfinished'),
    ...counts,
    reason: reason.nullable(),
    message: z.string(),
    notBefore: instant,
  }),
  z.object({
    status: z.literal('carried'),
    ...counts,
    image: Digest,
    release: Digest.nullable(),
  }),
  z.object({ status: z.literal('refused'), ...counts, reason, message: z.string() }),
])
export type CarryProgress = z.infer<typeof CarryProgress>

/**
 * How the Heroku target has an image carried: `read`, `start` where `isCarryDue` says so, and wait. Any
 * number of starts is harmless: one run works at a time, and a newer order takes the place of an older one
 * for the same app and process type.
 */
export interface Carry {
  /** Invokes `carry` and does not wait for it. */
  readonly start: (order: CarryOrder) => Promise<void>
  /** Null where this order was never begun, or another has taken its place. */
  readonly read: (order: CarryOrder) => Promise<CarryProgress | null>
}

/** A run notes that it is at work every ten seconds: one that has not for so long is dead. */
export const carryStaleSeconds = 60

export const isCarryDue = (progress: CarryProgress | null, now: Instant): boolean => {
  if (progress === null) return true
  if (progress.status === 'carrying') return addSeconds(progress.at, carryStaleSeconds) <= now
  return progress.status === 'unfinished' && progress.notBefore <= now
}
