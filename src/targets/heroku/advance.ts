import type { Release } from '../../deployment/deployment.ts'
import type { Answer } from '../../deployment/step.ts'
import { Retryable, unlessRetryable } from '../../kernel/retryable.ts'
import { fail, succeed, type Result } from '../../kernel/result.ts'
import { readAppEnvironment } from '../../secrets/app-secret.ts'
import type { Environment } from '../../secrets/environment.ts'
import { answerAs } from '../answers.ts'
import { answerDeployFailed, answerDeployed } from './answer.ts'
import type { FromHeroku } from './api.ts'
import type { ServiceFailure } from '../api-key.ts'
import { findImages } from './images.ts'
import { answerFailure, isUnderWay, record, waitFor, type HerokuLook } from './look.ts'
import type { HerokuDeploy, HerokuImages } from './record.ts'
import {
  describeRelease,
  findCurrent,
  findReleaseOf,
  isCodeRelease,
  isMadeSince,
  listReleases,
  type ReleaseOfApp,
} from './releases.ts'
import { configure, releaseDeploy, rollBackDeploy } from './request.ts'
import { isWanted, listChanged, readVariables } from './variables.ts'

/** What the order leads to at Heroku, as far as that is not done. */
interface Wanted {
  /** Null: the variables are left as they are. */
  readonly environment: Environment | null
  /** An earlier release of Heroku that had all of it. */
  readonly earlier: string | null
  /** Names of variables to set. */
  readonly changed: readonly string[]
}

const isGoingBack = ({ order: { purpose, kind } }: HerokuLook): boolean =>
  purpose === 'restore' || kind === 'rollback'

/** A restore waits for no secret: it brings back the image with the variables as they are. */
const readWanted = async (
  { ports, settings, order: { purpose } }: HerokuLook,
  release: Release,
): Promise<Result<Environment | null, ServiceFailure>> => {
  if (settings.env === 'leave') return succeed(null)
  const read = await readAppEnvironment(
    ports.readSecret,
    release.settings,
    release.secretVersion,
  ).catch(unlessRetryable)
  if (!(read instanceof Retryable) && read.ok) return read
  if (purpose === 'restore') return succeed(null)
  return read instanceof Retryable
    ? fail({ kind: 'later', why: read.message, afterSeconds: null, reason: 'secret_unavailable' })
    : fail({ kind: 'refused', why: read.error.message, reason: read.error.reason })
}

/** The release of Heroku that a release of Landfall was, if it can be rolled back to with just what is wanted. */
const findEarlier = async (
  look: HerokuLook,
  release: Release,
  releases: readonly ReleaseOfApp[],
  now: Parameters<typeof isWanted>[1],
  environment: Environment | null,
): FromHeroku<string | null> => {
  const noted = await look.ports.records.loadRelease(look.settings, release)
  const there = releases.find(({ id }) => id === noted?.id)
  if (there?.eligible_for_rollback !== true) return succeed(null)
  const then = await readVariables(look.ask, there.id)
  if (!then.ok) return then
  return succeed(isWanted(then.value, now, environment) ? there.id : null)
}

const compare = async (
  look: HerokuLook,
  release: Release,
  releases: readonly ReleaseOfApp[],
): FromHeroku<Wanted> => {
  const environment = await readWanted(look, release)
  if (!environment.ok) return environment
  const there = await readVariables(look.ask)
  if (!there.ok) return there
  const changed = environment.value === null ? [] : listChanged(there.value, environment.value)
  const earlier = isGoingBack(look)
    ? await findEarlier(look, release, releases, there.value, environment.value)
    : succeed(null)
  if (!earlier.ok) return earlier
  return succeed({ environment: environment.value, earlier: earlier.value, changed })
}

/** Whether what served at the opening still does. */
const isUntouched = ({ order }: HerokuLook, releases: readonly ReleaseOfApp[]): boolean => {
  const current = findCurrent(releases)
  return current !== null && !isMadeSince(current, order.openedAt)
}

/** Brings back what Heroku ran before the first release of Landfall. */
const restoreBefore = async (
  look: HerokuLook,
  deploy: HerokuDeploy,
  releases: readonly ReleaseOfApp[],
): Promise<readonly Answer[]> => {
  const { order, now } = look
  const reached = { deploy, own: null, now }
  if (isUntouched(look, releases)) return answerDeployed(order, reached, null)
  const before = releases.find(
    (one) => one.status === 'succeeded' && !isMadeSince(one, order.openedAt),
  )
  return before === undefined
    ? answerDeployFailed(
        order,
        reached,
        'not_restored',
        'Heroku has no earlier release to go back to',
      )
    : rollBackDeploy(look, deploy, before.id)
}

const bringOut = async (
  look: HerokuLook,
  deploy: HerokuDeploy,
  images: HerokuImages,
  wanted: Release,
  releases: readonly ReleaseOfApp[],
): Promise<readonly Answer[]> => {
  const { order, now } = look
  const compared = await compare(look, wanted, releases)
  if (!compared.ok) return answerFailure(look, deploy, compared.error)
  const { environment, changed, earlier } = compared.value
  if (order.purpose === 'restore' && changed.length === 0 && isUntouched(look, releases))
    return answerDeployed(order, { deploy, own: null, now }, null)
  if (earlier !== null) return rollBackDeploy(look, deploy, earlier)
  return changed.length > 0 && environment !== null
    ? configure(look, deploy, changed, environment)
    : releaseDeploy(look, deploy, images)
}

/** What is to be known before Heroku is asked for anything; an answer where that is not so yet. */
const prepare = async (
  look: HerokuLook,
  deploy: HerokuDeploy,
): Promise<Result<HerokuDeploy, readonly Answer[]>> => {
  const { order, now } = look
  if (deploy.isCancelled) {
    const why = 'cancelled before Heroku was asked to release it'
    return fail(answerDeployFailed(order, { deploy, own: null, now }, 'cancelled', why))
  }
  if (deploy.quietUntil !== null && now < deploy.quietUntil)
    return fail(waitFor(look, 'an earlier order was still under way'))
  if (order.release === null || deploy.images !== null) return succeed(deploy)
  const images = await findImages(look, deploy, order.release)
  if (!images.ok) return images
  const known = await record(look, deploy, { images: images.value, carriedAt: now })
  return known === null ? fail(answerAs(order, 'waiting')) : succeed(known)
}

/** Somebody released other code since the order began; going back overrules it. */
const answerStranger = (
  look: HerokuLook,
  deploy: HerokuDeploy,
  releases: readonly ReleaseOfApp[],
): readonly Answer[] | null => {
  const stranger = releases.find((one) => one.version > deploy.before && isCodeRelease(one))
  if (stranger === undefined || isGoingBack(look)) return null
  const why = `Heroku made ${describeRelease(stranger)} before it was asked for this one`
  const reached = { deploy, own: null, now: look.now }
  return answerDeployFailed(look.order, reached, 'changed_elsewhere', why)
}

/** Does the next thing that the order needs, until Heroku has made its release. */
export const advanceDeploy = async (
  look: HerokuLook,
  deploy: HerokuDeploy,
): Promise<readonly Answer[]> => {
  const { order, ask, now } = look
  const prepared = deploy.request === null ? await prepare(look, deploy) : succeed(deploy)
  if (!prepared.ok) return prepared.error
  if (deploy.request === null && now >= order.notAfter)
    return waitFor(look, 'Heroku was not asked in time', 'too_late')
  const releases = await listReleases(ask)
  if (!releases.ok) return answerFailure(look, deploy, releases.error)
  const own = findReleaseOf(releases.value, prepared.value)
  if (own !== null) {
    await record(look, prepared.value, { version: own.version })
    return answerAs(order, 'waiting')
  }
  const stranger = answerStranger(look, prepared.value, releases.value)
  if (stranger !== null) return stranger
  const isBusy = releases.value[0]?.status === 'pending' || isUnderWay(deploy, now)
  if (isBusy || now >= order.notAfter) return waitFor(look, 'another release was under way')
  const ready = await prepare(look, prepared.value)
  if (!ready.ok) return ready.error
  const { images } = ready.value
  return order.release === null || images === null
    ? restoreBefore(look, ready.value, releases.value)
    : bringOut(look, ready.value, images, order.release, releases.value)
}
