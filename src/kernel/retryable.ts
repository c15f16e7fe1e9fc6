/** The outside could not be asked now; the same may go through later. Nothing was decided by it. */
export class Retryable extends Error {
  override readonly name = 'Retryable'
}

/** The Retryable as a value; anything else is thrown on. */
export const unlessRetryable = (error: unknown): Retryable => {
  if (error instanceof Retryable) return error
  throw error
}
