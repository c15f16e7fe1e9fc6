import * as z from 'zod'
import { Denied } from '../kernel/denied.ts'
import { Retryable } from '../kernel/retryable.ts'

/**
 * One call with all its retries takes 8 s: an intent is good for 10 s (DESIGN, "Intent before act"). The
 * SDK's own request timeout only warns; an abort ends the call.
 */
export const inTime = (milliseconds = 8_000) => ({
  abortSignal: AbortSignal.timeout(milliseconds),
})

/**
 * What a call's error tells. `denied`: the function has no right to this call, until a person gives it. `refused`: AWS
 * answered no for another reason. `throttled`: not now. Nothing was done in each of these. `uncertain`: no answer (or a
 * broken one), so that it may have been done.
 */
export interface AwsFailure {
  readonly kind: 'denied' | 'refused' | 'throttled' | 'uncertain'
  /** The error's code: `InvalidInstanceId`. */
  readonly code: string
  readonly message: string
}

export const isThrottled = (code: string): boolean =>
  /^(Throttl(ing|ed)(Exception)?|(TooManyRequests|ProvisionedThroughputExceeded)Exception|RequestLimitExceeded|RequestThrottled(Exception)?)$/.test(
    code,
  )

/** Of the call, not of the right to it: the next call has other credentials and another time. */
const isOutOfTime = (code: string): boolean =>
  /^(ExpiredToken(Exception)?|RequestExpired|RequestTimeout(Exception)?)$/.test(code)

/** By a policy, as EC2, Systems Manager, CloudWatch, Lambda, EventBridge and DynamoDB say it. */
const isForbidden = (code: string): boolean =>
  /^(AccessDenied(Exception)?|UnauthorizedOperation|NotAuthorized)$/.test(code)

/** The service does not know the account, or not in this region: it is new, closed, or the region is not enabled. */
const isUnknownAccount = (code: string): boolean =>
  /^(AuthFailure|OptInRequired|UnrecognizedClientException|InvalidClientTokenId)$/.test(code)

const toKind = (code: string, status: number): AwsFailure['kind'] => {
  if (isThrottled(code) || isOutOfTime(code) || status === 429) return 'throttled'
  if (isForbidden(code) || isUnknownAccount(code)) return 'denied'
  return status >= 400 && status < 500 ? 'refused' : 'uncertain'
}

const ServiceError = z.object({
  name: z.string(),
  message: z.string().catch(''),
  $metadata: z.object({ httpStatusCode: z.number().optional() }),
})

export const toAwsFailure = (error: unknown): AwsFailure => {
  const parsed = ServiceError.safeParse(error)
  if (!parsed.success)
    return { kind: 'uncertain', code: 'NoAnswer', message: 'AWS did not answer in time' }
  const { name: code, message, $metadata } = parsed.data
  return { kind: toKind(code, $metadata.httpStatusCode ?? 0), code, message: message.slice(0, 300) }
}

/** What puts it right, without AWS's text, which names roles and accounts. */
export const describeDenial = (
  action: string,
  { code }: Pick<AwsFailure, 'code'>,
  forbidden = 'its role grants it, so a policy of the organization, a permissions boundary or a change by hand takes it away',
): string => {
  const cause = isUnknownAccount(code)
    ? 'is the account active, and the region enabled for it?'
    : forbidden
  return `AWS refuses ${action} to Landfall's function (${code}); ${cause}`
}

/**
 * For calls that read: the SDK repeats them, and a failure may pass later. A refusal that no caller
 * expects (a bad order) is a bug and stays what it is.
 *
 * @param action as a policy names it: `ec2:DescribeInstances`
 * @throws Retryable if AWS does not answer, or throttles
 * @throws Denied if the function has no right to it
 */
export const read = async <Value>(
  action: string,
  call: () => Promise<Value>,
  expected: Readonly<Record<string, NoInfer<Value>>> = {},
): Promise<Value> => {
  try {
    return await call()
  } catch (error) {
    const failure = toAwsFailure(error)
    const { kind, code, message } = failure
    const instead = expected[code]
    if (instead !== undefined) return instead
    if (kind === 'denied') throw new Denied(describeDenial(action, failure))
    if (kind === 'refused') throw error
    throw new Retryable(`${code}: ${message}`)
  }
}

/** Lists of at most 100: as many names or filter values as one call takes. */
export const inPortions = <Item>(items: readonly Item[]): readonly (readonly Item[])[] =>
  Array.from({ length: Math.ceil(items.length / 100) }, (_, index) =>
    items.slice(index * 100, (index + 1) * 100),
  )

/** The pages of a listing, one after another. */
export const readPages = async <Item>(
  readPage: (
    token: string | undefined,
  ) => Promise<{ readonly items: readonly Item[]; readonly next: string | undefined }>,
): Promise<readonly Item[]> => {
  const all: Item[] = []
  let token: string | undefined
  do {
    const { items, next } = await readPage(token)
    all.push(...items)
    token = next
  } while (token !== undefined && token !== '')
  return all
}
