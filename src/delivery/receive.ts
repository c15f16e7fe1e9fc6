import { createHash } from 'node:crypto'
import { addSeconds, toInstant, type Clock, type Instant } from '../kernel/clock.ts'
import { newDeliveryId, type DeliveryId } from '../kernel/id.ts'
import type { Log } from '../kernel/log.ts'
import { Retryable } from '../kernel/retryable.ts'
import type { Source, SourceName } from '../sources/source.ts'
import { answers, healthy, toResponse, type HookResponse, type ReceiveReason } from './answer.ts'
import { checkLimits, type Limited } from './limits.ts'
import type { FindApps } from './find-apps.ts'
import { match } from './match.ts'
import {
  receiptLifetimeSeconds,
  recordDelivery,
  type EvidenceJournal,
  type NudgeApp,
  type Receipt,
} from './record.ts'
import { toRequest, type HookRequest } from './request.ts'
import type { NoteSeen } from './seen.ts'
import { verifyDelivery, type HookSecrets } from './verification.ts'

export interface ReceiveServices {
  readonly sources: Readonly<Record<SourceName, Source>>
  readonly secrets: HookSecrets
  readonly findApps: FindApps
  readonly journal: EvidenceJournal
  /** Called for every verified delivery; never rejects. */
  readonly noteSeen: NoteSeen
  readonly nudge: NudgeApp
  readonly clock: Clock
  readonly log: Log
}

/**
 * limits → verify → parse → match → record → answer. It answers after the durable record, and writes nothing
 * before the delivery is verified. It throws only for a bug, so that the sender gets 500 and not the
 * answer for an unavailable journal.
 */
export const receive = async (
  request: HookRequest,
  services: ReceiveServices,
): Promise<HookResponse> => {
  const deliveryId = newDeliveryId()
  const receivedAt = toInstant(services.clock())
  const log = services.log.with({ deliveryId })
  const limited = checkLimits(request, (source) => services.sources[source].contentTypes)
  const reason = limited.ok
    ? await take(limited.value, { ...services, log }, deliveryId, receivedAt)
    : limited.error
  const source = limited.ok ? limited.value.source : null
  const { status } = answers[reason]
  log[status === 503 ? 'warn' : 'info']('delivery answered', { source, reason, status })
  return toResponse(reason, deliveryId)
}

/** Answers an event of the HTTP API; a health check loads no services. */
export const answerHttp = async (
  event: unknown,
  load: () => ReceiveServices,
): Promise<HookResponse> => {
  const request = toRequest(event)
  const isHealthCheck = request.method === 'GET' && request.path === '/healthz'
  return isHealthCheck ? healthy : receive(request, load())
}

/** Verifies, matches and records a delivery that is within the limits. */
const take = async (
  { source, delivery }: Limited,
  services: ReceiveServices,
  deliveryId: DeliveryId,
  receivedAt: Instant,
): Promise<ReceiveReason> => {
  const { sources, secrets } = services
  const parsed = await verifyDelivery(sources[source], delivery, secrets, receivedAt)
  if (!parsed.ok) return parsed.error
  const unsettled = {
    deliveryId,
    source,
    senderId: delivery.headers.get('x-github-delivery')?.slice(0, 100) ?? null,
    receivedAt,
    expiresAt: addSeconds(receivedAt, receiptLifetimeSeconds),
    bodyHash: createHash('sha256').update(delivery.body).digest('hex'),
    parsed: parsed.value,
  }
  try {
    const apps = await services.findApps(parsed.value, receivedAt)
    const matched = match(parsed.value, apps, receivedAt)
    // At the same time, so that it does not delay the answer.
    const [receipt] = await Promise.all([
      recordDelivery(services.journal, unsettled, matched, (of) => nudgeAll(of, services)),
      services.noteSeen(parsed.value, apps, receivedAt),
    ])
    return receipt.reason
  } catch (error) {
    if (!(error instanceof Retryable)) {
      services.log.error('failed to record delivery', { source, error })
      throw error
    }
    services.log.error('failed to reach journal', { source, error })
    return 'journal_unavailable'
  }
}

/** The record decides: a duplicate nudges too, and a failed nudge is only logged. */
const nudgeAll = async (
  matches: Receipt['matches'],
  { nudge, log }: ReceiveServices,
): Promise<void> => {
  await Promise.all(
    matches.map(async ({ app, revision }) => {
      try {
        await nudge(app, revision)
      } catch (error) {
        log.warn('failed to nudge reconcile, which finds the revision on its next tick', {
          app,
          error: String(error),
        })
      }
    }),
  )
}
