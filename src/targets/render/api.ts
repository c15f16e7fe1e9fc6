import * as z from 'zod'
import type { RenderSettings } from '../../deployment/app.ts'
import type { Clock } from '../../kernel/clock.ts'
import { fromHttpFailure, limitTo, parseBody, readRetryAfter } from '../../kernel/foreign.ts'
import type { Http, HttpResponse } from '../../kernel/http.ts'
import type { Reason } from '../../kernel/reason.ts'
import { Redacted } from '../../kernel/redacted.ts'
import { Retryable } from '../../kernel/retryable.ts'
import { fail, succeed, type Result } from '../../kernel/result.ts'
import { readAppSecret, type ReadSecret } from '../../secrets/app-secret.ts'

export interface RenderRequest {
  readonly method: 'GET' | 'POST' | 'PUT'
  /** Below the service: `/deploys?limit=20`; empty for the service itself. */
  readonly path: string
  readonly body?: unknown
}

/**
 * Why Render did not do what was asked. `later`: the same may go through later; `perhaps`: it may have
 * been done all the same, and only the answer is missing. `refused`: it will not go through until
 * somebody changes something.
 */
export type RenderFailure =
  | { readonly kind: 'later'; readonly why: string; readonly perhaps: boolean }
  | { readonly kind: 'refused'; readonly why: string; readonly reason: Reason }

/** Asks Render about one service, in the name of the API key that its target has. */
export type Ask = (request: RenderRequest) => Promise<Result<HttpResponse, RenderFailure>>

/** Whatever is asked through it is over after so many milliseconds. */
export type OpenRender = (
  settings: Pick<RenderSettings, 'service' | 'token'>,
  milliseconds: number,
) => Ask

interface ApiPorts {
  readonly http: Http
  readonly readSecret: ReadSecret
  readonly clock: Clock
  /** `https://api.render.com/v1` */
  readonly baseUrl: string
}

const later = (why: string, perhaps = false) => fail({ kind: 'later', why, perhaps } as const)
const refused = (reason: Reason, why: string) => fail({ kind: 'refused', reason, why } as const)

/** What cannot be read now is a failure like any other: it has its turn again, and its end. */
export const unlessLater = (error: unknown): Retryable => {
  if (error instanceof Retryable) return error
  throw error
}

/** A key may be replaced in its secret at any time. */
const keptMilliseconds = 5 * 60 * 1000
/** Where Render does not say how long: its limits are by the minute. */
const waitSeconds = 60

const Complaint = z.object({ message: z.string() })

/** Render's own words; of a variable's they could hold the value. */
const readComplaint = ({ method }: RenderRequest, response: HttpResponse): string =>
  method === 'PUT' ? '' : (parseBody(Complaint, response)?.message ?? '').slice(0, 150)

const judge = (
  host: string,
  { service, token }: Pick<RenderSettings, 'service' | 'token'>,
  request: RenderRequest,
  response: HttpResponse,
): Result<HttpResponse, RenderFailure> => {
  const { status } = response
  if (status >= 200 && status < 300) return succeed(response)
  const why = `${host} answered ${status}`
  if (status === 429) return later(`${why}: too many requests`)
  if (status === 408 || status >= 500) return later(why, request.method === 'POST')
  if (status === 401)
    return refused('target_unauthorized', `${why}: the secret ${token} holds no valid API key`)
  if (status === 403)
    return refused(
      'target_unauthorized',
      `${why}: the API key of ${token} may not do this with ${service}; is it of its workspace?`,
    )
  if (status === 404)
    return refused(
      'service_missing',
      `${why}: there is no ${service}, or the API key of ${token} is of another workspace`,
    )
  if (status === 410) return refused('service_missing', `${why}: ${service} was deleted`)
  const complaint = readComplaint(request, response)
  return refused('send_failed', complaint === '' ? why : `${why}: ${complaint}`)
}

/** Which of Render's limits a request counts for: deploys by service, everything else by key. */
const toLimit = (
  { service, token }: Pick<RenderSettings, 'service' | 'token'>,
  { method, path }: RenderRequest,
): string => {
  if (method === 'GET') return `read ${token}`
  return path === '/deploys' ? `deploy ${service}` : `write ${token}`
}

const isKey = (text: string): boolean => /^[\x21-\x7e]{8,4096}$/.test(text)

const createKeys = ({ readSecret, clock }: ApiPorts) => {
  const kept = new Map<string, { readonly key: Redacted; readonly until: number }>()
  const read = async (name: string): Promise<Result<Redacted, RenderFailure>> => {
    const known = kept.get(name)
    if (known !== undefined && clock().getTime() < known.until) return succeed(known.key)
    const secret = await readAppSecret(readSecret, name, null).catch(unlessLater)
    if (secret instanceof Retryable) return later(secret.message)
    // `create-secret --secret-string file://…` takes the file's last line break along.
    const text = secret.ok ? (secret.value?.reveal().trim() ?? '') : ''
    if (!secret.ok)
      return refused(secret.error.reason, `the secret ${name} is not there: put an API key into it`)
    if (!isKey(text))
      return refused('target_unauthorized', `the secret ${name} is not one API key on one line`)
    const key = new Redacted(`Bearer ${text}`)
    kept.set(name, { key, until: clock().getTime() + keptMilliseconds })
    return succeed(key)
  }
  return { read, forget: (name: string) => void kept.delete(name) }
}

/**
 * Render's API. A key that is not accepted is forgotten, and what its secret holds by then tried once.
 * Where Render asks to wait, nothing more of that kind is sent before.
 */
export const createRenderApi = (ports: ApiPorts): OpenRender => {
  const keys = createKeys(ports)
  const waits = new Map<string, number>()
  const now = (): number => ports.clock().getTime()

  return (settings, milliseconds) => {
    const http = limitTo(ports.http, milliseconds, ports.clock)
    const ask = async (
      request: RenderRequest,
      isLast: boolean,
    ): Promise<Result<HttpResponse, RenderFailure>> => {
      const { method, path, body } = request
      const url = new URL(`${ports.baseUrl}/services/${settings.service}${path}`)
      const limit = toLimit(settings, request)
      if ((waits.get(limit) ?? 0) > now())
        return later(`${url.host} asked to wait: too many requests`)
      const key = await keys.read(settings.token)
      if (!key.ok) return key
      const answered = await http({
        method,
        url,
        authorization: key.value,
        headers: {
          accept: 'application/json',
          ...(body !== undefined && { 'content-type': 'application/json' }),
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      })
      if (!answered.ok) return later(fromHttpFailure(answered.error).why, method === 'POST')
      const { status, headers } = answered.value
      if (status === 429)
        waits.set(limit, now() + (readRetryAfter(headers, ports.clock()) ?? waitSeconds) * 1000)
      if (status === 401) keys.forget(settings.token)
      if (status === 401 && !isLast) return ask(request, true)
      return judge(url.host, settings, request, answered.value)
    }
    return (request) => ask(request, false)
  }
}
