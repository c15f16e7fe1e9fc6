import { addSeconds, toInstant, type Clock, type Instant } from '../kernel/clock.ts'
import { later, type ForeignFailure } from '../kernel/foreign.ts'
import type { Http, HttpRequest, HttpResponse } from '../kernel/http.ts'
import { Redacted } from '../kernel/redacted.ts'
import { fail, succeed, type Result } from '../kernel/result.ts'
import { judgeAnswer, readComplaint, readLimit } from './answer.ts'

export interface ApiRequest {
  readonly method: HttpRequest['method']
  /** Below the API's address, with its query: `/deploys?limit=20`. */
  readonly path: string
  /** Sent as JSON. */
  readonly body?: unknown
  /** The body holds values of secrets, so no failure quotes the answer. */
  readonly isSecret?: boolean
  /** Overrides those of the API, such as `accept` of another version. */
  readonly headers?: Readonly<Record<string, string>>
}

export type Ask<Failure = ForeignFailure> = (
  request: ApiRequest,
) => Promise<Result<HttpResponse, Failure>>

/** The header `Authorization`. `keptUntil` is null where it is valid for one request only. */
export interface Authorization {
  readonly header: Redacted
  readonly keptUntil: Instant | null
}

/** One foreign API under one credential. */
export interface Api<Failure> {
  /** The prefix of each path. */
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly maxBodyBytes?: number
  /** The name under which the authorization is kept. */
  readonly credential: string
  readonly authorize: (http: Http) => Promise<Result<Authorization, Failure>>
  /** What a status means and what to do about it; for other statuses the service's error text is quoted. */
  readonly meanings: Readonly<Record<number, string>>
  /** The rate limit that a request counts against: after "too many requests" the client sends nothing more under it. */
  readonly toLimit?: (request: ApiRequest) => string
  /** `status` is null where there was no answer. */
  readonly toFailure: (
    failure: ForeignFailure,
    request: ApiRequest,
    status: number | null,
  ) => Failure
}

/** How long a token from a secret is kept: the secret may change at any time. */
export const keptSeconds = 5 * 60

/** Whether a secret's text can be a token. */
export const isToken = (text: string): boolean => /^[\x21-\x7e]{8,4096}$/.test(text)

export const toBearer = (token: Redacted): Redacted => new Redacted(`Bearer ${token.reveal()}`)

const toHttpRequest = <Failure>(
  { url, headers, maxBodyBytes }: Api<Failure>,
  { method, path, body, headers: more }: ApiRequest,
  authorization: Redacted,
): HttpRequest => ({
  method,
  url: new URL(`${url}${path}`),
  authorization,
  headers: {
    ...headers,
    ...(body !== undefined && { 'content-type': 'application/json' }),
    ...more,
  },
  ...(body !== undefined && { body: JSON.stringify(body) }),
  ...(maxBodyBytes !== undefined && { maxBodyBytes }),
})

/** Keeps authorizations by credential, each for its time. */
const createAuthorizations = (clock: Clock) => {
  const kept = new Map<string, Authorization>()
  return {
    load: async <Failure>(
      { credential, authorize }: Api<Failure>,
      http: Http,
    ): Promise<Result<Authorization, Failure>> => {
      const known = kept.get(credential)
      if (known !== undefined && toInstant(clock()) < (known.keptUntil ?? '')) return succeed(known)
      const authorized = await authorize(http)
      if (authorized.ok && authorized.value.keptUntil !== null)
        kept.set(credential, authorized.value)
      return authorized
    },
    /** Keeps an authorization that another request has renewed meanwhile. */
    drop: (credential: string, failed: Authorization): void => {
      if (kept.get(credential) === failed) kept.delete(credential)
    },
  }
}

/**
 * Sends requests to foreign APIs. After a 401 to a kept authorization it drops that and retries once with
 * a new one. A failure holds no secret, and of an answer its error text only.
 */
export const createApiClient = (clock: Clock) => {
  const authorizations = createAuthorizations(clock)
  const waits = new Map<string, Instant>()
  const send = async <Failure>(
    api: Api<Failure>,
    request: ApiRequest,
    http: Http,
    isRepeated = false,
  ): Promise<Result<HttpResponse, Failure>> => {
    const { host } = new URL(api.url)
    const limit = api.toLimit?.(request) ?? null
    if (limit !== null && toInstant(clock()) < (waits.get(limit) ?? ''))
      return fail(api.toFailure(later(`${host} asked to wait: too many requests`), request, 429))
    const authorization = await authorizations.load(api, http)
    if (!authorization.ok) return authorization
    const { header, keptUntil } = authorization.value
    const answered = await http(toHttpRequest(api, request, header))
    const status = answered.ok ? answered.value.status : null
    if (status === 401 && keptUntil !== null) {
      authorizations.drop(api.credential, authorization.value)
      if (!isRepeated) return send(api, request, http, true)
    }
    const now = clock()
    const waitSeconds = answered.ok ? readLimit(answered.value, now) : null
    if (limit !== null && waitSeconds !== null)
      waits.set(limit, addSeconds(toInstant(now), waitSeconds))
    const judged = judgeAnswer(host, answered, now, (response) => {
      const complaint = request.isSecret === true ? '' : readComplaint(response, header)
      return api.meanings[response.status] ?? complaint
    })
    return judged.ok ? judged : fail(api.toFailure(judged.error, request, status))
  }
  return <Failure>(api: Api<Failure>, http: Http): Ask<Failure> =>
    (request) =>
      send(api, request, http)
}

/** Limits requests to a common deadline: each gets what is left of the time. */
export const limitTo = (http: Http, milliseconds: number, clock: Clock): Http => {
  const until = clock().getTime() + milliseconds
  return async (request) => {
    const left = until - clock().getTime()
    if (left <= 0) return fail({ kind: 'timeout', host: request.url.host })
    return http({
      ...request,
      timeoutMilliseconds: Math.min(request.timeoutMilliseconds ?? left, left),
    })
  }
}
