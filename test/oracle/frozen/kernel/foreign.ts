import type * as z from 'zod'
import { secondsBetween, toInstant, type Clock } from './clock.ts'
import type { Http, HttpFailure, HttpResponse } from './http.ts'
import { fail, succeed, type Result } from './result.ts'

/**
 * Why somebody else's service did not do what was asked. `later`: the same may go through later, not
 * before `afterSeconds` where that is known. `refused`: it will not, until somebody changes something.
 * `why` is for a person, names the host and what it said, and holds no secret.
 */
export type ForeignFailure =
  | { readonly kind: 'later'; readonly why: string; readonly afterSeconds: number | null }
  | { readonly kind: 'refused'; readonly why: string }

export const later = (why: string, afterSeconds: number | null = null): ForeignFailure => ({
  kind: 'later',
  why,
  afterSeconds,
})

export const refused = (why: string): ForeignFailure => ({ kind: 'refused', why })

const most = 24 * 60 * 60

/** Whole seconds until a moment, at least 1 and at most a day: what a stranger says bounds no wait. */
export const secondsUntil = (at: Date, now: Date): number =>
  Math.min(most, Math.max(1, Math.ceil(secondsBetween(toInstant(now), toInstant(at)))))

/** `Retry-After`, which is seconds or a date (RFC 9110, 10.2.3). */
export const readRetryAfter = (headers: Headers, now: Date): number | null => {
  const text = headers.get('retry-after') ?? ''
  if (/^\d{1,9}$/.test(text)) return Math.min(most, Number(text))
  const at = new Date(text)
  return Number.isNaN(at.getTime()) ? null : secondsUntil(at, now)
}

const words = {
  timeout: 'did not answer in time',
  unreachable: 'could not be reached',
  body_too_large: 'answered with more than is read',
  redirect_refused: 'is not an HTTPS address, or leads to one that is none',
}

export const fromHttpFailure = ({ kind, host }: HttpFailure): ForeignFailure => {
  const why = `${host} ${words[kind]}`
  return kind === 'redirect_refused' ? refused(why) : later(why)
}

/** The statuses after which the same may go through: too early, too much, out of order. */
const isPassing = (status: number): boolean => [408, 425, 429].includes(status) || status >= 500

/** Whether an answer is a yes; if not, whether it stays so. */
export const judgeAnswer = (
  host: string,
  response: HttpResponse,
  now: Date,
): Result<HttpResponse, ForeignFailure> => {
  const { status, headers } = response
  if (status >= 200 && status < 300) return succeed(response)
  const why = `${host} answered ${status}`
  if (isPassing(status)) return fail(later(why, readRetryAfter(headers, now)))
  const hasMoved = status >= 300 && status < 400
  return fail(refused(hasMoved ? `${why}: it is to be found at another address` : why))
}

/** A body of JSON in the shape that is asked for; null where it has another. */
export const parseBody = <Schema extends z.ZodType>(
  schema: Schema,
  { body }: HttpResponse,
): z.output<Schema> | null => {
  try {
    return schema.safeParse(JSON.parse(new TextDecoder().decode(body))).data ?? null
  } catch {
    return null
  }
}

/** The same way out for all of something that has to end in time: each request gets what is left. */
export const limitTo = (http: Http, milliseconds: number, clock: Clock): Http => {
  const until = clock().getTime() + milliseconds
  return async (request) => {
    const left = until - clock().getTime()
    if (left <= 0) return fail({ kind: 'timeout', host: request.url.host })
    return http({
      ...request,
      timeoutMilliseconds: Math.min(request.timeoutMilliseconds ?? left, left),
    })
  }
}
