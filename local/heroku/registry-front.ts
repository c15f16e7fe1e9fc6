import { once } from 'node:events'
import {
  createServer,
  request as sendBehind,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  type ServerResponse,
} from 'node:http'
import { refuseForeign } from '../base/listen.ts'
import { freePort } from '../docker/free-port.ts'

/** The one form of manifest that Heroku's registry takes. */
const schema2 = 'application/vnd.docker.distribution.manifest.v2+json'

export interface FrontRequest {
  readonly method: string
  /** With its query. */
  readonly path: string
  readonly authorization: string | null
  /** Of the body, so far. */
  bytes: number
  /** Null until it is answered. */
  status: number | null
}

/** An answer that the registry does not give itself. */
export interface FrontAnswer {
  readonly status: number
  readonly headers?: OutgoingHttpHeaders
  readonly body?: string
}

export interface RegistryFront {
  readonly url: URL
  /** Of all requests, in their order. */
  readonly requests: readonly FrontRequest[]
  /** What becomes of a request instead; null: it passes. */
  intercept: (request: FrontRequest) => FrontAnswer | null
  readonly stop: () => Promise<void>
}

export interface FrontOptions {
  /** `localhost:5000`, the registry behind it. */
  readonly registry: string
  /** Whether this password of the user `_` may push and pull. */
  readonly isToken: (token: string) => boolean | Promise<boolean>
}

const answerWith = (response: ServerResponse, { status, headers = {}, body = '' }: FrontAnswer) => {
  response.writeHead(status, headers)
  response.end(body)
}

const refusal = (status: number, code: string, headers: OutgoingHttpHeaders = {}): FrontAnswer => ({
  status,
  headers: { 'content-type': 'application/json', ...headers },
  body: JSON.stringify({ errors: [{ code, message: 'refused' }] }),
})

/** What Heroku's registry refuses and the registry behind would take. */
const judge = async (
  incoming: IncomingMessage,
  isToken: FrontOptions['isToken'],
): Promise<FrontAnswer | null> => {
  const [, basic = ''] = /^Basic (\S+)$/.exec(incoming.headers.authorization ?? '') ?? []
  const [user, token = ''] = Buffer.from(basic, 'base64').toString().split(':')
  if (user !== '_' || !(await isToken(token)))
    return refusal(401, 'UNAUTHORIZED', { 'www-authenticate': 'Basic realm="Heroku"' })
  const isManifest = incoming.method === 'PUT' && /\/manifests\//.test(incoming.url ?? '')
  return isManifest && incoming.headers['content-type'] !== schema2
    ? refusal(415, 'UNSUPPORTED')
    : null
}

/**
 * A registry as Heroku's: a real one, behind a front that asks for an API key and answers 415 to every
 * manifest that is not Docker's schema 2.
 */
export const startRegistryFront = async (options: FrontOptions): Promise<RegistryFront> => {
  const requests: FrontRequest[] = []
  const pass = (incoming: IncomingMessage, response: ServerResponse, seen: FrontRequest) => {
    const { authorization: _, ...headers } = incoming.headers
    const behind = sendBehind(
      `http://${options.registry}${seen.path}`,
      { method: seen.method, headers },
      (answer) => {
        seen.status = answer.statusCode ?? 0
        response.writeHead(seen.status, answer.headers)
        answer.pipe(response)
      },
    )
    behind.on('error', () => response.destroy())
    response.on('close', () => {
      if (!response.writableFinished) behind.destroy()
    })
    incoming.on('data', (chunk: Buffer) => {
      seen.bytes += chunk.length
    })
    incoming.pipe(behind)
  }
  const handle = async (incoming: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { method = 'GET', url: path = '/' } = incoming
    const authorization = incoming.headers.authorization ?? null
    const seen: FrontRequest = { method, path, authorization, bytes: 0, status: null }
    requests.push(seen)
    const instead = (await judge(incoming, options.isToken)) ?? front.intercept(seen)
    if (instead === null) return pass(incoming, response, seen)
    seen.status = instead.status
    incoming.resume()
    answerWith(response, instead)
  }
  const server = createServer((incoming, response) => {
    handle(incoming, response).catch(() => response.destroy())
  })
  const port = await freePort()
  refuseForeign(server).listen(port, '127.0.0.1')
  await once(server, 'listening')
  const front: RegistryFront = {
    url: new URL(`http://127.0.0.1:${port}`),
    requests,
    intercept: () => null,
    stop: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
  return front
}
