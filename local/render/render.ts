import { randomBytes } from 'node:crypto'
import * as z from 'zod'
import { startVendor, Violation, type Answer, type Call, type Vendor } from '../base/vendor.ts'
import { gone, notAcceptable, notFound, tooMany, unauthorized } from './answers.ts'
import type { JsonFile } from '../base/json-file.ts'
import { createRateLimits } from './rate-limit.ts'
import { routes } from './routes.ts'
import { createService, ServiceState, type Service } from './service.ts'
import { defaultSettings, type ServiceSettings } from './settings.ts'

export interface RenderOptions {
  /** Whether this is an API key that may reach the services. */
  readonly isToken: (token: string) => boolean | Promise<boolean>
  readonly services: readonly (Partial<ServiceSettings> & Pick<ServiceSettings, 'id'>)[]
  readonly now?: () => Date
  /** 0, the default, takes a free port. */
  readonly port?: number
  /** Where variables and deploys are kept while it is away; none: they end with it. */
  readonly kept?: JsonFile<RenderState>
}

/** By service. */
export const RenderState = z.record(z.string(), ServiceState)
type RenderState = z.infer<typeof RenderState>

export interface RenderServer extends Vendor {
  /** @throws Error where there is none of this id */
  service(id: string): Service
}

/** Requests a minute: deploys for each service, everything else for each key. */
const limits = { read: 400, write: 30, deploy: 10 }

const newDeployId = (): string => `dep-${randomBytes(10).toString('hex')}`

const readToken = ({ headers }: Call): string =>
  /^Bearer (\S+)$/.exec(headers.authorization ?? '')?.[1] ?? ''

const acceptsJson = ({ headers }: Call): boolean =>
  /\*\/\*|application\/(json|\*)/.test(headers.accept ?? '*/*')

const findRoute = ({ method, path, query }: Call) => {
  const [, id = '', rest = '/'] = /^\/v1\/services\/([^/]+)(.*)$/.exec(path) ?? []
  const fitting = routes.filter((one) => one.path.test(rest))
  const route = fitting.find((one) => one.method === method)
  if (route === undefined)
    throw new Violation('is not in the schema', fitting.length === 0 ? 404 : 405)
  if (method !== 'GET' && Object.keys(query).length > 0) throw new Violation('takes no query')
  return { ...route, id, name: route.path.exec(rest)?.[1] ?? '' }
}

/**
 * The part of Render's API that deploys a service that runs an image. What a request breaks of the
 * published schema is answered with 400, 404 or 405 and kept in `violations`.
 */
export const startRender = async (options: RenderOptions): Promise<RenderServer> => {
  const { isToken, services: given, now: clock = () => new Date(), port, kept } = options
  const now = (): number => clock().getTime()
  const parts = { now, newId: newDeployId }
  const before = kept?.read() ?? {}
  const services = new Map(
    given.map((one) => [
      one.id,
      createService({ ...defaultSettings, ...one }, parts, before[one.id]),
    ]),
  )
  const keep = (): void =>
    kept?.write(Object.fromEntries([...services].map(([id, one]) => [id, one.state()])))
  const take = createRateLimits(now)

  const handle = async (call: Call): Promise<Answer> => {
    const token = readToken(call)
    if (!(await isToken(token))) return unauthorized
    if (!acceptsJson(call)) return notAcceptable
    const { id, limit, handle: act, name } = findRoute(call)
    const service = services.get(id)
    const { isOver, headers } = take(`${limit} ${limit === 'deploy' ? id : token}`, limits[limit])
    const choose = (): Answer => {
      if (isOver) return tooMany
      if (service === undefined) return notFound(id)
      return service.settings.isGone ? gone(id) : act(service, call, name)
    }
    const answer = choose()
    keep()
    return { ...answer, headers: { ...answer.headers, ...headers } }
  }

  return Object.assign(await startVendor(handle, port), {
    service: (id: string): Service => {
      const found = services.get(id)
      if (found === undefined) throw new Error(`there is no service ${id}`)
      return found
    },
  })
}
