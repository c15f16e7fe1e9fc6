/** The outside could not be asked now; the same may go through later. Nothing was decided by it. */
export class Retryable extends Error {
  override readonly name = 'Retryable'
}
