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
import { stopReleasePhase } from './dynos.ts'
import { findImages } from './images.ts'
import { answerFailure, isUnderWay, record, waitFor, type HerokuLook } from './look.ts'
import type { HerokuDeploy, HerokuImages } from './record.ts'
import {
  describeRelease,
  findCurrent,
  findReleaseOf,
  findStranger,
  isMadeSince,
  listReleases,
  type ReleaseOfApp,
} from './releases.ts'
import { configure, recordOwn, releaseDeploy, rollBackDeploy } from './request.ts'
import { isWanted, listChanged, readVariables } from './variables.ts'

/** What the order leads to at Heroku, as far as that is not done. */
interface Wanted {
  /** Null: the variables are left as they are. */
  readonly environment: Environment | null
  /** Names of variables to set. */
  readonly changed: readonly string[]
  /** The release of Heroku that the wanted release was, if Heroku lists it. */
  readonly noted: ReleaseOfApp | null
  /** Whether that can be rolled back to, and had just what is wanted. */
  readonly canRollBack: boolean
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

const compare = async (
  look: HerokuLook,
  release: Release,
  releases: readonly ReleaseOfApp[],
): FromHeroku<Wanted> => {
  const { ports, settings, ask } = look
  const environment = await readWanted(look, release)
  if (!environment.ok) return environment
  const there = await readVariables(ask)
  if (!there.ok) return there
  const { value } = environment
  const changed = value === null ? [] : listChanged(there.value, value)
  const known = isGoingBack(look) ? await ports.records.loadRelease(settings, release) : null
  const noted = releases.find(({ id }) => id === known?.id) ?? null
  const wanted = { environment: value, changed, noted }
  if (noted?.eligible_for_rollback !== true) return succeed({ ...wanted, canRollBack: false })
  const then = await readVariables(ask, noted.id)
  if (!then.ok) return then
  return succeed({ ...wanted, canRollBack: isWanted(then.value, there.value, value) })
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
    (one) =>
      one.status === 'succeeded' &&
      one.eligible_for_rollback === true &&
      !isMadeSince(one, order.openedAt),
  )
  return before === undefined
    ? answerDeployFailed(
        order,
        reached,
        'not_restored',
        'Heroku has no earlier release to go back to',
      )
    : rollBackDeploy(look, deploy, before)
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
  const { environment, changed, noted, canRollBack } = compared.value
  const isServing = noted !== null && noted.version === findCurrent(releases)?.version
  const isKept = changed.length === 0 && (isServing || isUntouched(look, releases))
  if (order.purpose === 'restore' && isKept)
    return answerDeployed(order, { deploy, own: null, now }, null)
  if (noted !== null && canRollBack) return rollBackDeploy(look, deploy, noted)
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

/** Other code serves than when the order began; going back overrules it. */
const answerStranger = (
  look: HerokuLook,
  deploy: HerokuDeploy,
  releases: readonly ReleaseOfApp[],
): readonly Answer[] | null => {
  const stranger = isGoingBack(look) ? null : findStranger(releases, deploy.before, null)
  if (stranger === null) return null
  const why = `Heroku made ${describeRelease(stranger)} before it was asked for this one`
  const reached = { deploy, own: null, now: look.now }
  return answerDeployFailed(look.order, reached, 'changed_elsewhere', why)
}

/** What came of the order's last request; null where there is none, or nothing came of it in its time. */
const answerRequest = async (
  look: HerokuLook,
  deploy: HerokuDeploy,
): Promise<readonly Answer[] | null> => {
  if (deploy.request === null) return null
  const { ask, order, now } = look
  const releases = await listReleases(ask)
  if (!releases.ok) return answerFailure(look, deploy, releases.error)
  const own = findReleaseOf(releases.value, deploy)
  if (own === null)
    return isUnderWay(deploy, now) ? waitFor(look, 'Heroku did not do what it was asked') : null
  // A cancel that came before Heroku had made the release found nothing to stop.
  const stopped = deploy.isCancelled ? await stopReleasePhase(ask, own.version) : succeed(null)
  if (!stopped.ok) return answerFailure(look, deploy, stopped.error)
  await recordOwn(look, deploy, own)
  return answerAs(order, 'waiting')
}

/** Does the next thing that the order needs, until Heroku has made its release. */
export const advanceDeploy = async (
  look: HerokuLook,
  deploy: HerokuDeploy,
): Promise<readonly Answer[]> => {
  const { order, ask, now } = look
  const answered = await answerRequest(look, deploy)
  if (answered !== null) return answered
  const prepared = await prepare(look, deploy)
  if (!prepared.ok) return prepared.error
  if (now >= order.notAfter) return waitFor(look, 'Heroku was not asked in time', 'too_late')
  const { value } = prepared
  const releases = await listReleases(ask)
  if (!releases.ok) return answerFailure(look, value, releases.error)
  const stranger = answerStranger(look, value, releases.value)
  if (stranger !== null) return stranger
  if (releases.value[0]?.status === 'pending') return waitFor(look, 'another release was under way')
  return order.release === null || value.images === null
    ? restoreBefore(look, value, releases.value)
    : bringOut(look, value, value.images, order.release, releases.value)
}
