import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Server as TcpServer } from 'node:net'
import { tellTakenPort } from './holder.ts'

/** Something that the person who starts the stack can put right; printed as one line. */
export class StartError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'StartError'
  }
}

/** Turns a failure whose message was written for the person who starts the stack into one that is shown. */
export const forPerson = <Value>(attempt: Promise<Value>): Promise<Value> =>
  attempt.catch((error: unknown) => {
    throw new StartError(error instanceof Error ? error.message : String(error))
  })

const isBusy = (error: Error): boolean => 'code' in error && error.code === 'EADDRINUSE'

/** Loopback only. */
export const listen = (server: TcpServer, port: number): Promise<number> =>
  new Promise((resolve, reject) => {
    server.once('error', (error) =>
      reject(isBusy(error) ? new StartError(tellTakenPort(port)) : error),
    )
    server.listen(port, 'localhost', () => {
      const address = server.address()
      resolve(typeof address === 'object' && address ? address.port : port)
    })
  })

export const toAddress = (port: number): string => `http://localhost:${port}`

const loopbackNames = ['localhost', '127.0.0.1', '[::1]']

/**
 * Why a request was sent to another name than this machine's loopback and the port it came in at; null
 * where it was not. A web page whose name is rebound to 127.0.0.1 still sends that name.
 */
const tellForeignHost = (
  { headers, socket }: IncomingMessage,
  further: readonly string[] = [],
): string | null => {
  const own = loopbackNames.map((name) => `${name}:${socket.localPort ?? 0}`)
  const host = (headers.host ?? '').toLowerCase()
  return [...own, ...further].includes(host)
    ? null
    : `Refused: the Host header must be one of ${own.join(', ')}.`
}

/** Why a request comes from elsewhere than a program on this machine; null where it does not. */
const tellForeign = (request: IncomingMessage): string | null => {
  const { origin, 'sec-fetch-site': site = 'none' } = request.headers
  if (origin !== undefined || site !== 'none')
    return 'Refused: the request comes from a web page (it has an Origin or a Sec-Fetch-Site header).'
  return tellForeignHost(request)
}

const isOriginOf = (origin: string, host: string): boolean =>
  URL.canParse(origin) && new URL(origin).host === host.toLowerCase()

/** Why a request comes from a page of another server; a link there may lead here all the same. */
const tellForeignPage = (
  request: IncomingMessage,
  furtherHosts?: readonly string[],
): string | null => {
  const { method, headers } = request
  const { host = '', origin, 'sec-fetch-site': site = 'none', 'sec-fetch-mode': mode } = headers
  const isOwnPage = origin === undefined || isOriginOf(origin, host)
  const isLink = method === 'GET' && mode === 'navigate'
  if (isOwnPage && (site === 'none' || site === 'same-origin' || isLink))
    return tellForeignHost(request, furtherHosts)
  return 'Refused: the request comes from a web page of another server (by its Origin or Sec-Fetch-Site header).'
}

/** In front of what serves the server's requests. */
const refuseOn = (server: Server, tell: (request: IncomingMessage) => string | null): Server => {
  // A request that expects an answer before its body comes by an event of its own, where that has a listener.
  for (const event of ['request', 'checkContinue', 'checkExpectation']) {
    const listeners = server.listeners(event)
    if (listeners.length === 0) continue
    server.removeAllListeners(event)
    server.on(event, (request: IncomingMessage, response: ServerResponse) => {
      const why = tell(request)
      if (why === null)
        for (const serve of listeners) Reflect.apply(serve, server, [request, response])
      else
        response
          .writeHead(403, { 'content-type': 'text/plain', connection: 'close' })
          .end(`${why}\n`)
    })
  }
  return server
}

/**
 * For programs on this machine alone: no web page reaches the server, neither by a form nor by a name
 * that is rebound to loopback.
 */
export const refuseForeign = (server: Server): Server => refuseOn(server, tellForeign)

/** The same for a server that has pages of its own: these reach it, and no other page. */
export const refuseForeignPages = (server: Server, furtherHosts?: readonly string[]): Server =>
  refuseOn(server, (request) => tellForeignPage(request, furtherHosts))

/** For this machine's browsers too: what a page may send the server is the server's own affair. */
export const refuseForeignHosts = (server: Server): Server => refuseOn(server, tellForeignHost)
