/** AWS refuses a call until a person changes a right. Nothing was done; the message can be shown to everyone. */
export class Denied extends Error {
  override readonly name = 'Denied'
}

/** Returns a Denied as a value and rethrows any other error. */
export const unlessDenied = (error: unknown): Denied => {
  if (error instanceof Denied) return error
  throw error
}
