import * as z from 'zod'
import { addSeconds, toInstant, type Instant } from '../../kernel/clock.ts'
import type { Digest } from '../../kernel/id.ts'
import { toSafeLine } from '../../kernel/plain-line.ts'
import { succeed } from '../../kernel/result.ts'
import { dockerReleases, getFromHeroku, type AskHeroku, type FromHeroku } from './api.ts'
import type { HerokuDeploy, HerokuImages } from './record.ts'

const HerokuTime = z.iso.datetime({ offset: true }).transform((text) => toInstant(new Date(text)))

/** A release of Heroku, the fields that are used. Heroku may add a status. */
const ReleaseOfApp = z.object({
  id: z.string().max(100),
  version: z.int().nonnegative(),
  status: z.string(),
  current: z.boolean().nullish(),
  description: z.string(),
  user: z.object({ email: z.string() }).nullish(),
  eligible_for_rollback: z.boolean().nullish(),
  output_stream_url: z.string().nullish(),
  created_at: HerokuTime,
  updated_at: HerokuTime,
})
export type ReleaseOfApp = z.infer<typeof ReleaseOfApp>

/** The newest first. */
export const listReleases = (ask: AskHeroku, most = 20): FromHeroku<readonly ReleaseOfApp[]> =>
  getFromHeroku(
    ask,
    { path: '/releases', headers: { range: `version ..; max=${most}, order=desc` } },
    z.array(ReleaseOfApp),
    'releases',
  )

/** `Deployed web (0123456789ab)`: Heroku names the first twelve digits of an image's id. */
const shorten = (image: Digest): string => image.slice('sha256:'.length, 'sha256:'.length + 12)

/** Whether it changed the code that runs, and not only the variables. */
const isCodeRelease = ({ description }: ReleaseOfApp): boolean =>
  /^(Deployed|Deploy|Rollback|Promote)\b/i.test(description)

const hasImage = ({ description }: ReleaseOfApp, image: Digest): boolean =>
  description.includes(shorten(image))

/** Whether it may be of this image. What Heroku writes for several process types is not published. */
const mayHaveImage = (release: ReleaseOfApp, image: Digest): boolean =>
  hasImage(release, image) || !/\([0-9a-f]{12}\)/.test(release.description)

/** The newest release that names the image. */
export const findNewestOf = (
  releases: readonly ReleaseOfApp[],
  image: Digest,
): ReleaseOfApp | null => releases.find((one) => hasImage(one, image)) ?? null

/** The release that Heroku made for an order; null where it is not listed, or there is none. */
export const findReleaseOf = (
  releases: readonly ReleaseOfApp[],
  { before, request, images }: Pick<HerokuDeploy, 'before' | 'request' | 'images'>,
): ReleaseOfApp | null => {
  if (request === null) return null
  const since = releases.filter((one) => one.version > before && isMadeSince(one, request.at))
  if (request.what === 'rollback')
    return since.find(({ description }) => description === `Rollback to v${request.to}`) ?? null
  if (request.what !== 'images' || images === null) return null
  const isDeploy = ({ description }: ReleaseOfApp) => /^Deploy/i.test(description)
  return since.find((one) => isDeploy(one) && mayHaveImage(one, images.image)) ?? null
}

/** A release of other code that serves, or has served, since that version; null where there is none. */
export const findStranger = (
  releases: readonly ReleaseOfApp[],
  version: number,
  own: Digest | null,
): ReleaseOfApp | null =>
  releases.find(
    (one) =>
      one.version > version &&
      one.status === 'succeeded' &&
      isCodeRelease(one) &&
      !(own !== null && hasImage(one, own)),
  ) ?? null

/** The release that serves. */
export const findCurrent = (releases: readonly ReleaseOfApp[]): ReleaseOfApp | null =>
  releases.find(({ current }) => current === true) ??
  releases.find(({ status }) => status === 'succeeded') ??
  null

/** Whether it was made at that time or later, with 5 s for the difference of two clocks. */
export const isMadeSince = (release: ReleaseOfApp, since: Instant): boolean =>
  release.created_at >= addSeconds(since, -5)

/** Of a stranger's release, in one line. */
export const describeRelease = ({ version, description, user }: ReleaseOfApp): string => {
  const by = user ? `, by ${user.email}` : ''
  return toSafeLine(`v${version} (${description}${by})`).slice(0, 120)
}

/**
 * Releases the images. Heroku does nothing where it has released the same already.
 * `drop`: the app is to have no release phase any more.
 */
export const releaseImages = async (
  ask: AskHeroku,
  process: string,
  { image, release }: HerokuImages,
  drop: boolean,
): FromHeroku<null> => {
  const updates = [
    { type: process, docker_image: image },
    ...(release !== null || drop ? [{ type: 'release', docker_image: release }] : []),
  ]
  const request = { method: 'PATCH', path: '/formation', headers: dockerReleases } as const
  const answered = await ask({ ...request, body: { updates } })
  return answered.ok ? succeed(null) : answered
}

/** Brings back an earlier release of Heroku, with the variables that it had. */
export const rollBackTo = async (ask: AskHeroku, id: string): FromHeroku<null> => {
  const answered = await ask({ method: 'POST', path: '/releases', body: { release: id } })
  return answered.ok ? succeed(null) : answered
}
