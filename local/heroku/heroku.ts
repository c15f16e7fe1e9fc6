import * as z from 'zod'
import type { JsonFile } from '../base/json-file.ts'
import { startVendor, Violation, type Answer, type Call, type Vendor } from '../base/vendor.ts'
import { forbidden, notFound, suspended, tooMany, unauthorized } from './answers.ts'
import { createApp, type HerokuApp } from './app.ts'
import { createSimulatedDynos, type Dynos, type Pace } from './dynos.ts'
import { AppState } from './history.ts'
import { createRateLimit } from './rate-limit.ts'
import { startRouter } from './router.ts'
import { routes } from './routes.ts'
import { defaultSettings, type HerokuAppSettings } from './settings.ts'

export interface HerokuOptions {
  /** Whether this is a token that may reach the apps. */
  readonly isToken: (token: string) => boolean | Promise<boolean>
  readonly apps: readonly (Partial<HerokuAppSettings> & Pick<HerokuAppSettings, 'name'>)[]
  /** Whether `<app>/<process>` of the registry has, or had under `latest` when it was asked for, an image of this id. */
  readonly hasImage: (app: string, process: string, image: string) => Promise<boolean>
  /**
   * What runs the processes, stopped by its owner after the server; by default nothing runs, and releases
   * take their course by the clock.
   */
  readonly dynos?: Dynos
  readonly now?: () => Date
  readonly pace?: Partial<Pace>
  /** 0, the default, takes a free port. */
  readonly port?: number
  /** Where config vars and releases are kept while it is away; none: they end with it. */
  readonly kept?: JsonFile<HerokuState>
}

/** By app. */
export const HerokuState = z.record(z.string(), AppState)
type HerokuState = z.infer<typeof HerokuState>

export interface HerokuServer extends Vendor {
  /** @throws Error where there is none of this name */
  app(name: string): HerokuApp
  /** What others ask of Heroku for the same account: so many requests; false where so many are not left. */
  spend(requests: number): boolean
}

/** Faster than Heroku, but for the time that a dyno has for its port. */
const defaultPace: Pace = { releasePhase: 2, start: 3, bind: 60, coolOff: 20, switchover: 10 }

const watchMilliseconds = 200

/** Releases that the API makes are of this account. */
const account = 'landfall@example.com'
const mediaType = /^application\/vnd\.heroku\+json; ?version=3(?:\.([\w-]+))?$/

const toPattern = (path: string): RegExp =>
  new RegExp(`^${path.replaceAll(/\{\w+\}/g, '([^/]+)')}$`)

const findRoute = ({ method, path, query }: Call, variant: string | undefined) => {
  const fitting = routes.filter((one) => toPattern(one.path).test(path))
  const route = fitting.find((one) => one.method === method)
  if (route === undefined)
    throw new Violation('is not in the schema', fitting.length === 0 ? 404 : 405)
  if (variant !== route.variant) throw new Violation(`does not take ${variant ?? 'version 3'}`, 406)
  if (Object.keys(query).length > 0) throw new Violation('takes no query')
  const [, app = '', name = ''] = toPattern(route.path).exec(path) ?? []
  return { ...route, app, name }
}

const startApps = async (options: HerokuOptions, now: () => number) => {
  const { apps: given, pace, kept } = options
  const before = kept?.read() ?? {}
  const parts = { now, pace: { ...defaultPace, ...pace } }
  const dynos = options.dynos ?? createSimulatedDynos(now, parts.pace)
  return Promise.all(
    given.map(async (one) => {
      const router = await startRouter(() => app)
      const settings = { ...defaultSettings, ...one }
      const app = createApp({ ...parts, dynos, settings }, router.url, before[one.name])
      return { app, router }
    }),
  )
}

const readStream = (apps: readonly HerokuApp[], { headers }: Call, id: string): Answer => {
  if (headers.authorization !== undefined) throw new Violation('an output stream gets no token')
  const release = apps.flatMap((app) => app.releases()).find((one) => one.id === id)
  const output = release?.output ?? null
  if (output === null) return notFound('stream')
  return { status: 200, headers: { 'content-type': 'text/plain; charset=utf-8' }, body: output }
}

/** Heroku answers an app that is not well before it does anything. */
const refuse = (app: HerokuApp | undefined): Answer | null => {
  if (app === undefined || app.settings.isGone) return notFound('app')
  if (app.settings.isForbidden) return forbidden(app.settings.name)
  return app.settings.isSuspended ? suspended : null
}

/**
 * The part of Heroku's Platform API that deploys images, and the apps' own addresses. What a request breaks
 * of the published schema is answered with 400, 404, 405, 406 or 416 and kept in `violations`.
 */
export const startHeroku = async (options: HerokuOptions): Promise<HerokuServer> => {
  const now = (): number => (options.now?.() ?? new Date()).getTime()
  const started = await startApps(options, now)
  const apps = started.map(({ app }) => app)
  const limit = createRateLimit(now)

  const act = async (call: Call, variant: string | undefined): Promise<Answer> => {
    const { app: named, name, handle } = findRoute(call, variant)
    const app = apps.find(({ id, settings }) => settings.name === named || id === named)
    const refused = refuse(app)
    if (refused !== null || app === undefined) return refused ?? notFound('app')
    const url = server.url.origin
    const answer = await handle({ app, call, name, by: account, url, hasImage: options.hasImage })
    options.kept?.write(Object.fromEntries(apps.map((one) => [one.settings.name, one.state()])))
    return answer
  }
  const handle = async (call: Call): Promise<Answer> => {
    const [, stream] = /^\/streams\/([\w-]+)$/.exec(call.path) ?? []
    if (stream !== undefined) return readStream(apps, call, stream)
    const [accepted, variant] = mediaType.exec(call.headers.accept ?? '') ?? []
    if (accepted === undefined) throw new Violation('is not asked for in version 3', 406)
    const [, token = ''] = /^Bearer (\S+)$/.exec(call.headers.authorization ?? '') ?? []
    if (!(await options.isToken(token))) return unauthorized
    if (call.method === 'GET' && call.path === '/account/rate-limits')
      return { status: 200, body: { remaining: limit.remaining() } }
    const answer = limit.take(1) ? await act(call, variant) : tooMany
    const headers = { ...answer.headers, 'ratelimit-remaining': String(limit.remaining()) }
    return { ...answer, headers }
  }

  // What runs by itself is looked at by itself: a process that ended is started again.
  const watch = setInterval(() => {
    if (options.dynos !== undefined) for (const app of apps) app.dynos()
  }, watchMilliseconds)
  const server = await startVendor(handle, options.port)
  const stopVendor = server.stop.bind(server)
  return Object.assign(server, {
    spend: (requests: number): boolean => limit.take(requests),
    app: (name: string): HerokuApp => {
      const found = apps.find(({ settings }) => settings.name === name)
      if (found === undefined) throw new Error(`there is no app ${name}`)
      return found
    },
    stop: async (): Promise<void> => {
      clearInterval(watch)
      await stopVendor()
      for (const { app, router } of started) {
        await router.stop()
        app.close()
      }
    },
  })
}
