import * as z from 'zod'
import type { Http, HttpFailure, HttpResponse } from '../kernel/http.ts'
import { parseJson } from '../kernel/json.ts'
import { Redacted } from '../kernel/redacted.ts'
import { fail, succeed, type Result } from '../kernel/result.ts'
import type { RegistryLogin } from '../secrets/app-secret.ts'
import { explainRealm, isTrustedRealm, parseChallenge, type Challenge } from './challenge.ts'
import { explainEcr, parseEcr } from './ecr.ts'
import type { ImageAddress } from './image.ts'

export interface RegistryFailure {
  readonly reason: 'image_missing' | 'registry_unauthorized' | 'registry_unavailable'
  /** From Retry-After; null if the registry did not say. */
  readonly retryAfterSeconds: number | null
  /** What puts it right, where more is known than the reason says. */
  readonly message?: string
}

export type RegistryAnswer<Value> = Result<Value, RegistryFailure>

type AnswerHead = Pick<HttpResponse, 'status' | 'headers' | 'redirectedTo'>

const refuseSession = (reason: RegistryFailure['reason'], response?: AnswerHead) => {
  const seconds = /^\d{1,6}$/.exec(response?.headers.get('retry-after') ?? '')?.[0]
  return fail({ reason, retryAfterSeconds: seconds === undefined ? null : Number(seconds) })
}

const refuseLogin = (message: string) =>
  fail({ reason: 'registry_unauthorized', retryAfterSeconds: null, message } as const)

/** An answer of 200, or what a registry means by another. */
export const judgeResponse = <Response extends AnswerHead>(
  response: Response,
): RegistryAnswer<Response> => {
  const { status } = response
  if (status === 200) return succeed(response)
  if (status === 404) return refuseSession('image_missing')
  if (status === 401 || status === 403) return refuseSession('registry_unauthorized')
  return refuseSession('registry_unavailable', response)
}

/**
 * Some registries, and proxies before them, refuse HEAD alone: what they mean by that, the same request by GET tells. Passed
 * on with its status.
 */
const judgeHead = (response: HttpResponse): RegistryAnswer<HttpResponse> =>
  [401, 403, 405, 501].includes(response.status) ? succeed(response) : judgeResponse(response)

const toBasic = ({ username, password }: RegistryLogin): Redacted => {
  const pair = Buffer.from(`${username}:${password.reveal()}`).toString('base64')
  return new Redacted(`Basic ${pair}`)
}

const parseToken = (body: Uint8Array): RegistryAnswer<Redacted> => {
  const Token = z.union([
    z.object({ token: z.string().min(1) }).transform(({ token }) => token),
    z.object({ access_token: z.string().min(1) }).transform((named) => named.access_token),
  ])
  const token = parseJson(Token, body)
  return token === null
    ? refuseSession('registry_unavailable')
    : succeed(new Redacted(`Bearer ${token}`))
}

/** What a token is asked for where the challenge does not say. */
type RepositoryActions = 'pull' | 'pull,push'

const fetchToken = async (
  http: Http,
  challenge: Challenge & { kind: 'bearer' },
  address: ImageAddress,
  login: RegistryLogin | null,
  actions: RepositoryActions,
): Promise<RegistryAnswer<Redacted>> => {
  const { origin, repository, realm } = address
  const url = new URL(challenge.realm)
  if (!isTrustedRealm(url, origin, realm)) return refuseLogin(explainRealm(url, address))
  if (challenge.service !== null) url.searchParams.set('service', challenge.service)
  url.searchParams.set('scope', challenge.scope ?? `repository:${repository}:${actions}`)
  const authorization = login === null ? null : toBasic(login)
  const answered = await http({ method: 'GET', url, authorization })
  if (!answered.ok) return refuseSession('registry_unavailable')
  const judged = judgeResponse(answered.value)
  if (judged.ok) return parseToken(judged.value.body)
  // A token service has no images, so its 404 is not a missing image.
  return judged.error.reason === 'image_missing' ? refuseSession('registry_unavailable') : judged
}

/** The `Authorization` that answers the registry's challenge. */
const authorizeSession = async (
  http: Http,
  headers: Headers,
  address: ImageAddress,
  login: RegistryLogin | null,
  actions: RepositoryActions,
): Promise<RegistryAnswer<Redacted>> => {
  const challenge = parseChallenge(headers.get('www-authenticate') ?? '')
  if (challenge?.kind === 'bearer') return fetchToken(http, challenge, address, login, actions)
  if (challenge?.kind === 'basic' && login !== null) return succeed(toBasic(login))
  return refuseSession('registry_unauthorized')
}

/** Asks for one thing of the image after the other; `too_large` if the answer passes its limit. */
export type AskRegistry = (request: {
  readonly method: 'HEAD' | 'GET'
  /** `manifests/v1`, `blobs/sha256:…`. */
  readonly path: string
  readonly accept: string
  readonly maxBodyBytes: number
}) => Promise<RegistryAnswer<HttpResponse | 'too_large'>>

type Authorized = <Response extends AnswerHead>(
  send: (authorization: Redacted | null) => Promise<Result<Response, HttpFailure>>,
) => Promise<Result<Response, HttpFailure | RegistryFailure>>

/**
 * Sends requests to one repository with what its challenge was answered with. A request that is answered
 * 401 is sent once more with a new answer: tokens expire, and may be for reading only.
 */
export const authorizeRequests = (
  http: Http,
  address: ImageAddress,
  login: RegistryLogin | null,
  actions: RepositoryActions = 'pull',
): Authorized => {
  let authorization: Redacted | null = null
  return async (send) => {
    const answered = await send(authorization)
    if (!answered.ok || answered.value.status !== 401) return answered
    const { headers, redirectedTo } = answered.value
    if (redirectedTo !== undefined)
      return refuseLogin(
        `${address.host} sends requests on to ${redirectedTo.host}, which asks for a login of its own: name that host in image`,
      )
    const authorized = await authorizeSession(http, headers, address, login, actions)
    if (!authorized.ok) return authorized
    authorization = authorized.value
    return send(authorization)
  }
}

export const toRegistryUrl = ({ origin, repository }: ImageAddress, path: string): URL =>
  new URL(`/v2/${repository}/${path}`, origin)

/** A refusal, with what puts it right where the registry is one whose rights are known. */
export const explainRefusal = (
  { host, repository }: ImageAddress,
  path: string,
  failure: RegistryFailure,
): RegistryFailure => {
  const ecr = failure.message === undefined ? parseEcr(host) : null
  const message = ecr === null ? null : explainEcr(ecr, repository, path, failure.reason)
  return message === null ? failure : { ...failure, message }
}

/** Reads what one repository has; nothing larger than a request allows. */
export const openSession =
  (
    http: Http,
    address: ImageAddress,
    login: RegistryLogin | null,
    authorized = authorizeRequests(http, address, login),
  ): AskRegistry =>
  async ({ method, path, accept, maxBodyBytes }) => {
    const url = toRegistryUrl(address, path)
    const answered = await authorized((authorization) =>
      http({ method, url, headers: { accept }, maxBodyBytes, authorization }),
    )
    if (answered.ok) {
      const judged = (method === 'HEAD' ? judgeHead : judgeResponse)(answered.value)
      return judged.ok ? judged : fail(explainRefusal(address, path, judged.error))
    }
    const { error } = answered
    if ('reason' in error) return fail(explainRefusal(address, path, error))
    return error.kind === 'body_too_large'
      ? succeed('too_large')
      : refuseSession('registry_unavailable')
  }
