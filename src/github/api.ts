import * as z from 'zod'
import {
  createApiClient,
  keptSeconds,
  limitTo,
  toBearer,
  type Ask,
  type Authorization,
} from '../api/client.ts'
import { addSeconds, toInstant, type Clock } from '../kernel/clock.ts'
import { later, refused, type ForeignFailure } from '../kernel/foreign.ts'
import type { Http } from '../kernel/http.ts'
import { parseJson } from '../kernel/json.ts'
import { Redacted } from '../kernel/redacted.ts'
import { fail, succeed, type Result } from '../kernel/result.ts'
import { readNamedSecret, type ReadCurrentSecret } from '../secrets/named-secret.ts'
import { parseCredentials, signAppJwt, type Credentials } from './credentials.ts'

interface GithubPorts {
  readonly http: Http
  readonly readSecret: ReadCurrentSecret
  readonly clock: Clock
  /** `https://api.github.com`; another one for a GitHub Enterprise Server and for tests. */
  readonly baseUrl: URL
}

/** Opens GitHub's REST API below `/repos/{owner}/{name}` for some milliseconds, with the credentials of a secret. */
export type OpenGithub = (secret: string, repository: string, milliseconds: number) => Ask

const github = {
  headers: { accept: 'application/vnd.github+json', 'x-github-api-version': '2022-11-28' },
  meanings: {
    401: 'the token is not valid (any more)',
    403: 'the token lacks a permission',
    404: 'no such repository, or the token may not see it',
  },
  toFailure: (failure: ForeignFailure) => failure,
}

/** The API of an Enterprise Server has a path: `https://github.example/api/v3`. */
const toUrl = ({ baseUrl }: GithubPorts): string => baseUrl.href.replace(/\/$/, '')

// The form of the token is not specified: 40 characters once, hundreds since 2026.
const InstallationToken = z.object({
  token: z
    .string()
    .min(1)
    .transform((token) => new Redacted(token)),
  expires_at: z.iso.datetime(),
})

/** Requests, as the App, a token for the one repository. */
const createInstallationToken = async (
  ports: GithubPorts,
  http: Http,
  { appId, key, installationId }: Credentials & { kind: 'app' },
  repository: string,
): Promise<Result<Authorization, ForeignFailure>> => {
  const unreadable = fail(later(`${ports.baseUrl.host} sent an unexpected answer`))
  const ask = createApiClient(ports.clock)(
    {
      ...github,
      url: toUrl(ports),
      credential: appId,
      authorize: async () =>
        succeed({ header: toBearer(signAppJwt(appId, key, ports.clock())), keptUntil: null }),
      meanings: {
        ...github.meanings,
        401: "the App's id or key is not right",
        404: 'the App is not installed on the repository',
      },
    },
    http,
  )
  let id: string | number | undefined = installationId ?? undefined
  if (id === undefined) {
    const found = await ask({ method: 'GET', path: `/repos/${repository}/installation` })
    if (!found.ok) return found
    id = parseJson(z.object({ id: z.number().int() }), found.value.body)?.id
    if (id === undefined) return unreadable
  }
  const [, name = ''] = repository.split('/')
  const path = `/app/installations/${id}/access_tokens`
  const made = await ask({ method: 'POST', path, body: { repositories: [name] } })
  if (!made.ok) return made
  const token = parseJson(InstallationToken, made.value.body)
  if (token === null) return unreadable
  // It is valid for an hour, and must not expire during a request.
  const keptUntil = addSeconds(token.expires_at, -5 * 60)
  return succeed({ header: toBearer(token.token), keptUntil })
}

const authorize = async (
  ports: GithubPorts,
  http: Http,
  secret: string,
  repository: string,
): Promise<Result<Authorization, ForeignFailure>> => {
  const read = await readNamedSecret(ports.readSecret, secret)
  if (!read.ok) return read
  const credentials = parseCredentials(read.value)
  if (!credentials.ok) return fail(refused(`the secret ${secret} ${credentials.error}`))
  if (credentials.value.kind === 'app')
    return createInstallationToken(ports, http, credentials.value, repository)
  const keptUntil = addSeconds(toInstant(ports.clock()), keptSeconds)
  return succeed({ header: toBearer(credentials.value.token), keptUntil })
}

export const createOpenGithub = (ports: GithubPorts): OpenGithub => {
  const client = createApiClient(ports.clock)
  return (secret, repository, milliseconds) =>
    client(
      {
        ...github,
        url: `${toUrl(ports)}/repos/${repository}`,
        maxBodyBytes: 4 * 1024 * 1024,
        credential: `${secret} ${repository}`,
        authorize: (http) => authorize(ports, http, secret, repository),
      },
      limitTo(ports.http, milliseconds, ports.clock),
    )
}
