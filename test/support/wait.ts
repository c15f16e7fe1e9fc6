import { setTimeout as sleep } from 'node:timers/promises'

/** For a deployment, or whatever else is waited for: no machine is so busy that it takes longer. */
export const patienceSeconds = 180

const firstMilliseconds = 20
/** A look is a function's or docker's work, 20 ms of a processor: seldom enough not to delay what it waits for. */
const lastMilliseconds = 250

/** Asks until it is so, less and less often; `what` is told where it does not come. */
export const waitFor = async (
  what: string,
  isSo: () => boolean | Promise<boolean>,
  seconds = patienceSeconds,
): Promise<void> => {
  const until = performance.now() + seconds * 1000
  let gap = firstMilliseconds
  while (!(await isSo())) {
    if (performance.now() > until) throw new Error(`waited ${seconds} s in vain: ${what}`)
    await sleep(gap)
    gap = Math.min(lastMilliseconds, gap * 1.5)
  }
}
