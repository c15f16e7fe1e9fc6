import * as z from 'zod'
import { Retryable } from '../kernel/retryable.ts'

/**
 * One call with all its retries takes 8 s: an intent is good for 10 s (DESIGN, "Intent before act"). The
 * SDK's own request timeout only warns; an abort ends the call.
 */
export const inTime = (milliseconds = 8_000) => ({
  abortSignal: AbortSignal.timeout(milliseconds),
})

/**
 * What a call's error tells. `refused`: AWS answered no and nothing was done. `throttled`: not now,
 * and nothing was done. `uncertain`: no answer (or a broken one), so that it may have been done.
 */
export interface AwsFailure {
  readonly kind: 'refused' | 'throttled' | 'uncertain'
  /** The error's code: `InvalidInstanceId`. */
  readonly code: string
  readonly message: string
}

export const isThrottled = (code: string): boolean =>
  /^(Throttl(ing|ed)(Exception)?|(TooManyRequests|ProvisionedThroughputExceeded)Exception|RequestLimitExceeded|RequestThrottled(Exception)?)$/.test(
    code,
  )

const toKind = (code: string, status: number): AwsFailure['kind'] => {
  if (isThrottled(code) || status === 429) return 'throttled'
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

/**
 * For calls that read: the SDK repeats them, and a failure may pass later. A refusal that no caller
 * expects (a missing right, a bad order) is a bug and stays what it is.
 *
 * @throws Retryable if AWS does not answer, or throttles
 */
export const read = async <Value>(
  call: () => Promise<Value>,
  expected: Readonly<Record<string, Value>> = {},
): Promise<Value> => {
  try {
    return await call()
  } catch (error) {
    const { kind, code, message } = toAwsFailure(error)
    const instead = expected[code]
    if (instead !== undefined) return instead
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
