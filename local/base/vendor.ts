import { once } from 'node:events'
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { refuseForeign } from './listen.ts'

export interface Call {
  readonly method: string
  readonly path: string
  /** One that is there several times has its values joined by commas. */
  readonly query: Readonly<Record<string, string>>
  readonly headers: IncomingHttpHeaders
  /** Parsed JSON; undefined where there was no body. */
  readonly body: unknown
}

export interface Answer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: unknown
}

/**
 * What becomes of one call. `answer`: this instead of doing it. `lose`: it is done, and its answer is
 * lost. `hang`: it is not done, and nothing comes back. `slow`: it is done and answered, late.
 */
export type Fate =
  | ({ readonly kind: 'answer' } & Answer)
  | { readonly kind: 'lose' }
  | { readonly kind: 'hang' }
  | { readonly kind: 'slow'; readonly milliseconds: number }

/** A vendor's rule that a request broke; the vendor answers with it. */
export class Violation extends Error {
  override readonly name = 'Violation'
  readonly status: number
  constructor(message: string, status = 400) {
    super(message)
    this.status = status
  }
}

export interface Vendor {
  readonly url: URL
  /** `POST /deployments`, in the order they came. */
  readonly calls: Call[]
  /** What was asked against the vendor's schema. Empty, or the product is wrong. */
  readonly violations: string[]
  fate: (call: Call) => Fate | null
  stop(): Promise<void>
}

const readCall = async (request: IncomingMessage): Promise<Call> => {
  const chunks: string[] = []
  for await (const chunk of request.setEncoding('utf8')) chunks.push(String(chunk))
  const text = chunks.join('')
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://vendor')
  if (text !== '' && !/^application\/(x-amz-)?json/.test(request.headers['content-type'] ?? ''))
    throw new Violation('a body that is not announced as application/json')
  return {
    method: request.method ?? '',
    path: decodeURIComponent(pathname),
    query: Object.fromEntries(
      [...searchParams.keys()].map((key) => [key, searchParams.getAll(key).join(',')]),
    ),
    headers: request.headers,
    body: text === '' ? undefined : JSON.parse(text),
  }
}

const write = (response: ServerResponse, { status, headers = {}, body }: Answer): void => {
  response.writeHead(status, { 'content-type': 'application/json', ...headers })
  response.end(body === undefined ? '' : typeof body === 'string' ? body : JSON.stringify(body))
}

/** A small server in the place of somebody else's, that holds requests to its rules. */
export const startVendor = async (
  handle: (call: Call) => Answer | Promise<Answer>,
  port = 0,
): Promise<Vendor> => {
  const calls: Call[] = []
  const violations: string[] = []
  const handleChecked = async (call: Call): Promise<Answer> => {
    try {
      return await handle(call)
    } catch (error) {
      violations.push(`${call.method} ${call.path}: ${String(error)}`)
      const status = error instanceof Violation ? error.status : 400
      return { status, body: { message: 'a rule was broken' } }
    }
  }
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const call = await readCall(request)
    calls.push(call)
    const fate = vendor.fate(call)
    if (fate?.kind === 'hang') return
    if (fate?.kind === 'answer') return write(response, fate)
    const answered = await handleChecked(call)
    if (fate?.kind === 'slow') await sleep(fate.milliseconds)
    if (fate?.kind === 'lose') response.destroy()
    else write(response, answered)
  }
  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => {
      violations.push(String(error))
      response.destroy()
    })
  })
  refuseForeign(server).listen(port, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  const vendor: Vendor = {
    url: new URL(`http://127.0.0.1:${address.port}`),
    calls,
    violations,
    fate: () => null,
    stop: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
  return vendor
}

/** The first call that fits has this fate, and only that one. */
export const onceFor = (
  isFitting: (call: Call) => boolean,
  fate: Fate,
): ((call: Call) => Fate | null) => {
  let isOver = false
  return (call) => {
    if (isOver || !isFitting(call)) return null
    isOver = true
    return fate
  }
}
