import type { Answer } from '../../deployment/step.ts'
import type { Environment } from '../../secrets/environment.ts'
import { answerAs } from '../answers.ts'
import type { ServiceFailure } from '../api-key.ts'
import { answerDeployFailed } from './answer.ts'
import { restartDynos } from './dynos.ts'
import { answerFailure, record, type HerokuLook } from './look.ts'
import type { HerokuDeploy, HerokuImages } from './record.ts'
import {
  findCurrent,
  findNewestOf,
  findReleaseOf,
  listReleases,
  releaseImages,
  rollBackTo,
  type ReleaseOfApp,
} from './releases.ts'
import { setVariables } from './variables.ts'

/** Records the request and sends it: where another run was first, that one does. */
const sendToHeroku = async (
  look: HerokuLook,
  deploy: HerokuDeploy,
  what: NonNullable<HerokuDeploy['request']>['what'],
  ask: (deploy: HerokuDeploy) => Promise<readonly Answer[]>,
  to: number | null = null,
): Promise<readonly Answer[]> => {
  const recorded = await record(look, deploy, { request: { what, at: look.now, to } })
  return recorded === null ? answerAs(look.order, 'waiting') : ask(recorded)
}

/** Notes Heroku's release of the order. From then on Heroku has a release phase only if the order has one. */
export const recordOwn = (
  look: HerokuLook,
  deploy: HerokuDeploy,
  { version }: ReleaseOfApp,
): Promise<HerokuDeploy | null> => {
  const { request, images, hasReleaseImage } = deploy
  const isOfImages = request?.what === 'images' && images !== null
  return record(look, deploy, {
    version,
    hasReleaseImage: isOfImages ? images.release !== null : hasReleaseImage,
  })
}

const isImageGone = ({ kind, reason }: ServiceFailure): boolean =>
  kind === 'refused' && (reason === 'send_failed' || reason === 'service_missing')

const restart = (
  look: HerokuLook,
  deploy: HerokuDeploy,
  version: number,
): Promise<readonly Answer[]> =>
  sendToHeroku(look, deploy, 'restart', async (recorded) => {
    const restarted = await restartDynos(look.ask)
    if (!restarted.ok) return answerFailure(look, deploy, restarted.error)
    await record(look, recorded, { version, restartedAt: look.now })
    return answerAs(look.order, 'waiting')
  })

/** Carries them once more: the same content, of which at least one has another id. */
const carryAgain = async (
  look: HerokuLook,
  deploy: HerokuDeploy,
  isNewAttempt: boolean,
): Promise<readonly Answer[]> => {
  const nothing = { images: null, carriedAt: null, request: null }
  await record(look, deploy, { ...nothing, mustCarry: true, isNewAttempt })
  return answerAs(look.order, 'waiting')
}

/**
 * Heroku makes no release of images that it has released already. Where they serve, their dynos are
 * restarted; where that release failed, they are released as others.
 */
const afterNoRelease = async (
  look: HerokuLook,
  deploy: HerokuDeploy,
  { image, release: phase }: HerokuImages,
): Promise<readonly Answer[]> => {
  const releases = await listReleases(look.ask, 200)
  if (!releases.ok) return answerFailure(look, deploy, releases.error)
  const current = findCurrent(releases.value)
  const newest = findNewestOf(releases.value, image)
  if (newest?.status === 'failed' && phase !== null && !deploy.isNewAttempt)
    return carryAgain(look, deploy, true)
  const isServing = newest?.status === 'succeeded' && current !== null
  if (!isServing || current.version < newest.version) {
    const why = 'Heroku made no release of it, and does not serve it'
    const reached = { deploy, own: null, now: look.now }
    return answerDeployFailed(look.order, reached, 'image_refused', why)
  }
  // A release since then has set the variables, and restarted the dynos with this image.
  if (current.version <= deploy.before) return restart(look, deploy, current.version)
  await record(look, deploy, { version: current.version })
  return answerAs(look.order, 'waiting')
}

export const releaseDeploy = (
  look: HerokuLook,
  deploy: HerokuDeploy,
  images: HerokuImages,
): Promise<readonly Answer[]> => {
  const drop = deploy.hasReleaseImage && images.release === null
  // Its answer may be lost: until it is known, Heroku may have one.
  const hasReleaseImage = deploy.hasReleaseImage || images.release !== null
  return sendToHeroku(look, { ...deploy, hasReleaseImage }, 'images', async (recorded) => {
    const { ask, settings, order } = look
    const released = await releaseImages(ask, settings.process, images, drop)
    if (!released.ok && !deploy.mustCarry && isImageGone(released.error))
      return carryAgain(look, recorded, false)
    if (!released.ok) return answerFailure(look, deploy, released.error)
    const releases = await listReleases(ask)
    if (!releases.ok) return answerFailure(look, deploy, releases.error)
    const own = findReleaseOf(releases.value, recorded)
    if (own === null) return afterNoRelease(look, recorded, images)
    await recordOwn(look, recorded, own)
    return answerAs(order, 'waiting')
  })
}

export const rollBackDeploy = (
  look: HerokuLook,
  deploy: HerokuDeploy,
  { id, version }: ReleaseOfApp,
): Promise<readonly Answer[]> => {
  const ask = async (): Promise<readonly Answer[]> => {
    const asked = await rollBackTo(look.ask, id)
    return asked.ok ? answerAs(look.order, 'waiting') : answerFailure(look, deploy, asked.error)
  }
  return sendToHeroku(look, deploy, 'rollback', ask, version)
}

export const configure = (
  look: HerokuLook,
  deploy: HerokuDeploy,
  changed: readonly string[],
  environment: Environment,
): Promise<readonly Answer[]> =>
  sendToHeroku(look, deploy, 'variables', async (recorded) => {
    const set = await setVariables(look.ask, changed, environment)
    if (!set.ok) return answerFailure(look, deploy, set.error)
    // The next look compares again and goes on.
    await record(look, recorded, { request: null })
    return answerAs(look.order, 'waiting')
  })
