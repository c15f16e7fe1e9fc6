import type { DeliveryId } from '../kernel/id.ts'
import type { Reason } from '../kernel/reason.ts'
import type { RejectReason } from '../sources/source.ts'
import type { LimitReason } from './limits.ts'
import type { IgnoreReason } from './match.ts'

/** Every way in which the receiving of a delivery ends. */
export type ReceiveReason =
  | 'recorded'
  | 'duplicate'
  | IgnoreReason
  | LimitReason
  | RejectReason
  | 'secret_unavailable'
  | 'journal_unavailable'

export type Outcome = 'accepted' | 'ignored' | 'rejected'

interface WebhookAnswer {
  readonly status: 200 | 202 | 400 | 401 | 404 | 413 | 415 | 503
  readonly outcome: Outcome
  /** What the caller is told; the log has the inner reason. */
  readonly told?: Reason
  readonly retryAfterSeconds?: number
}

const ignored = { status: 200, outcome: 'ignored' } as const
const unverified = { status: 401, outcome: 'rejected', told: 'unverified' } as const

/** The one map from the reason to HTTP. */
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
  // As long as the cache of secrets waits before it asks again.
  secret_unavailable: { status: 503, outcome: 'rejected', retryAfterSeconds: 60 },
  journal_unavailable: { status: 503, outcome: 'rejected', retryAfterSeconds: 5 },
}

/** How API Gateway's HTTP API, payload format 2.0, takes an answer. */
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
  const { status, outcome, told = reason, retryAfterSeconds } = answers[reason]
  const retry = retryAfterSeconds === undefined ? {} : { 'retry-after': `${retryAfterSeconds}` }
  return respond(status, { outcome, reason: told, deliveryId }, retry)
}

/** `GET /healthz`: the function runs. It asks nothing else, so that anybody may call it often. */
export const healthy = respond(200, { status: 'ok' })
