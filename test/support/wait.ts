import { setTimeout as sleep } from 'node:timers/promises'

/** Never reached where all is well, also with other work on every processor. */
const patienceSeconds = 120

/** Asking a Docker Engine takes a fifth of that in processor time. */
const pauseMs = 100

/** Asks until it is so; `what` is told where it does not come. */
export const waitFor = async (
  what: string,
  isSo: () => boolean | Promise<boolean>,
  seconds = patienceSeconds,
): Promise<void> => {
  const until = Date.now() + seconds * 1000
  while (!(await isSo())) {
    if (Date.now() > until) throw new Error(`waited ${seconds} s in vain: ${what}`)
    await sleep(pauseMs)
  }
}
