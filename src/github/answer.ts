import * as z from 'zod'
import {
  judgeAnswer,
  later,
  parseBody,
  readRetryAfter,
  refused,
  secondsUntil,
  type ForeignFailure,
} from '../kernel/foreign.ts'
import type { HttpResponse } from '../kernel/http.ts'
import { fail, succeed, type Result } from '../kernel/result.ts'

const Complaint = z.object({ message: z.string() })

/** GitHub's own words, such as "No ref found for: …", without what looks like a token. */
const readComplaint = (response: HttpResponse): string =>
  (parseBody(Complaint, response)?.message ?? '')
    .replaceAll(/[\w.~+/=-]{60,}|\bgh[opsur]_\w+/g, '…')
    .slice(0, 120)

/** The primary limit says when it ends; the secondary one may say nothing: GitHub asks for a minute then. */
const readLimit = (response: HttpResponse, now: Date): number | null => {
  const { status, headers } = response
  const isUsedUp = headers.get('x-ratelimit-remaining') === '0'
  const retryAfter = readRetryAfter(headers, now)
  const isSecondary = /secondary rate limit|abuse/i.test(readComplaint(response))
  if (status !== 429 && !isUsedUp && !isSecondary && retryAfter === null) return null
  if (retryAfter !== null) return retryAfter
  const reset = Number(headers.get('x-ratelimit-reset'))
  return isUsedUp && reset > 0 ? secondsUntil(new Date(reset * 1000), now) : 60
}

const meanings: Readonly<Record<number, string>> = {
  401: 'the token is not valid (any more)',
  403: 'the token lacks a permission',
  404: 'no such repository, or the token may not see it',
}

/** What GitHub's answer means: done, not now, or not at all. */
export const judgeGithub = (
  host: string,
  response: HttpResponse,
  now: Date,
): Result<HttpResponse, ForeignFailure> => {
  const { status } = response
  const isLimited = status === 403 || status === 429
  const seconds = isLimited ? readLimit(response, now) : null
  if (seconds !== null) return fail(later(`${host} answered ${status}: too many requests`, seconds))
  const judged = judgeAnswer(host, response, now)
  if (judged.ok) return succeed(response)
  const meaning = meanings[status] ?? readComplaint(response)
  if (judged.error.kind === 'later' || status < 400 || meaning === '') return judged
  return fail(refused(`${judged.error.why}: ${meaning}`))
}
