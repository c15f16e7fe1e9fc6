import * as z from 'zod'
import { secondsBetween, toInstant } from '../kernel/clock.ts'
import { later, refused, type ForeignFailure } from '../kernel/foreign.ts'
import type { Http, HttpFailure, HttpResponse } from '../kernel/http.ts'
import { parseJson } from '../kernel/json.ts'
import { toMaskedLine, toSafeLine } from '../kernel/plain-line.ts'
import type { Redacted } from '../kernel/redacted.ts'
import { fail, succeed, type Result } from '../kernel/result.ts'

const Complaint = z.object({ message: z.string() })

/** The service's error text (`{ "message": … }`) in one line, without tokens. */
export const readComplaint = ({ body }: HttpResponse, authorization: Redacted): string => {
  const [, token = ''] = authorization.reveal().split(' ')
  const message = parseJson(Complaint, body)?.message ?? ''
  const mask = (text: string): string =>
    token === '' ? text : text.replaceAll(token, '[REDACTED]')
  return toSafeLine(toMaskedLine(message, mask))
    .replaceAll(/[\w.~+/=-]{60,}/g, '[REDACTED]')
    .slice(0, 120)
}

const maxWaitSeconds = 24 * 60 * 60

/** Whole seconds until an instant, at least 1 and at most a day. */
const secondsUntil = (at: Date, now: Date): number =>
  Math.min(maxWaitSeconds, Math.max(1, Math.ceil(secondsBetween(toInstant(now), toInstant(at)))))

/** `Retry-After`, which is seconds or a date (RFC 9110, 10.2.3). */
const readRetryAfter = (headers: Headers, now: Date): number | null => {
  const text = headers.get('retry-after') ?? ''
  if (/^\d{1,9}$/.test(text)) return Math.min(maxWaitSeconds, Number(text))
  const at = new Date(text)
  return Number.isNaN(at.getTime()) ? null : secondsUntil(at, now)
}

/**
 * Seconds to wait after too many requests; null for any other answer. `limits403`: the service also answers
 * 403 for too many requests, as GitHub does.
 */
export const readLimit = (response: HttpResponse, now: Date, limits403: boolean): number | null => {
  const { status, headers } = response
  if (status !== 429 && !(limits403 && status === 403)) return null
  const retryAfter = readRetryAfter(headers, now)
  const isUsedUp = headers.get('x-ratelimit-remaining') === '0'
  const message = status === 403 ? (parseJson(Complaint, response.body)?.message ?? '') : ''
  const isNamed = /secondary rate limit|abuse/i.test(message)
  if (status === 403 && retryAfter === null && !isUsedUp && !isNamed) return null
  if (retryAfter !== null) return retryAfter
  const resetAt = new Date(Number(headers.get('x-ratelimit-reset')) * 1000)
  // Where a service does not say how long to wait, its limit is taken to be by the minute.
  return isUsedUp && resetAt.getTime() > 0 ? secondsUntil(resetAt, now) : 60
}

const apiFailures: Readonly<Record<HttpFailure['kind'], string>> = {
  timeout: 'did not answer in time',
  unreachable: 'could not be reached',
  body_too_large: 'sent a response that is too large',
  redirect_refused: 'is not an HTTPS address, or redirects to one that is not',
}

/** The response if it is 2xx, otherwise the failure; `explain` adds to a refusal what people need. */
export const judgeAnswer = (
  host: string,
  answered: Awaited<ReturnType<Http>>,
  now: Date,
  explain: (response: HttpResponse) => string = () => '',
  limits403 = false,
): Result<HttpResponse, ForeignFailure> => {
  if (!answered.ok) {
    const why = `${host} ${apiFailures[answered.error.kind]}`
    return fail(answered.error.kind === 'redirect_refused' ? refused(why) : later(why))
  }
  const { status, headers } = answered.value
  if (status >= 200 && status < 300) return succeed(answered.value)
  const why = `${host} answered ${status}`
  const waitSeconds = readLimit(answered.value, now, limits403)
  if (waitSeconds !== null) return fail(later(`${why}: too many requests`, waitSeconds))
  // Timeout, too early, or an error of the service: the same request may succeed later.
  if (status === 408 || status === 425 || status >= 500)
    return fail(later(why, readRetryAfter(headers, now)))
  const what = status < 400 ? 'the service redirects to another address' : explain(answered.value)
  return fail(refused(what === '' ? why : `${why}: ${what}`))
}
