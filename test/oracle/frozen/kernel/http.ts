import type { ReadableStream } from 'node:stream/web'
import type { Redacted } from './redacted.ts'
import { fail, succeed, type Result } from './result.ts'

export interface HttpRequest {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH'
  readonly url: URL
  readonly headers?: Readonly<Record<string, string>>
  /** The whole header, such as `Bearer …`. It goes to the origin of `url` and, on a redirect, to no other. */
  readonly authorization?: Redacted | null
  readonly body?: string
  /** For everything: connecting, redirects and reading. Default 10,000. */
  readonly timeoutMilliseconds?: number
  /** Default 1 MiB. */
  readonly maxBodyBytes?: number
}

export interface HttpResponse {
  readonly status: number
  readonly headers: Headers
  readonly body: Uint8Array
}

/** Names the host only: paths and queries of webhooks and tokens are secrets. */
export interface HttpFailure {
  readonly kind: 'timeout' | 'unreachable' | 'body_too_large' | 'redirect_refused'
  readonly host: string
}

export type Http = (request: HttpRequest) => Promise<Result<HttpResponse, HttpFailure>>

const mostRedirects = 4
const redirects = [301, 302, 303, 307, 308]

const loopback = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/

/** Plain HTTP is for this machine only, as it is for Docker. */
export const isLoopback = (hostname: string): boolean => loopback.test(hostname)

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

const locationOf = (response: Response, from: URL): URL | null => {
  const location = response.headers.get('location')
  return location !== null && URL.canParse(location, from.href) ? new URL(location, from) : null
}

const follow = async (
  request: HttpRequest,
  signal: AbortSignal,
): Promise<Response | 'redirect_refused'> => {
  const isRead = request.method === 'GET' || request.method === 'HEAD'
  let { url } = request
  for (let count = 0; count <= mostRedirects && isAllowed(url); count += 1) {
    const response = await ask(request, url, signal)
    const next = redirects.includes(response.status) ? locationOf(response, url) : null
    if (next === null || !isRead) return response
    await response.body?.cancel()
    // A server out there may not send us to this machine.
    if (isLoopback(next.hostname) && !isLoopback(url.hostname)) return 'redirect_refused'
    url = next
  }
  return 'redirect_refused'
}

/**
 * The one way out. HTTPS everywhere but to this machine; redirects of GET and HEAD are followed, of
 * anything else answered as they are. Nothing is logged here, and no failure holds more than a host.
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
