interface Window {
  readonly endsAt: number
  used: number
}

export interface Taken {
  readonly isOver: boolean
  readonly headers: Readonly<Record<string, string>>
}

const windowMilliseconds = 60_000

/** Counts requests by the minute, from the first of each. */
export const createRateLimits = (now: () => number) => {
  const windows = new Map<string, Window>()
  return (key: string, limit: number): Taken => {
    const known = windows.get(key)
    const isOpen = known !== undefined && known.endsAt > now()
    const window = isOpen ? known : { endsAt: now() + windowMilliseconds, used: 0 }
    windows.set(key, window)
    const isOver = window.used >= limit
    if (!isOver) window.used += 1
    const seconds = String(Math.ceil((window.endsAt - now()) / 1000))
    return {
      isOver,
      headers: {
        'ratelimit-limit': String(limit),
        'ratelimit-remaining': String(limit - window.used),
        'ratelimit-reset': seconds,
        ...(isOver && { 'retry-after': seconds }),
      },
    }
  }
}
