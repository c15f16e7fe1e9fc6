import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

export interface Prober {
  /** When the address first answered with the text: milliseconds, of `Date.now`. */
  readonly seenAt: Promise<number>
  stop(): void
}

/** Asks an address every few milliseconds until it answers the text; asking when this resolves. */
export const startProber = async (url: string, text: string): Promise<Prober> => {
  const file = fileURLToPath(new URL('./probe.ts', import.meta.url))
  const child = fork(file, [url, text], { execArgv: [] })
  await once(child, 'message')
  const seenAt = once(child, 'message').then(([at]: unknown[]) => Number(at))
  return { seenAt, stop: () => void child.kill() }
}
