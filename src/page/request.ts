import * as z from 'zod'
import { toRequest } from '../delivery/request.ts'

/** A request for the page, with what its checks go by. */
export interface PageRequest {
  readonly method: string
  readonly path: string
  readonly query: URLSearchParams
  /** The token of the session's cookie; null where there is none, or what cannot be one. */
  readonly token: string | null
  readonly ifNoneMatch: string
  /** Whether a page of this very site sent it, by `Origin` and `Host`: no other page can write these. */
  readonly isSameOrigin: boolean
  /** Of a form; empty for any other body, and for one that no form of the page is long enough for. */
  readonly form: URLSearchParams
}

const CookieEvent = z.object({
  cookies: z.array(z.string()).default([]),
  rawQueryString: z.string().default(''),
})

/** The browser takes a cookie of this prefix over HTTPS only, from this host alone. The local stack has no HTTPS. */
export const toCookieName = (apiUrl: string): string =>
  apiUrl.startsWith('https:') ? '__Host-landfall' : 'landfall'

/** 32 random bytes as `newToken` writes them. */
export const isPageToken = (text: string): boolean => /^[\w-]{43}$/.test(text)

/** None where there are two: one of them is not ours. */
const readToken = (cookies: readonly string[], name: string): string | null => {
  const values = cookies.flatMap((cookie) => {
    const [, key, value = ''] = /^\s*([^=\s]+)=(.*)$/.exec(cookie) ?? []
    return key === name ? [value.trim()] : []
  })
  const [value = ''] = values
  return values.length === 1 && isPageToken(value) ? value : null
}

const isSameHost = (origin: string, host: string): boolean =>
  URL.canParse(origin) && host !== '' && new URL(origin).host === host.toLowerCase()

const mostFormBytes = 4096

/** @throws ZodError where the event is not from an HTTP API */
export const toPageRequest = (event: unknown, cookieName: string): PageRequest => {
  const { method, path, headers, body } = toRequest(event)
  const { cookies, rawQueryString } = CookieEvent.parse(event)
  const header = (name: string): string => headers.get(name) ?? ''
  const isForm = /^application\/x-www-form-urlencoded\s*(;|$)/i.test(header('content-type'))
  const isShort = body.length <= mostFormBytes
  return {
    method,
    path,
    query: new URLSearchParams(rawQueryString),
    // API Gateway moves the header into a list; serverless-offline keeps it too.
    token: readToken(cookies.length > 0 ? cookies : header('cookie').split(';'), cookieName),
    ifNoneMatch: header('if-none-match'),
    isSameOrigin: isSameHost(header('origin'), header('host')),
    form: new URLSearchParams(isForm && isShort ? body.toString('utf8') : ''),
  }
}
