export interface Timers {
  after(milliseconds: number, act: () => void): void
  clear(): void
}

/** Timeouts that all end together, so that a stopped stack does nothing any more. */
export const createTimers = (): Timers => {
  const timers = new Set<NodeJS.Timeout>()
  let isCleared = false
  return {
    after: (milliseconds, act) => {
      if (isCleared) return
      const timer = setTimeout(() => {
        timers.delete(timer)
        act()
      }, milliseconds)
      timers.add(timer)
    },
    clear: () => {
      isCleared = true
      for (const timer of timers) clearTimeout(timer)
    },
  }
}
