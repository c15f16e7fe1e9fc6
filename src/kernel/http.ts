import type { ReadableStream } from 'node:stream/web'
import type { Redacted } from './redacted.ts'
import { fail, succeed, type Result } from './result.ts'

export interface HttpRequest {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  readonly url: URL
  readonly headers?: Readonly<Record<string, string>>
  /** The whole header, such as `Bearer …`. It is sent to the origin of `url` only, also on a redirect. */
  readonly authorization?: Redacted | null
  readonly body?: string
  /** Instead of `body`: a stream that is sent as it comes. */
  readonly upload?: HttpUpload
  /** For connecting, redirects and reading together. Default 10,000. */
  readonly timeoutMilliseconds?: number
  /** Whether a redirect of GET or HEAD is followed, as by default, or is the response. */
  readonly redirects?: 'follow' | 'return'
  /** Default 1 MiB. */
  readonly maxBodyBytes?: number
}

/** A body of a known length. An error that `chunks` throws fails the request, and so does a redirect. */
export interface HttpUpload {
  readonly bytes: number
  readonly chunks: AsyncIterable<Uint8Array>
}

interface HttpHead {
  readonly status: number
  readonly headers: Headers
  /** Who responded, where a redirect led to another origin. */
  readonly redirectedTo?: URL
}

export interface HttpResponse extends HttpHead {
  readonly body: Uint8Array
}

/** Names the host only: the paths and queries of webhooks are secrets. */
export interface HttpFailure {
  readonly kind: 'timeout' | 'unreachable' | 'body_too_large' | 'redirect_refused'
  readonly host: string
}

export type Http = (request: HttpRequest) => Promise<Result<HttpResponse, HttpFailure>>

/** A response whose body is read as it comes, within the request's time. */
export interface HttpStream extends HttpHead {
  /** Throws where the rest does not come. */
  readonly chunks: AsyncIterable<Uint8Array>
  /** Ends the request, read or not. */
  readonly close: () => void
}

export type OpenHttp = (request: HttpRequest) => Promise<Result<HttpStream, HttpFailure>>

/** Plain HTTP is allowed to this machine only, as in Docker. */
export const isLoopback = (hostname: string): boolean =>
  /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/.test(hostname)

const isAllowed = (url: URL): boolean =>
  url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url.hostname))

async function* readChunks({ body }: Response): AsyncGenerator<Uint8Array> {
  const stream: ReadableStream<Uint8Array> | null = body
  // Leaving the loop cancels the rest.
  for await (const chunk of stream ?? []) yield chunk
}

const readBody = async (
  stream: AsyncIterable<Uint8Array>,
  maxBytes: number,
): Promise<Uint8Array | null> => {
  const chunks: Uint8Array[] = []
  let size = 0
  // Leaving the loop cancels the rest.
  for await (const chunk of stream) {
    size += chunk.byteLength
    if (size > maxBytes) return null
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

const ask = (request: HttpRequest, url: URL, signal: AbortSignal): Promise<Response> => {
  const isOwnOrigin = url.origin === request.url.origin
  const authorization = isOwnOrigin ? request.authorization?.reveal() : undefined
  const { method, headers, body, upload } = request
  return fetch(url, {
    method,
    headers: {
      'user-agent': 'landfall',
      ...headers,
      ...(upload !== undefined && { 'content-length': String(upload.bytes) }),
      ...(authorization !== undefined && { authorization }),
    },
    redirect: 'manual',
    ...(body !== undefined && { body }),
    // Fetch keeps all that it has sent, for a redirect, unless there can be none
    // (Fetch standard, HTTP-network-or-cache fetch).
    ...(upload !== undefined && {
      body: upload.chunks,
      duplex: 'half',
      redirect: 'error',
    }),
    signal,
  })
}

interface Answered {
  readonly response: Response
  readonly from: URL
}

const follow = async (
  request: HttpRequest,
  signal: AbortSignal,
): Promise<Answered | 'redirect_refused'> => {
  const { method, redirects = 'follow' } = request
  const follows = redirects === 'follow' && (method === 'GET' || method === 'HEAD')
  let { url } = request
  for (let count = 0; count <= 4 && isAllowed(url); count += 1) {
    const response = await ask(request, url, signal)
    const location = response.headers.get('location')
    const isRedirect = follows && [301, 302, 303, 307, 308].includes(response.status)
    if (!isRedirect || location === null || !URL.canParse(location, url.href))
      return { response, from: url }
    const next = new URL(location, url)
    await response.body?.cancel()
    // A remote server must not redirect to this machine.
    if (isLoopback(next.hostname) && !isLoopback(url.hostname)) return 'redirect_refused'
    url = next
  }
  return 'redirect_refused'
}

const toHttpFailure = (signal: AbortSignal, { host }: URL) =>
  fail({ kind: signal.aborted ? 'timeout' : 'unreachable', host } as const)

const sendRequest = async (
  request: HttpRequest,
  signal: AbortSignal,
): Promise<Result<{ readonly response: Response; readonly head: HttpHead }, HttpFailure>> => {
  const { url } = request
  try {
    const answered = await follow(request, signal)
    if (answered === 'redirect_refused') return fail({ kind: answered, host: url.host })
    const { response, from } = answered
    const { status, headers } = response
    const isElsewhere = from.origin !== url.origin
    return succeed({
      response,
      head: { status, headers, ...(isElsewhere && { redirectedTo: from }) },
    })
  } catch {
    return toHttpFailure(signal, url)
  }
}

const defaultMilliseconds = 10_000

/**
 * The only outbound request. It requires HTTPS except to this machine, follows redirects of GET and HEAD
 * and returns those of other methods. It logs nothing, and a failure names the host only.
 */
export const http: Http = async (request) => {
  const { timeoutMilliseconds = defaultMilliseconds, maxBodyBytes = 1024 * 1024, url } = request
  const signal = AbortSignal.timeout(timeoutMilliseconds)
  const answered = await sendRequest(request, signal)
  if (!answered.ok) return answered
  const { response, head } = answered.value
  try {
    const body = await readBody(readChunks(response), maxBodyBytes)
    if (body === null) return fail({ kind: 'body_too_large', host: url.host })
    return succeed({ ...head, body })
  } catch {
    return toHttpFailure(signal, url)
  }
}

/** The same for a body of any size. */
export const openHttp: OpenHttp = async (request) => {
  const closing = new AbortController()
  const limit = AbortSignal.timeout(request.timeoutMilliseconds ?? defaultMilliseconds)
  const answered = await sendRequest(request, AbortSignal.any([limit, closing.signal]))
  if (!answered.ok) return answered
  const { response, head } = answered.value
  return succeed({
    ...head,
    chunks: readChunks(response),
    close: () => closing.abort(),
  })
}
