import { randomBytes } from 'node:crypto'
import { Violation, type Answer, type Call } from '../base/vendor.ts'
import { badRequest, conflict, notFound } from './answers.ts'
import { describeDeploy, describeService } from './describe.ts'
import { parseReference } from './image.ts'
import { selectDeploys, toPage } from './list.ts'
import { DeployQuery, EnvVarInput, Page, NewDeploy, NewRollback, Nothing } from './schema.ts'
import type { Service } from './service.ts'

type Handle = (service: Service, call: Call, name: string) => Answer

interface Route {
  readonly method: string
  /** What follows `/v1/services/{serviceId}`; its group is handed on. */
  readonly path: RegExp
  readonly limit: 'read' | 'write' | 'deploy'
  readonly handle: Handle
}

const created = (deploy: ReturnType<Service['deploy']>): Answer =>
  deploy === null ? { status: 202 } : { status: 201, body: describeDeploy(deploy) }

const createDeploy: Handle = (service, { body }) => {
  const { settings } = service
  const { imageUrl } = NewDeploy.parse(body)
  if (settings.isSuspended) return conflict('the service is suspended')
  if (imageUrl === undefined) return created(service.deploy(null, 'api'))
  if (settings.imagePath === null) return badRequest('the service does not run an image')
  const { name } = parseReference(settings.imagePath)
  if (parseReference(imageUrl).name !== name)
    return badRequest('the host, repository and image name must match those of the service')
  return created(service.deploy(imageUrl, 'api'))
}

const rollBack: Handle = (service, { body }) => {
  const { deployId } = NewRollback.parse(body)
  const target = service.deploys().find(({ id }) => id === deployId)
  if (target === undefined) return notFound(deployId)
  const wasLive = ['live', 'deactivated'].includes(target.status)
  return wasLive ? created(service.rollBack(target)) : badRequest('that deploy never was live')
}

const listDeploys: Handle = (service, { query }) => {
  const parsed = DeployQuery.parse(query)
  const selected = selectDeploys(service.deploys(), parsed)
  return toPage(
    selected,
    parsed,
    ({ id }) => id,
    (one) => ({ deploy: describeDeploy(one) }),
  )
}

const withDeploy =
  (act: (service: Service, deploy: ReturnType<Service['deploys']>[number]) => Answer): Handle =>
  (service, { query, body }, id) => {
    Nothing.parse({ query, body })
    const deploy = service.deploys().find((one) => one.id === id)
    return deploy === undefined ? notFound(id) : act(service, deploy)
  }

const readDeploy = withDeploy((_, deploy) => ({ status: 200, body: describeDeploy(deploy) }))

const cancelDeploy = withDeploy((service, deploy) =>
  service.cancel(deploy)
    ? { status: 200, body: describeDeploy(deploy) }
    : badRequest('the deploy has ended'),
)

const listEnvVars: Handle = ({ env }, { query }) =>
  toPage(
    [...env],
    Page.parse(query),
    ([key]) => key,
    ([key, value]) => ({ envVar: { key, value } }),
  )

const readEnvVar: Handle = ({ env }, { query, body }, key) => {
  Nothing.parse({ query, body })
  const value = env.get(key)
  return value === undefined ? notFound(key) : { status: 200, body: { key, value } }
}

const writeEnvVar: Handle = ({ env }, { body }, key) => {
  const input = EnvVarInput.parse(body)
  const value = 'value' in input ? input.value : randomBytes(32).toString('base64')
  env.set(key, value)
  return { status: 200, body: { key, value } }
}

const deleteEnvVar: Handle = ({ env }, { query, body }, key) => {
  Nothing.parse({ query, body })
  return env.delete(key) ? { status: 204 } : notFound(key)
}

const replaceEnvVars: Handle = () => {
  throw new Violation('the whole list replaces what others have set; one variable at a time')
}

const readService: Handle = (service, { query, body }) => {
  Nothing.parse({ query, body })
  return { status: 200, body: describeService(service) }
}

const oneEnvVar = /^\/env-vars\/([^/]+)$/

export const routes: readonly Route[] = [
  { method: 'GET', path: /^$/, limit: 'read', handle: readService },
  { method: 'GET', path: /^\/env-vars$/, limit: 'read', handle: listEnvVars },
  { method: 'PUT', path: /^\/env-vars$/, limit: 'write', handle: replaceEnvVars },
  { method: 'GET', path: oneEnvVar, limit: 'read', handle: readEnvVar },
  { method: 'PUT', path: oneEnvVar, limit: 'write', handle: writeEnvVar },
  { method: 'DELETE', path: oneEnvVar, limit: 'write', handle: deleteEnvVar },
  { method: 'GET', path: /^\/deploys$/, limit: 'read', handle: listDeploys },
  { method: 'POST', path: /^\/deploys$/, limit: 'deploy', handle: createDeploy },
  { method: 'GET', path: /^\/deploys\/([^/]+)$/, limit: 'read', handle: readDeploy },
  { method: 'POST', path: /^\/deploys\/([^/]+)\/cancel$/, limit: 'write', handle: cancelDeploy },
  { method: 'POST', path: /^\/rollback$/, limit: 'write', handle: rollBack },
]
