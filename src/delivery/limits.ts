import { Redacted } from '../kernel/redacted.ts'
import { fail, succeed, type Result } from '../kernel/result.ts'
import type { Delivery, SourceName } from '../sources/source.ts'
import type { HookRequest } from './request.ts'

/** GitHub's events that matter are 6–30 kB; it sends up to 25 MB, Lambda takes 6 MB. */
export const maxBodyBytes = 1024 * 1024

export type LimitReason = 'body_too_large' | 'path_unknown' | 'content_type_unsupported'

interface Route {
  readonly source: SourceName
  readonly path: Delivery['path']
}

export interface Limited {
  readonly source: SourceName
  readonly delivery: Delivery
}

/** Which content types each source may send. */
export type ContentTypes = (source: SourceName) => readonly string[]

/** What is refused before anything is computed over the body, in this order: size, path, type. */
export const checkLimits = (
  request: HookRequest,
  contentTypes: ContentTypes,
): Result<Limited, LimitReason> => {
  if (request.body.length > maxBodyBytes) return fail('body_too_large')
  const route = request.method === 'POST' ? toRoute(request.path) : null
  if (route === null) return fail('path_unknown')
  const contentType = toMediaType(request.headers.get('content-type') ?? '')
  if (!contentTypes(route.source).includes(contentType)) return fail('content_type_unsupported')
  const { headers, body } = request
  return succeed({
    source: route.source,
    delivery: { headers, contentType, body, path: route.path },
  })
}

/** Answered before any secret, table or configuration is looked for. */
export const isHealthCheck = ({ method, path }: HookRequest): boolean =>
  method === 'GET' && path === '/healthz'

/** Exact paths: what is nearly one is not ours to guess, and is never logged, for its token. */
const toRoute = (path: string): Route | null => {
  if (path === '/hooks/github') return { source: 'github', path: null }
  if (path === '/hooks/circleci') return { source: 'circleci', path: null }
  const [, app, token] = /^\/hooks\/docker-hub\/([^/]+)\/([^/]+)$/.exec(path) ?? []
  if (app === undefined || token === undefined) return null
  return { source: 'docker-hub', path: { app, token: new Redacted(token) } }
}

/** `application/json; charset=utf-8` → `application/json`. */
const toMediaType = (header: string): string => header.split(';')[0]?.trim().toLowerCase() ?? ''
