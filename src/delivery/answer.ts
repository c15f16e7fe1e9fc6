import type { DeliveryId } from '../kernel/id.ts'
import type { Reason } from '../kernel/reason.ts'
import type { RejectReason } from '../sources/source.ts'
import type { LimitReason } from './limits.ts'
import type { IgnoreReason } from './match.ts'

/** Every outcome of a delivery. */
export type ReceiveReason =
  | 'recorded'
  | 'duplicate'
  | IgnoreReason
  | LimitReason
  | RejectReason
  | 'secret_unavailable'
  | 'journal_unavailable'

interface WebhookAnswer {
  readonly status: 200 | 202 | 400 | 401 | 404 | 413 | 415 | 503
  readonly outcome: 'accepted' | 'ignored' | 'rejected'
  /** Answered instead of the reason, which is only logged. */
  readonly shown?: Reason
  readonly retryAfterSeconds?: number
}

const ignored = { status: 200, outcome: 'ignored' } as const
const unverified = { status: 401, outcome: 'rejected', shown: 'unverified' } as const

/** Maps a reason to HTTP. */
export const answers: Readonly<Record<ReceiveReason, WebhookAnswer>> = {
  recorded: { status: 202, outcome: 'accepted' },
  duplicate: ignored,
  ping: ignored,
  event_ignored: ignored,
  repository_unknown: ignored,
  not_a_push: ignored,
  tag_pushed: ignored,
  branch_deleted: ignored,
  branch_not_deployed: ignored,
  workflow_not_required: ignored,
  tag_not_deployed: ignored,
  malformed: { status: 400, outcome: 'rejected' },
  signature_missing: unverified,
  signature_invalid: unverified,
  token_invalid: unverified,
  path_unknown: { status: 404, outcome: 'rejected' },
  body_too_large: { status: 413, outcome: 'rejected' },
  content_type_unsupported: { status: 415, outcome: 'rejected' },
  // The cache of secrets reads again after this time.
  secret_unavailable: { status: 503, outcome: 'rejected', retryAfterSeconds: 60 },
  journal_unavailable: { status: 503, outcome: 'rejected', retryAfterSeconds: 5 },
}

/** The response of API Gateway's HTTP API, payload format 2.0. */
export interface HookResponse {
  readonly statusCode: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

const respond = (
  statusCode: number,
  body: Readonly<Record<string, string>>,
  headers: Readonly<Record<string, string>> = {},
): HookResponse => ({
  statusCode,
  headers: { 'content-type': 'application/json', 'cache-control': 'no-store', ...headers },
  body: JSON.stringify(body),
})

export const toResponse = (reason: ReceiveReason, deliveryId: DeliveryId): HookResponse => {
  const { status, outcome, shown = reason, retryAfterSeconds } = answers[reason]
  const retry = retryAfterSeconds === undefined ? {} : { 'retry-after': `${retryAfterSeconds}` }
  return respond(status, { outcome, reason: shown, deliveryId }, retry)
}

/** `GET /healthz`: the function runs. It checks nothing else, so that frequent calls are cheap. */
export const healthy = respond(200, { status: 'ok' })
