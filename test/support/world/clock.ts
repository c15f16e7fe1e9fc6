import type { Instant } from '../../../src/kernel/clock.ts'
import { startOfTime } from '../examples.ts'

/** A clock that moves on request only, and the events planned on it. */
export const createClock = () => {
  let now = startOfTime
  const events: { readonly at: number; readonly run: () => void }[] = []

  return {
    now: () => now,
    instant: (): Instant => new Date(now).toISOString(),
    /** Plans an event. */
    plan: (at: number, run: () => void): void => void events.push({ at, run }),
    advance: (milliseconds: number): void => {
      const until = now + milliseconds
      for (;;) {
        const next = events.filter(({ at }) => at <= until).sort((a, b) => a.at - b.at)[0]
        if (next === undefined) break
        events.splice(events.indexOf(next), 1)
        now = Math.max(now, next.at)
        next.run()
      }
      now = until
    },
  }
}

export type WorldClock = ReturnType<typeof createClock>
