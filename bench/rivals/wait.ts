import { setTimeout as sleep } from 'node:timers/promises'

const seconds = 30

/** Resolves once the attempt does not fail, and fails with its last error after half a minute. */
export const waitFor = async (what: string, attempt: () => Promise<unknown>): Promise<void> => {
  const until = Date.now() + seconds * 1000
  for (;;) {
    try {
      await attempt()
      return
    } catch (error) {
      if (Date.now() > until) throw new Error(`${what} did not come`, { cause: error })
    }
    await sleep(50)
  }
}
