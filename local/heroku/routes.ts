import type { Answer, Call } from '../base/vendor.ts'
import { invalid, notFound } from './answers.ts'
import type { HerokuApp } from './app.ts'
import {
  describeApp,
  describeDyno,
  describeFormation,
  describePreboot,
  describeRelease,
} from './describe.ts'
import { toPage } from './range.ts'
import type { Release } from './release.ts'
import { ConfigChanges, FormationUpdate, Nothing, Rollback } from './schema.ts'

/** What a request is answered from. */
interface Visit {
  readonly app: HerokuApp
  readonly call: Call
  /** The last part of the path that the route leaves open. */
  readonly name: string
  /** The e-mail address of the account. */
  readonly by: string
  /** Of this server. */
  readonly url: string
  readonly hasImage: (app: string, process: string, image: string) => Promise<boolean>
}

type Handle = (visit: Visit) => Answer | Promise<Answer>

interface Route {
  readonly method: string
  /** As in the published schema; a name in braces is one part of a path. */
  readonly path: string
  /** The variant of version 3 that the header Accept has to name. */
  readonly variant?: 'docker-releases'
  readonly handle: Handle
}

const find = (app: HerokuApp, name: string): Release | undefined =>
  app.releases().find(({ id, version }) => id === name || String(version) === name)

const toAnswer = (visit: Visit, status: number, release: Release): Answer => ({
  status,
  body: describeRelease(visit.app, release, visit.url),
})

const readApp: Handle = ({ app }) => ({ status: 200, body: describeApp(app) })

const readConfig: Handle = ({ app }) => ({ status: 200, body: Object.fromEntries(app.configVars) })

const changeConfig: Handle = (visit) => {
  visit.app.setConfig(ConfigChanges.parse(visit.call.body), visit.by)
  return readConfig(visit)
}

const readFormation: Handle = ({ app }) => ({ status: 200, body: describeFormation(app) })

const changeFormation: Handle = async (visit) => {
  const { app, call, by, hasImage } = visit
  const { name, stack } = app.settings
  const { updates } = FormationUpdate.parse(call.body)
  if (stack !== 'container') return invalid('This app does not run on the container stack.')
  for (const { type, docker_image } of updates)
    if (docker_image !== null && !(await hasImage(name, type, docker_image)))
      return notFound('docker_image')
  app.release(Object.fromEntries(updates.map(({ type, docker_image }) => [type, docker_image])), by)
  return readFormation(visit)
}

const listReleases: Handle = ({ app, call, url }) =>
  toPage(
    app.releases().map((release) => describeRelease(app, release, url)),
    call.headers.range ?? 'id ..',
    ['id', 'version'],
  )

const readRelease: Handle = (visit) => {
  const release = find(visit.app, visit.name)
  return release === undefined ? notFound('release') : toAnswer(visit, 200, release)
}

const readReleaseConfig: Handle = ({ app, name }) => {
  const release = find(app, name)
  return release === undefined ? notFound('release') : { status: 200, body: release.config }
}

const rollBack: Handle = (visit) => {
  const { app, call, by } = visit
  const release = find(app, Rollback.parse(call.body).release)
  if (release === undefined) return notFound('release')
  const made = app.rollBack(release, by)
  return made === null
    ? invalid(`Cannot roll back to v${release.version}: it is not eligible.`)
    : toAnswer(visit, 201, made)
}

const listDynos: Handle = ({ app }) => ({
  status: 200,
  body: app.dynos().map((dyno) => describeDyno(app, dyno)),
})

const restart: Handle = ({ app }) => {
  app.restart()
  return { status: 202, body: {} }
}

const stop: Handle = ({ app, name }) =>
  app.stop(name) ? { status: 202, body: {} } : notFound('dyno')

const readFeature: Handle = ({ app, name }) =>
  name === 'preboot' ? { status: 200, body: describePreboot(app) } : notFound('feature')

const empty =
  (handle: Handle): Handle =>
  (visit) => {
    Nothing.parse(visit.call.body)
    return handle(visit)
  }

const of = (rest: string): string => `/apps/{app}${rest}`

export const routes: readonly Route[] = [
  { method: 'GET', path: of(''), handle: empty(readApp) },
  { method: 'GET', path: of('/config-vars'), handle: empty(readConfig) },
  { method: 'PATCH', path: of('/config-vars'), handle: changeConfig },
  { method: 'GET', path: of('/formation'), handle: empty(readFormation) },
  {
    method: 'PATCH',
    path: of('/formation'),
    variant: 'docker-releases',
    handle: changeFormation,
  },
  { method: 'GET', path: of('/releases'), handle: empty(listReleases) },
  { method: 'GET', path: of('/releases/{release}'), handle: empty(readRelease) },
  {
    method: 'GET',
    path: of('/releases/{release}/config-vars'),
    handle: empty(readReleaseConfig),
  },
  { method: 'POST', path: of('/releases'), handle: rollBack },
  { method: 'GET', path: of('/dynos'), handle: empty(listDynos) },
  { method: 'DELETE', path: of('/dynos'), handle: empty(restart) },
  { method: 'POST', path: of('/dynos/{dyno}/actions/stop'), handle: empty(stop) },
  { method: 'GET', path: of('/features/{feature}'), handle: empty(readFeature) },
]
