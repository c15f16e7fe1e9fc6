import * as z from 'zod'
import { isThrottled } from '../aws/client.ts'
import { Retryable } from '../kernel/retryable.ts'

/** The SDK throws an answer of DynamoDB (`$metadata`), or an error of Node's network (`code`). */
const SdkError = z.object({
  name: z.string(),
  code: z.string().optional(),
  $metadata: z.object({ httpStatusCode: z.number().optional() }).optional(),
})

const isUnreachable = (error: unknown): boolean => {
  const parsed = SdkError.safeParse(error)
  if (!parsed.success) return false
  const { name, code = '', $metadata } = parsed.data
  const status = $metadata?.httpStatusCode ?? 0
  const isTimeout = /^(TimeoutError|AbortError|RequestTimeout(Exception)?)$/.test(name)
  // `ECONNRESET`, `EAI_AGAIN`; not `ERR_INVALID_ARG_TYPE`, which is a bug of ours.
  const isNetwork = /^E(?!RR_)[A-Z_]+$/.test(code)
  return status >= 500 || isTimeout || isThrottled(name) || isNetwork
}

/**
 * The answer of a call of the journal.
 *
 * @throws Retryable where the table is unreachable or throttles. Any other error (a missing right or table,
 * an unreadable item) is a bug and passes unchanged.
 */
export const reach = async <Value>(call: Promise<Value>): Promise<Value> => {
  try {
    return await call
  } catch (error) {
    if (!isUnreachable(error)) throw error
    throw new Retryable(String(error), { cause: error })
  }
}
