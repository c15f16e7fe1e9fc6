import type * as z from 'zod'
import { createApiClient, limitTo, type Api, type ApiRequest, type Ask } from '../../api/client.ts'
import type { HerokuSettings } from '../../deployment/app.ts'
import type { Clock } from '../../kernel/clock.ts'
import { later, refused } from '../../kernel/foreign.ts'
import type { Http } from '../../kernel/http.ts'
import { parseJson } from '../../kernel/json.ts'
import type { Reason } from '../../kernel/reason.ts'
import { fail, succeed, type Result } from '../../kernel/result.ts'
import type { ReadSecret } from '../../secrets/app-secret.ts'
import { readApiKey, type ServiceFailure } from '../api-key.ts'

export type FromHeroku<Value> = Promise<Result<Value, ServiceFailure>>

export type AskHeroku = Ask<ServiceFailure>

/** Opens Heroku's API below one app for so many milliseconds, with the API key of its target. */
export type OpenHeroku = (
  settings: Pick<HerokuSettings, 'app' | 'token'>,
  milliseconds: number,
) => AskHeroku

/** It fails until a person changes something. */
export const failAtHeroku = (reason: Reason, why: string) => fail({ ...refused(why), reason })

/** `what` names the content for people. */
export const getFromHeroku = async <Schema extends z.ZodType>(
  ask: AskHeroku,
  request: Pick<ApiRequest, 'path' | 'headers'>,
  schema: Schema,
  what: string,
): FromHeroku<z.output<Schema>> => {
  const answered = await ask({ method: 'GET', ...request })
  if (!answered.ok) return answered
  const value = parseJson(schema, answered.value.body)
  if (value !== null) return succeed(value)
  return fail({
    ...later(`Heroku's answer about ${what} cannot be read`),
    reason: 'target_unavailable',
  })
}

interface HerokuApiPorts {
  readonly http: Http
  readonly readSecret: ReadSecret
  readonly clock: Clock
  /** `https://api.heroku.com` */
  readonly baseUrl: string
}

const reasonsByStatus: Readonly<Record<number, Reason>> = {
  401: 'target_unauthorized',
  402: 'service_unsuitable',
  403: 'target_unauthorized',
  404: 'service_missing',
  410: 'service_missing',
}

const toServiceFailure: Api<ServiceFailure>['toFailure'] = (failure, _, status) => {
  // Without a status there was no answer: a redirect that is not followed may be a page of maintenance.
  if (failure.kind === 'later' || status === null)
    return { afterSeconds: null, ...failure, kind: 'later', reason: 'target_unavailable' }
  return { ...failure, reason: reasonsByStatus[status] ?? 'send_failed' }
}

/** The version of the API in which `PATCH /formation` takes an image; the published schema leaves it out. */
export const dockerReleases = { accept: 'application/vnd.heroku+json; version=3.docker-releases' }

export const createOpenHeroku = (ports: HerokuApiPorts): OpenHeroku => {
  const client = createApiClient(ports.clock)
  return ({ app, token }, milliseconds) =>
    client(
      {
        url: `${ports.baseUrl}/apps/${app}`,
        headers: { accept: 'application/vnd.heroku+json; version=3' },
        credential: token,
        authorize: () => readApiKey(ports.readSecret, token, ports.clock),
        meanings: {
          401: `the secret ${token} holds no valid API key`,
          402: `the account of ${app} has to be paid or verified at Heroku`,
          403: `the API key of ${token} may not do this with ${app}, or the app is suspended`,
          404: `there is no app ${app}, or the API key of ${token} has no access to it`,
        },
        // Heroku limits requests by account.
        toLimit: () => token,
        toFailure: toServiceFailure,
      },
      limitTo(ports.http, milliseconds, ports.clock),
    )
}
