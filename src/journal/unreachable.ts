import * as z from 'zod'
import { isThrottled } from '../aws/client.ts'
import { Retryable } from '../kernel/retryable.ts'

/** What the SDK throws: an answer of DynamoDB (`$metadata`), or an error of Node's network (`code`). */
const SdkError = z.object({
  name: z.string(),
  code: z.string().optional(),
  $metadata: z.object({ httpStatusCode: z.number().optional() }).optional(),
})

const timeout = /^(TimeoutError|AbortError|RequestTimeout(Exception)?)$/
/** `ECONNRESET`, `EAI_AGAIN`; not `ERR_INVALID_ARG_TYPE`, which is a mistake of ours. */
const network = /^E(?!RR_)[A-Z_]+$/

const isUnreachable = (error: unknown): boolean => {
  const parsed = SdkError.safeParse(error)
  if (!parsed.success) return false
  const { name, code = '', $metadata } = parsed.data
  const status = $metadata?.httpStatusCode ?? 0
  return status >= 500 || timeout.test(name) || isThrottled(name) || network.test(code)
}

/**
 * What a call of the journal answers.
 *
 * @throws Retryable where the table cannot be reached now, or not so often. Anything else that is
 * thrown (a right or a table that is missing, an item that nobody can read) is a bug and stays so.
 */
export const reach = async <Value>(call: Promise<Value>): Promise<Value> => {
  try {
    return await call
  } catch (error) {
    if (!isUnreachable(error)) throw error
    throw new Retryable(String(error), { cause: error })
  }
}
