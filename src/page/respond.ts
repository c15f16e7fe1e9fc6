import { toMarkup, type Html } from './html.ts'

/** The response of API Gateway's HTTP API, payload format 2.0. */
export interface PageResponse {
  readonly statusCode: number
  readonly headers: Readonly<Record<string, string>>
  readonly cookies?: readonly string[]
  readonly body: string
}

/**
 * `same-origin` and not `no-referrer`: under that a browser sends `Origin: null` with a form (Fetch, "append a request
 * `Origin` header"), which the check of POSTs goes by. Nothing leaves for another site under either.
 */
const pageHeaders = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
  'referrer-policy': 'same-origin',
  'x-content-type-options': 'nosniff',
  'cache-control': 'no-store',
}

const doctype = '<!doctype html>'

export const respondHtml = (
  statusCode: number,
  page: Html,
  headers: Readonly<Record<string, string>> = {},
): PageResponse => ({
  statusCode,
  headers: { 'content-type': 'text/html; charset=utf-8', ...pageHeaders, ...headers },
  body: doctype + toMarkup(page),
})

export const respondUnchanged = (etag: string): PageResponse => ({
  statusCode: 304,
  headers: { ...pageHeaders, etag },
  body: '',
})

/** To a GET of this site. */
export const redirectTo = (location: string, cookie: string | null = null): PageResponse => ({
  statusCode: 303,
  headers: { ...pageHeaders, location },
  ...(cookie !== null && { cookies: [cookie] }),
  body: '',
})

/** Its name has its hash: it never changes. */
export const respondAsset = (type: string, body: string): PageResponse => ({
  statusCode: 200,
  headers: {
    ...pageHeaders,
    'content-type': type,
    'cache-control': 'public, max-age=31536000, immutable',
  },
  body,
})

/** HttpOnly and Lax: a link in a chat opens the page, and no other site posts with it. */
export const renderCookie = (name: string, token: string, seconds: number): string => {
  const isSecure = name.startsWith('__Host-')
  const parts = ['Path=/', `Max-Age=${seconds}`, 'HttpOnly', 'SameSite=Lax']
  return [`${name}=${token}`, ...parts, ...(isSecure ? ['Secure'] : [])].join('; ')
}
