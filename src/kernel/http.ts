import type { ReadableStream } from 'node:stream/web'
import type { Redacted } from './redacted.ts'
import { fail, succeed, type Result } from './result.ts'

export interface HttpRequest {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH'
  readonly url: URL
  readonly headers?: Readonly<Record<string, string>>
  /** The whole header, such as `Bearer …`. It is sent to the origin of `url` only, also on a redirect. */
  readonly authorization?: Redacted | null
  readonly body?: string
  /** For connecting, redirects and reading together. Default 10,000. */
  readonly timeoutMilliseconds?: number
  /** Default 1 MiB. */
  readonly maxBodyBytes?: number
}

export interface HttpResponse {
  readonly status: number
  readonly headers: Headers
  readonly body: Uint8Array
}

/** Names the host only: the paths and queries of webhooks are secrets. */
export interface HttpFailure {
  readonly kind: 'timeout' | 'unreachable' | 'body_too_large' | 'redirect_refused'
  readonly host: string
}

export type Http = (request: HttpRequest) => Promise<Result<HttpResponse, HttpFailure>>

/** Plain HTTP is allowed to this machine only, as in Docker. */
export const isLoopback = (hostname: string): boolean =>
  /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/.test(hostname)

const isAllowed = (url: URL): boolean =>
  url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url.hostname))

const readBody = async (response: Response, maxBytes: number): Promise<Uint8Array | null> => {
  const stream: ReadableStream<Uint8Array> | null = response.body
  const chunks: Uint8Array[] = []
  let size = 0
  // Leaving the loop cancels the rest.
  for await (const chunk of stream ?? []) {
    size += chunk.byteLength
    if (size > maxBytes) return null
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

const ask = (request: HttpRequest, url: URL, signal: AbortSignal): Promise<Response> => {
  const isOwnOrigin = url.origin === request.url.origin
  const authorization = isOwnOrigin ? request.authorization?.reveal() : undefined
  return fetch(url, {
    method: request.method,
    headers: {
      'user-agent': 'landfall',
      ...request.headers,
      ...(authorization !== undefined && { authorization }),
    },
    ...(request.body !== undefined && { body: request.body }),
    redirect: 'manual',
    signal,
  })
}

const follow = async (
  request: HttpRequest,
  signal: AbortSignal,
): Promise<Response | 'redirect_refused'> => {
  const isRead = request.method === 'GET' || request.method === 'HEAD'
  let { url } = request
  for (let count = 0; count <= 4 && isAllowed(url); count += 1) {
    const response = await ask(request, url, signal)
    const location = response.headers.get('location')
    const isRedirect = isRead && [301, 302, 303, 307, 308].includes(response.status)
    if (!isRedirect || location === null || !URL.canParse(location, url.href)) return response
    const next = new URL(location, url)
    await response.body?.cancel()
    // A remote server must not redirect to this machine.
    if (isLoopback(next.hostname) && !isLoopback(url.hostname)) return 'redirect_refused'
    url = next
  }
  return 'redirect_refused'
}

/**
 * The only outbound request. It requires HTTPS except to this machine, follows redirects of GET and HEAD
 * and returns those of other methods. It logs nothing, and a failure names the host only.
 */
export const http: Http = async (request) => {
  const { timeoutMilliseconds = 10_000, maxBodyBytes = 1024 * 1024, url } = request
  const signal = AbortSignal.timeout(timeoutMilliseconds)
  try {
    const response = await follow(request, signal)
    if (response === 'redirect_refused') return fail({ kind: response, host: url.host })
    const body = await readBody(response, maxBodyBytes)
    if (body === null) return fail({ kind: 'body_too_large', host: url.host })
    return succeed({ status: response.status, headers: response.headers, body })
  } catch {
    return fail({ kind: signal.aborted ? 'timeout' : 'unreachable', host: url.host })
  }
}
