import type * as z from 'zod'
import { createApiClient, limitTo, type Api, type Ask as AskApi } from '../../api/client.ts'
import type { RenderSettings } from '../../deployment/app.ts'
import type { Release } from '../../deployment/deployment.ts'
import type { Clock } from '../../kernel/clock.ts'
import { later, refused } from '../../kernel/foreign.ts'
import type { Http } from '../../kernel/http.ts'
import { parseJson } from '../../kernel/json.ts'
import type { Reason } from '../../kernel/reason.ts'
import { fail, succeed, type Result } from '../../kernel/result.ts'
import type { ReadSecret } from '../../secrets/app-secret.ts'
import { readApiKey, type ServiceFailure } from '../api-key.ts'

/** Why Render did not do what was asked. `maybeDone`: it may have been done, and only the answer is missing. */
export type RenderFailure = ServiceFailure & { readonly maybeDone: boolean }

export type FromRender<Value> = Promise<Result<Value, RenderFailure>>

export type AskRender = AskApi<RenderFailure>

/** Opens Render's API below one service for so many milliseconds, with the API key of its target. */
export type OpenRender = (
  settings: Pick<RenderSettings, 'service' | 'token'>,
  milliseconds: number,
) => AskRender

export interface RenderPorts {
  readonly open: OpenRender
  readonly readSecret: ReadSecret
  /**
   * The digests of an image's platforms if it is an index: Render may report one of these for a release.
   *
   * @throws Retryable if the registry does not answer
   */
  readonly listPlatforms: (release: Release) => Promise<readonly string[]>
  readonly clock: Clock
}

/** The same may go through later. */
export const failLater = (why: string, maybeDone = false) =>
  fail({ ...later(why), reason: 'target_unavailable', maybeDone } as const)

/** It will not go through until a person changes something. */
export const failFor = (reason: Reason, why: string) =>
  fail({ ...refused(why), reason, maybeDone: false })

/** `what` names the content for people. `maybeDone`: an unreadable answer may tell of what was asked before. */
export const getFrom = async <Schema extends z.ZodType>(
  ask: AskRender,
  path: string,
  schema: Schema,
  what: string,
  maybeDone = false,
): FromRender<z.output<Schema>> => {
  const answered = await ask({ method: 'GET', path })
  if (!answered.ok) return answered
  const value = parseJson(schema, answered.value.body)
  return value === null
    ? failLater(`Render's answer about ${what} cannot be read`, maybeDone)
    : succeed(value)
}

interface ApiPorts {
  readonly http: Http
  readonly readSecret: ReadSecret
  readonly clock: Clock
  /** `https://api.render.com/v1` */
  readonly baseUrl: string
}

const toFailure: Api<RenderFailure>['toFailure'] = (failure, { method }, status) => {
  // Without a status there was no answer: a redirect that is not followed may be a page of maintenance.
  if (failure.kind === 'later' || status === null) {
    const maybeDone = method === 'POST' && status !== 429
    const passing = failure.kind === 'later' ? failure : later(failure.why)
    return { ...passing, reason: 'target_unavailable', maybeDone }
  }
  const reasons: Readonly<Record<number, Reason>> = {
    401: 'target_unauthorized',
    403: 'target_unauthorized',
    404: 'service_missing',
    410: 'service_missing',
  }
  return { ...failure, reason: reasons[status] ?? 'send_failed', maybeDone: false }
}

export const createOpenRender = (ports: ApiPorts): OpenRender => {
  const client = createApiClient(ports.clock)
  return ({ service, token }, milliseconds) =>
    client(
      {
        url: `${ports.baseUrl}/services/${service}`,
        headers: { accept: 'application/json' },
        credential: token,
        authorize: async () => {
          const key = await readApiKey(ports.readSecret, token, ports.clock)
          return key.ok ? key : fail({ ...key.error, maybeDone: false })
        },
        meanings: {
          401: `the secret ${token} holds no valid API key`,
          403: `the API key of ${token} may not do this with ${service}; is it of the same workspace?`,
          404: `there is no ${service}, or the API key of ${token} is of another workspace`,
          410: `${service} was deleted`,
        },
        // Render limits deploys by service, everything else by key.
        toLimit: ({ method, path }) => {
          if (method === 'GET') return `read ${token}`
          return path === '/deploys' ? `deploy ${service}` : `write ${token}`
        },
        toFailure,
      },
      limitTo(ports.http, milliseconds, ports.clock),
    )
}
