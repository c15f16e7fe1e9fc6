import type { Server } from 'node:http'
import ServerlessOffline from 'serverless-offline'
import * as z from 'zod'
import { refuseForeignPages } from '../../base/listen.ts'
import { noContentType } from './gateway-event.ts'

// A process of its own: serverless-offline writes each function's variables into process.env.

const Order = z.object({
  port: z.number().int(),
  region: z.string(),
  hosts: z.array(z.string()),
  routes: z.array(z.object({ routeKey: z.string(), functionName: z.string() })),
})
type Order = z.infer<typeof Order>

type Continue = { readonly continue: symbol }
interface HapiRequest {
  payload: unknown
  readonly raw: { readonly req: { readonly rawHeaders: string[] } }
  readonly headers: Readonly<Record<string, string | undefined>>
}
interface HapiServer {
  ext(point: string, act: (request: HapiRequest, toolkit: Continue) => symbol): void
  start(): Promise<void>
  stop(): Promise<void>
  readonly info: { readonly port: number }
  readonly listener: Server
}
const HapiServer = z.custom<HapiServer>((value) => typeof value === 'object' && value !== null)

/** It says each path it serves, and a path may hold a hook's token. */
const silent = (): void => undefined
const tell = (...parts: unknown[]): void => {
  process.stderr.write(`${parts.map(String).join(' ')}\n`)
}
const log = {
  debug: silent,
  info: silent,
  notice: silent,
  verbose: silent,
  warning: tell,
  error: silent,
}

const toEvent = (routeKey: string) => ({ httpApi: routeKey === '$default' ? '*' : routeKey })

/** As much of a Serverless instance as serverless-offline reads, from the packaged template. */
const toServerless = ({ region, routes }: Order) => {
  const names = [...new Set(routes.map(({ functionName }) => functionName))]
  const definitions = new Map(
    names.map((name) => [
      name,
      {
        name,
        handler: 'bridge.handler',
        events: routes
          .filter(({ functionName }) => functionName === name)
          .map(({ routeKey }) => toEvent(routeKey)),
      },
    ]),
  )
  return {
    config: { serverlessPath: import.meta.dirname, servicePath: import.meta.dirname },
    serviceDir: import.meta.dirname,
    service: {
      service: 'landfall',
      custom: {},
      package: {},
      provider: { name: 'aws', runtime: 'nodejs24.x', stage: 'local', region, environment: {} },
      functions: Object.fromEntries(definitions),
      getAllFunctions: () => names,
      getFunction: (name: string) => definitions.get(name),
      getAllEventsInFunction: (name: string) => definitions.get(name)?.events ?? [],
    },
  }
}

/** Bodies go through serverless-offline as base64, so that no byte is lost on the way. */
const keepBytes = (server: HapiServer): void => {
  server.ext('onPreHandler', (request, toolkit) => {
    if (Buffer.isBuffer(request.payload) && request.payload.length > 0)
      request.payload = Buffer.from(request.payload.toString('base64'), 'latin1')
    if (request.headers['content-type'] === undefined)
      request.raw.req.rawHeaders.push(noContentType, '1')
    return toolkit.continue
  })
}

const start = async (order: Order): Promise<HapiServer> => {
  const options = {
    httpPort: order.port,
    useInProcess: true,
    noTimeout: true,
    disableCookieValidation: true,
    stage: 'local',
  }
  const offline = new ServerlessOffline(toServerless(order), options, { log, progress: {} })
  const internals = offline.internals()
  internals.mergeOptions()
  const { lambdas, httpApiEvents } = internals.getEvents()
  await internals.createLambda(lambdas, true)
  await internals.createHttp(httpApiEvents, true)
  const server = HapiServer.parse(internals.getApiGatewayServer())
  // Before hapi: serverless-offline lets every Origin in by CORS, and answers 200 to each preflight.
  refuseForeignPages(server.listener, order.hosts)
  keepBytes(server)
  await server.start()
  return server
}

const toText = (error: unknown): string => (error instanceof Error ? error.message : String(error))

process.once('message', (message: unknown) => {
  start(Order.parse(message)).then(
    (server) => process.send?.({ port: server.info.port }),
    (error: unknown) => process.send?.({ error: toText(error) }),
  )
})
// The stack asks by SIGTERM; if it dies, the channel closes and so does this.
process.once('disconnect', () => process.exit(0))
process.once('SIGTERM', () => process.exit(0))
process.on('SIGINT', () => undefined)
