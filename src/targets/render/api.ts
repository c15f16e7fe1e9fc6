import {
  createApiClient,
  isToken,
  keptSeconds,
  limitTo,
  toBearer,
  type Api,
  type ApiRequest,
  type Authorization,
  type Ask as AskApi,
} from '../../api/client.ts'
import type { RenderSettings } from '../../deployment/app.ts'
import { addSeconds, toInstant, type Clock } from '../../kernel/clock.ts'
import { later, refused, type ForeignFailure } from '../../kernel/foreign.ts'
import type { Http } from '../../kernel/http.ts'
import type { Reason } from '../../kernel/reason.ts'
import { Redacted } from '../../kernel/redacted.ts'
import { fail, succeed, type Result } from '../../kernel/result.ts'
import type { ReadSecret } from '../../secrets/app-secret.ts'

/**
 * Why Render did not do what was asked. `maybeDone`: it may have been done all the same, and only the
 * answer is missing.
 */
export type RenderFailure = ForeignFailure & {
  readonly reason: Reason
  readonly maybeDone: boolean
}

export type AskRender = AskApi<RenderFailure>

type RenderService = Pick<RenderSettings, 'service' | 'token'>

/** Opens Render's API below one service for so many milliseconds, in the name of its target's API key. */
export type OpenRender = (settings: RenderService, milliseconds: number) => AskRender

interface ApiPorts {
  readonly http: Http
  readonly readSecret: ReadSecret
  readonly clock: Clock
  /** `https://api.render.com/v1` */
  readonly baseUrl: string
}

/** The same may go through later. */
export const failLater = (why: string, maybeDone = false) =>
  fail({ ...later(why), reason: 'target_unavailable', maybeDone } as const)

/** It will not go through until a person changes something. */
export const failFor = (reason: Reason, why: string) =>
  fail({ ...refused(why), reason, maybeDone: false })

const readRenderKey = async (
  { readSecret, clock }: ApiPorts,
  name: string,
): Promise<Result<Authorization, RenderFailure>> => {
  const secret = await readSecret(name, null)
  if (!secret.ok)
    return secret.error === 'secret_missing'
      ? failFor(secret.error, `the secret ${name} is not there: put an API key into it`)
      : failLater(`the secret ${name} could not be read now`)
  // `create-secret --secret-string file://…` takes the file's last line break along.
  const key = secret.value.value.reveal().trim()
  if (!isToken(key))
    return failFor('target_unauthorized', `the secret ${name} is not one API key on one line`)
  const keptUntil = addSeconds(toInstant(clock()), keptSeconds)
  return succeed({ header: toBearer(new Redacted(key)), keptUntil })
}

/** Deploys are limited by service, everything else by key. */
const toLimit = ({ service, token }: RenderService, { method, path }: ApiRequest): string => {
  if (method === 'GET') return `read ${token}`
  return path === '/deploys' ? `deploy ${service}` : `write ${token}`
}

const explainRender = ({ service, token }: RenderService): Api<RenderFailure>['meanings'] => ({
  401: `the secret ${token} holds no valid API key`,
  403: `the API key of ${token} may not do this with ${service}; is it of its workspace?`,
  404: `there is no ${service}, or the API key of ${token} is of another workspace`,
  410: `${service} was deleted`,
})

const renderReasons: Readonly<Record<number, Reason>> = {
  401: 'target_unauthorized',
  403: 'target_unauthorized',
  404: 'service_missing',
  410: 'service_missing',
}

const toFailure: Api<RenderFailure>['toFailure'] = (failure, { method }, status) =>
  failure.kind === 'later'
    ? {
        ...failure,
        reason: 'target_unavailable',
        maybeDone: method === 'POST' && status !== 429,
      }
    : { ...failure, reason: renderReasons[status ?? 0] ?? 'send_failed', maybeDone: false }

export const createOpenRender = (ports: ApiPorts): OpenRender => {
  const client = createApiClient(ports.clock)
  return (settings, milliseconds) =>
    client(
      {
        url: `${ports.baseUrl}/services/${settings.service}`,
        headers: { accept: 'application/json' },
        credential: settings.token,
        authorize: () => readRenderKey(ports, settings.token),
        meanings: explainRender(settings),
        toLimit: (request) => toLimit(settings, request),
        toFailure,
      },
      limitTo(ports.http, milliseconds, ports.clock),
    )
}
