import { Redacted } from '../kernel/redacted.ts'
import { fail, succeed, type Result } from '../kernel/result.ts'
import type { Delivery, SourceName } from '../sources/source.ts'
import type { HookRequest } from './request.ts'

/** The used events of GitHub have 6–30 kB; GitHub sends up to 25 MB, Lambda accepts 6 MB. */
export const maxBodyBytes = 1024 * 1024

export type LimitReason = 'body_too_large' | 'path_unknown' | 'content_type_unsupported'

export interface Limited {
  readonly source: SourceName
  readonly delivery: Delivery
}

/** Checks size, path and content type, in this order, before any computation over the body. */
export const checkLimits = (
  request: HookRequest,
  contentTypes: (source: SourceName) => readonly string[],
): Result<Limited, LimitReason> => {
  if (request.body.length > maxBodyBytes) return fail('body_too_large')
  const route = request.method === 'POST' ? toRoute(request.path) : null
  if (route === null) return fail('path_unknown')
  // `application/json; charset=utf-8` → `application/json`
  const [type = ''] = (request.headers.get('content-type') ?? '').split(';')
  const contentType = type.trim().toLowerCase()
  if (!contentTypes(route.source).includes(contentType)) return fail('content_type_unsupported')
  const { headers, body } = request
  return succeed({
    source: route.source,
    delivery: { headers, contentType, body, path: route.path },
  })
}

/** Accepts exact paths only. Other paths are never logged: they may contain a token. */
const toRoute = (
  path: string,
): { readonly source: SourceName; readonly path: Delivery['path'] } | null => {
  if (path === '/hooks/github') return { source: 'github', path: null }
  if (path === '/hooks/circleci') return { source: 'circleci', path: null }
  const [, app, token] = /^\/hooks\/docker-hub\/([^/]+)\/([^/]+)$/.exec(path) ?? []
  if (app === undefined || token === undefined) return null
  return { source: 'docker-hub', path: { app, token: new Redacted(token) } }
}
