import * as z from 'zod'
import { addSeconds, toInstant, type Clock, type Instant } from '../kernel/clock.ts'
import {
  fromHttpFailure,
  later,
  parseBody,
  refused,
  type ForeignFailure,
} from '../kernel/foreign.ts'
import type { Http, HttpRequest, HttpResponse } from '../kernel/http.ts'
import { Redacted } from '../kernel/redacted.ts'
import { fail, succeed, type Result } from '../kernel/result.ts'
import { readNamedSecret, type ReadCurrentSecret } from '../secrets/named-secret.ts'
import { judgeGithub } from './answer.ts'
import { signAppJwt } from './app-jwt.ts'
import { parseCredentials, type Credentials } from './credentials.ts'

export interface GithubPorts {
  readonly http: Http
  readonly readSecret: ReadCurrentSecret
  readonly clock: Clock
  /** `https://api.github.com`; another one for a GitHub Enterprise Server and for tests. */
  readonly baseUrl: URL
}

export interface GithubTokens {
  /**
   * The `Authorization` header for a repository (`owner/name`) by the secret of that name: somebody's
   * token as it is, or an installation token of a GitHub App, for this repository alone.
   */
  authorize(
    secret: string,
    repository: string,
    http?: Http,
  ): Promise<Result<Redacted, ForeignFailure>>
  /** GitHub did not accept it: the next one is a new one. */
  forget(secret: string, repository: string): void
}

/** The API of an Enterprise Server has a path of its own: `https://github.example/api/v3`. */
export const toGithubUrl = (baseUrl: URL, path: string): URL =>
  new URL(`${baseUrl.href.replace(/\/$/, '')}${path}`)

/** An installation token lives an hour; a request that is under way must not see its end. */
const spareSeconds = 5 * 60
/** A token of somebody may be replaced in its secret at any time. */
const keptSeconds = 5 * 60

interface Kept {
  readonly authorization: Redacted
  readonly until: Instant
}

const Installation = z.object({ id: z.number().int() })
// Its form is GitHub's business: 40 characters once, hundreds since 2026.
const InstallationToken = z.object({ token: z.string().min(1), expires_at: z.iso.datetime() })

const toBearer = (token: string): Redacted => new Redacted(`Bearer ${token}`)

export const githubHeaders = {
  accept: 'application/vnd.github+json',
  'x-github-api-version': '2022-11-28',
}

type Ask = (
  request: Pick<HttpRequest, 'method' | 'body'>,
  path: string,
) => Promise<Result<HttpResponse, ForeignFailure>>

/** Speaks as the App itself, which may do no more than find its installations and get tokens. */
const createAsk =
  (ports: GithubPorts, { appId, key }: Credentials & { kind: 'app' }): Ask =>
  async (request, path) => {
    const now = ports.clock()
    const url = toGithubUrl(ports.baseUrl, path)
    const authorization = toBearer(signAppJwt(appId, key, now).reveal())
    const headers = {
      ...githubHeaders,
      ...(request.body !== undefined && { 'content-type': 'application/json' }),
    }
    const answered = await ports.http({ ...request, url, headers, authorization })
    if (!answered.ok) return fail(fromHttpFailure(answered.error))
    const { status } = answered.value
    if (status === 401)
      return fail(refused(`${url.host} answered 401: the App's id or key is not right`))
    if (status === 404)
      return fail(refused(`${url.host} answered 404: the App is not installed on the repository`))
    return judgeGithub(url.host, answered.value, now)
  }

const unreadable = ({ host }: URL) => fail(later(`${host} answered something else than expected`))

const createInstallationToken = async (
  ports: GithubPorts,
  credentials: Credentials & { kind: 'app' },
  repository: string,
): Promise<Result<Kept, ForeignFailure>> => {
  const ask = createAsk(ports, credentials)
  let id: string | number | undefined = credentials.installationId ?? undefined
  if (id === undefined) {
    const found = await ask({ method: 'GET' }, `/repos/${repository}/installation`)
    if (!found.ok) return found
    id = parseBody(Installation, found.value)?.id
    if (id === undefined) return unreadable(ports.baseUrl)
  }
  const [, name = ''] = repository.split('/')
  const body = JSON.stringify({ repositories: [name] })
  const made = await ask({ method: 'POST', body }, `/app/installations/${id}/access_tokens`)
  if (!made.ok) return made
  const token = parseBody(InstallationToken, made.value)
  if (token === null) return unreadable(ports.baseUrl)
  const until = addSeconds(token.expires_at, -spareSeconds)
  return succeed({ authorization: toBearer(token.token), until })
}

const readToken = async (
  ports: GithubPorts,
  secret: string,
  repository: string,
): Promise<Result<Kept, ForeignFailure>> => {
  const read = await readNamedSecret(ports.readSecret, secret)
  if (!read.ok) return read
  const credentials = parseCredentials(read.value)
  if (!credentials.ok) return fail(refused(`the secret ${secret} ${credentials.error}`))
  if (credentials.value.kind === 'app')
    return createInstallationToken(ports, credentials.value, repository)
  const until = addSeconds(toInstant(ports.clock()), keptSeconds)
  return succeed({ authorization: toBearer(credentials.value.token.reveal()), until })
}

/** Tokens for GitHub, kept while they are good. */
export const createGithubTokens = (ports: GithubPorts): GithubTokens => {
  const kept = new Map<string, Kept>()
  const toKey = (secret: string, repository: string): string => `${secret} ${repository}`
  return {
    authorize: async (secret, repository, http = ports.http) => {
      const key = toKey(secret, repository)
      const known = kept.get(key)
      if (known !== undefined && toInstant(ports.clock()) < known.until)
        return succeed(known.authorization)
      const read = await readToken({ ...ports, http }, secret, repository)
      if (!read.ok) return read
      kept.set(key, read.value)
      return succeed(read.value.authorization)
    },
    forget: (secret, repository) => {
      kept.delete(toKey(secret, repository))
    },
  }
}
