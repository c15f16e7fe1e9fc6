import type { Answer } from '../../deployment/step.ts'
import type { Release } from '../../deployment/deployment.ts'
import { fail, succeed, type Result } from '../../kernel/result.ts'
import { isCarryDue, type CarryOrder, type CarryProgress } from '../carry.ts'
import { answerDeployFailed } from './answer.ts'
import { waitFor, type HerokuLook } from './look.ts'
import type { HerokuDeploy, HerokuImages } from './record.ts'

const toCarryOrder = (
  { order, settings }: HerokuLook,
  { isNewAttempt }: HerokuDeploy,
  { digest, settings: { image, registry, registryRealm } }: Release,
): CarryOrder => {
  const { app: heroku, process, token, release: command } = settings
  const [program, ...rest] = command ?? []
  return {
    app: order.app,
    image,
    digest,
    registry,
    registryRealm,
    heroku,
    process,
    token,
    release: program === undefined ? null : [program, ...rest],
    ...(isNewAttempt && { attempt: order.fence }),
  }
}

const describeProgress = (progress: CarryProgress | null): string => {
  if (progress === null) return 'the image was not carried to Heroku yet'
  const { blobs, blobsThere } = progress
  const said = progress.status === 'unfinished' ? `: ${progress.message}` : ''
  return `${blobsThere} of ${blobs} parts of the image are at Heroku${said}`
}

/**
 * Whether the record is of an earlier order and does not hold for this one: a refusal, which a person may have
 * mended since, or images that Heroku has been found not to have any more.
 */
const isOutdated = (progress: CarryProgress, { at, begunAt, mustCarry }: HerokuDeploy): boolean =>
  (progress.status === 'refused' && progress.at < begunAt) ||
  (progress.status === 'carried' && mustCarry && progress.at < at)

/** Begins or continues to carry the image where that is due; null: it is on its way. */
const carryOn = async (
  { ports: { carry }, order: { notAfter }, now }: HerokuLook,
  deploy: HerokuDeploy,
  order: CarryOrder,
): Promise<CarryProgress | null> => {
  const read = await carry.read(order)
  const progress = read === null || isOutdated(read, deploy) ? null : read
  if (isCarryDue(progress, now) && now < notAfter) await carry.start(order)
  return progress
}

/**
 * The ids of the release's images at Heroku: those that an earlier deployment of it noted, which need not be
 * at their registry any more, or those that are carried now. While they are on their way: what to answer.
 */
export const findImages = async (
  look: HerokuLook,
  deploy: HerokuDeploy,
  release: Release,
): Promise<Result<HerokuImages, readonly Answer[]>> => {
  const { ports, settings, order, now } = look
  if (deploy.images !== null) return succeed(deploy.images)
  const noted = deploy.mustCarry ? null : await ports.records.loadRelease(settings, release)
  const hasCommand = settings.release !== null
  if (noted !== null && (noted.images.release !== null) === hasCommand) return succeed(noted.images)
  const progress = await carryOn(look, deploy, toCarryOrder(look, deploy, release))
  if (progress?.status === 'carried')
    return succeed({ image: progress.image, release: progress.release })
  if (progress?.status === 'refused')
    return fail(
      answerDeployFailed(order, { deploy, own: null, now }, progress.reason, progress.message),
    )
  const reason = progress?.status === 'unfinished' ? progress.reason : null
  return fail(waitFor(look, describeProgress(progress), reason ?? undefined))
}
