import type * as z from 'zod'
import {
  createApiClient,
  isToken,
  keptSeconds,
  limitTo,
  toBearer,
  type Api,
  type Authorization,
  type Ask as AskApi,
} from '../../api/client.ts'
import type { RenderSettings } from '../../deployment/app.ts'
import type { Release } from '../../deployment/deployment.ts'
import { addSeconds, toInstant, type Clock } from '../../kernel/clock.ts'
import { later, refused, type ForeignFailure } from '../../kernel/foreign.ts'
import type { Http } from '../../kernel/http.ts'
import { parseJson } from '../../kernel/json.ts'
import type { Reason } from '../../kernel/reason.ts'
import { Redacted } from '../../kernel/redacted.ts'
import { fail, succeed, type Result } from '../../kernel/result.ts'
import type { ReadSecret } from '../../secrets/app-secret.ts'

/** Why Render did not do what was asked. `maybeDone`: it may have been done, and only the answer is missing. */
export type RenderFailure = ForeignFailure & {
  readonly reason: Reason
  readonly maybeDone: boolean
}

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

const readRenderKey = async (
  { readSecret, clock }: ApiPorts,
  name: string,
): FromRender<Authorization> => {
  const secret = await readSecret(name, null)
  if (!secret.ok)
    return secret.error === 'secret_missing'
      ? failFor(secret.error, `the secret ${name} does not exist: create it with an API key`)
      : failLater(`the secret ${name} could not be read now`)
  // `create-secret --secret-string file://…` takes the file's last line break along.
  const key = secret.value.value.reveal().trim()
  if (!isToken(key))
    return failFor('target_unauthorized', `the secret ${name} is not one API key on one line`)
  const keptUntil = addSeconds(toInstant(clock()), keptSeconds)
  return succeed({ header: toBearer(new Redacted(key)), keptUntil })
}

const toFailure: Api<RenderFailure>['toFailure'] = (failure, { method }, status) => {
  if (failure.kind === 'later') {
    const maybeDone = method === 'POST' && status !== 429
    return { ...failure, reason: 'target_unavailable', maybeDone }
  }
  const reasons: Readonly<Record<number, Reason>> = {
    401: 'target_unauthorized',
    403: 'target_unauthorized',
    404: 'service_missing',
    410: 'service_missing',
  }
  return { ...failure, reason: reasons[status ?? 0] ?? 'send_failed', maybeDone: false }
}

export const createOpenRender = (ports: ApiPorts): OpenRender => {
  const client = createApiClient(ports.clock)
  return ({ service, token }, milliseconds) =>
    client(
      {
        url: `${ports.baseUrl}/services/${service}`,
        headers: { accept: 'application/json' },
        credential: token,
        authorize: () => readRenderKey(ports, token),
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
