/** An outside service could not be reached; the same call may succeed later. Nothing was decided. */
export class Retryable extends Error {
  override readonly name = 'Retryable'
}

/** Returns a Retryable as a value and rethrows any other error. */
export const unlessRetryable = (error: unknown): Retryable => {
  if (error instanceof Retryable) return error
  throw error
}
