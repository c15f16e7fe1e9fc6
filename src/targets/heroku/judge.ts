import type { Answer } from '../../deployment/step.ts'
import { addSeconds, type Instant } from '../../kernel/clock.ts'
import { Retryable, unlessRetryable } from '../../kernel/retryable.ts'
import { readAppEnvironment } from '../../secrets/app-secret.ts'
import { answerAs } from '../answers.ts'
import { answerDeployFailed, answerDeployed } from './answer.ts'
import { readApp } from './app.ts'
import { listDynos, selectDynos } from './dynos.ts'
import { checkHealth } from './health.ts'
import { answerFailure, waitFor, type HerokuLook } from './look.ts'
import { readOutput } from './output.ts'
import type { HerokuDeploy } from './record.ts'
import { describeRelease, findStranger, listReleases, type ReleaseOfApp } from './releases.ts'
import { listOthers, readVariables } from './variables.ts'

/** An order whose release Heroku has made. */
interface Released extends HerokuLook {
  readonly deploy: HerokuDeploy
  readonly own: ReleaseOfApp
  /** Releases of others since, which kept the code. */
  readonly between: readonly ReleaseOfApp[]
}

const toReached = ({ deploy, own, now }: Released) => ({ deploy, own, now })

/** When the dynos of the order began to start. */
const startedAt = ({ deploy, own }: Released): Instant => deploy.restartedAt ?? own.updated_at

/** Not well yet: it has the time of `health.timeout` for that. */
const waitUnhealthy = (released: Released, why: string): readonly Answer[] => {
  const { settings, order, now } = released
  const until = addSeconds(startedAt(released), settings.health.timeoutSeconds)
  if (now < until && now < order.notAfter) return answerAs(order, 'waiting')
  return answerDeployFailed(order, toReached(released), 'unhealthy', why)
}

/** The names of the variables that only Heroku has, and releases of others in between. */
const describeEnd = async (released: Released): Promise<string | null> => {
  const { ports, settings, order, ask, between } = released
  const { release, purpose } = order
  const told = between.map((one) => `Heroku made ${describeRelease(one)} meanwhile`)
  if (release === null || settings.env === 'leave' || purpose !== 'deploy')
    return told.join('; ') || null
  const environment = await readAppEnvironment(
    ports.readSecret,
    release.settings,
    release.secretVersion,
  ).catch(unlessRetryable)
  const there = await readVariables(ask)
  const isKnown = !(environment instanceof Retryable) && environment.ok && there.ok
  const others = isKnown ? listOthers(there.value, environment.value) : []
  const left =
    others.length === 0
      ? []
      : [`left alone at Heroku, and not in landfall.yml: ${others.join(', ')}`]
  return [...told, ...left].join('; ') || null
}

const concludeDeploy = async (released: Released): Promise<readonly Answer[]> => {
  const { ports, settings, order, deploy, own, now } = released
  const { release } = order
  if (release !== null && deploy.images !== null)
    await ports.records.recordRelease(settings, {
      generation: release.generation,
      digest: release.digest,
      images: deploy.images,
      id: own.id,
      version: own.version,
      at: now,
    })
  return answerDeployed(order, toReached(released), await describeEnd(released))
}

/** The check of Landfall: Heroku itself only waits until a port is open. */
const judgeHealth = async (released: Released): Promise<readonly Answer[]> => {
  const { ports, settings, order, ask, deploy } = released
  if (settings.process !== 'web' || order.release === null) return concludeDeploy(released)
  const app = await readApp(ask)
  if (!app.ok) return answerFailure(released, deploy, app.error)
  const { web_url: address } = app.value
  if (typeof address !== 'string')
    return waitUnhealthy(released, 'Heroku names no address at which the app could be asked')
  const why = await checkHealth(ports, address, settings.health)
  return why === null ? concludeDeploy(released) : waitUnhealthy(released, why)
}

const judgeDynos = async (released: Released): Promise<readonly Answer[]> => {
  const { settings, order, ask, deploy, own } = released
  const { app, process } = settings
  const listed = await listDynos(ask)
  if (!listed.ok) return answerFailure(released, deploy, listed.error)
  const { restartedAt } = deploy
  const since = restartedAt === null ? null : addSeconds(restartedAt, -5)
  const dynos = selectDynos(listed.value, process, own.version, since)
  const crashed = dynos.find(({ state }) => state === 'crashed')
  if (crashed !== undefined) {
    const why = `${crashed.name} crashed; see heroku logs --app ${app} --dyno ${crashed.name}`
    return answerDeployFailed(order, toReached(released), 'exited', why)
  }
  if (dynos.length === 0)
    return waitUnhealthy(
      released,
      `no dyno of ${process} runs it; is one scaled? heroku ps:scale ${process}=1 --app ${app}`,
    )
  // An Eco dyno without visitors is idle, and starts with the check.
  const starting = dynos.find(({ state }) => state !== 'up' && state !== 'idle')
  if (starting === undefined) return judgeHealth(released)
  return waitUnhealthy(released, `${starting.name} is ${starting.state}`)
}

const judgePhase = async (released: Released): Promise<readonly Answer[]> => {
  const { settings, order, own, deploy } = released
  if (own.status === 'succeeded') return judgeDynos(released)
  if (own.status !== 'failed')
    return waitFor(released, `Heroku still says ${own.status} of its release v${own.version}`)
  const tail = await readOutput(released, own.output_stream_url)
  const reason = deploy.isCancelled ? 'cancelled' : 'predeploy_failed'
  const why = `the release phase of v${own.version} failed at Heroku; see heroku releases:output v${own.version} --app ${settings.app}`
  return answerDeployFailed(order, toReached(released), reason, why, tail)
}

/** What has become of the release that Heroku made for an order. */
export const judge = async (
  look: HerokuLook,
  deploy: HerokuDeploy,
  version: number,
): Promise<readonly Answer[]> => {
  const { order, now } = look
  const listed = await listReleases(look.ask)
  if (!listed.ok) return answerFailure(look, deploy, listed.error)
  const own = listed.value.find((one) => one.version === version)
  if (own === undefined) return waitFor(look, `Heroku does not list its release v${version}`)
  const later = listed.value.filter((one) => one.version > version)
  const stranger = findStranger(listed.value, version, deploy.images?.image ?? null)
  if (stranger !== null) {
    const why = `v${version} was replaced at Heroku by ${describeRelease(stranger)}`
    return answerDeployFailed(order, { deploy, own, now }, 'changed_elsewhere', why)
  }
  return judgePhase({ ...look, deploy, own, between: later })
}
