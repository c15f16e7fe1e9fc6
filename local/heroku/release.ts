import * as z from 'zod'

/**
 * What becomes of a release. `release_failed`, `release_stays`: its release phase prints this and fails, or
 * never ends; of an app that has one. `crashes`: its dynos end as soon as they start, each time. `never_up`:
 * they bind no port, so Heroku ends them. `sick`: they run, and answer users with this status. `status`:
 * the release has this status, which may be in no schema, and nothing runs. Simulated dynos only look at
 * it: a real process takes its own course.
 */
const Course = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('live') }),
  z.object({ kind: z.literal('release_failed'), output: z.string() }),
  z.object({ kind: z.literal('release_stays') }),
  z.object({ kind: z.literal('crashes') }),
  z.object({ kind: z.literal('never_up') }),
  z.object({ kind: z.literal('sick'), status: z.number() }),
  z.object({ kind: z.literal('status'), status: z.string() }),
])
export type Course = Readonly<z.infer<typeof Course>>

const Images = z.record(z.string(), z.string())
/** Image ids (`sha256:…`, the digest of the configuration) by process type. */
export type Images = Readonly<z.infer<typeof Images>>

export const Release = z.object({
  id: z.string(),
  version: z.number(),
  description: z.string(),
  /** The e-mail address of the account. */
  by: z.string(),
  createdAt: z.number(),
  updatedAt: z.number(),
  status: z.string(),
  images: Images,
  config: z.record(z.string(), z.string()),
  course: Course,
  /** Of its release phase, so far; null where it has none. */
  output: z.string().nullable(),
})
export type Release = z.infer<typeof Release>

/** An expired release, one that failed and one without code cannot be gone back to. */
export const isEligible = ({ status, images }: Release): boolean =>
  status === 'succeeded' && Object.keys(images).length > 0
