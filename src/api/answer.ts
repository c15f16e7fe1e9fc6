import * as z from 'zod'
import { secondsBetween, toInstant } from '../kernel/clock.ts'
import { later, refused, type ForeignFailure } from '../kernel/foreign.ts'
import type { Http, HttpFailure, HttpResponse } from '../kernel/http.ts'
import { parseJson } from '../kernel/json.ts'
import { scrub, type Redacted } from '../kernel/redacted.ts'
import { fail, succeed, type Result } from '../kernel/result.ts'

const maxComplaintCharacters = 120
const Complaint = z.object({ message: z.string() })

/** A service's own words (`{ "message": … }`) in one line, without the token it was asked with or any other. */
export const readComplaint = ({ body }: HttpResponse, authorization: Redacted): string => {
  const [, token = ''] = authorization.reveal().split(' ')
  const message = parseJson(Complaint, body)?.message ?? ''
  return scrub(token === '' ? message : message.replaceAll(token, '[REDACTED]'))
    .replaceAll(/[\w.~+/=-]{60,}/g, '[REDACTED]')
    .replaceAll(/[\p{C}\s]+/gu, ' ')
    .trim()
    .slice(0, maxComplaintCharacters)
}

const maxWaitSeconds = 24 * 60 * 60

/** Whole seconds until a moment, at least 1 and at most a day, whatever the service says. */
const secondsUntil = (at: Date, now: Date): number =>
  Math.min(maxWaitSeconds, Math.max(1, Math.ceil(secondsBetween(toInstant(now), toInstant(at)))))

/** `Retry-After`, which is seconds or a date (RFC 9110, 10.2.3). */
const readRetryAfter = (headers: Headers, now: Date): number | null => {
  const text = headers.get('retry-after') ?? ''
  if (/^\d{1,9}$/.test(text)) return Math.min(maxWaitSeconds, Number(text))
  const at = new Date(text)
  return Number.isNaN(at.getTime()) ? null : secondsUntil(at, now)
}

/** Limits are by the minute where a service does not say how long to wait. */
const limitSeconds = 60

/** Seconds to wait where there were too many requests; null where there were not. GitHub says so by 403 too. */
export const readLimit = (response: HttpResponse, now: Date): number | null => {
  const { status, headers } = response
  const retryAfter = readRetryAfter(headers, now)
  const isUsedUp = headers.get('x-ratelimit-remaining') === '0'
  const message = parseJson(Complaint, response.body)?.message ?? ''
  const isNamed = /secondary rate limit|abuse/i.test(message)
  if (status !== 429 && !(status === 403 && (retryAfter !== null || isUsedUp || isNamed)))
    return null
  const resetAt = new Date(Number(headers.get('x-ratelimit-reset')) * 1000)
  if (retryAfter !== null) return retryAfter
  return isUsedUp && resetAt.getTime() > 0 ? secondsUntil(resetAt, now) : limitSeconds
}

const apiFailures: Readonly<Record<HttpFailure['kind'], string>> = {
  timeout: 'did not answer in time',
  unreachable: 'could not be reached',
  body_too_large: 'answered with more than is read',
  redirect_refused: 'is not an HTTPS address, or redirects to one that is not',
}

/** Statuses after which the same request may go through: out of time or out of order. */
const isPassing = (status: number): boolean => status === 408 || status === 425 || status >= 500

/** An answer of 2xx, or why there is none; `explain` completes a refusal, for people. */
export const judgeAnswer = (
  host: string,
  answered: Awaited<ReturnType<Http>>,
  now: Date,
  explain: (response: HttpResponse) => string = () => '',
): Result<HttpResponse, ForeignFailure> => {
  if (!answered.ok) {
    const why = `${host} ${apiFailures[answered.error.kind]}`
    return fail(answered.error.kind === 'redirect_refused' ? refused(why) : later(why))
  }
  const { status, headers } = answered.value
  if (status >= 200 && status < 300) return succeed(answered.value)
  const why = `${host} answered ${status}`
  const waitSeconds = readLimit(answered.value, now)
  if (waitSeconds !== null) return fail(later(`${why}: too many requests`, waitSeconds))
  if (isPassing(status)) return fail(later(why, readRetryAfter(headers, now)))
  const what = status < 400 ? 'it is to be found at another address' : explain(answered.value)
  return fail(refused(what === '' ? why : `${why}: ${what}`))
}
