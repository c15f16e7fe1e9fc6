/** Returns the current time. It is a parameter wherever time matters, so that a test can set it. */
export type Clock = () => Date

export const systemClock: Clock = () => new Date()

/** A stored point in time: ISO 8601, UTC, milliseconds. */
export type Instant = string

export const toInstant = (date: Date): Instant => date.toISOString()

export const addSeconds = (instant: Instant, seconds: number): Instant =>
  new Date(Date.parse(instant) + seconds * 1000).toISOString()

export const secondsBetween = (from: Instant, to: Instant): number =>
  (Date.parse(to) - Date.parse(from)) / 1000

export const sleep = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds))

/** Calls again and again; returns the function that ends it. */
export type Every = (milliseconds: number, act: () => void) => () => void

export const every: Every = (milliseconds, act) => {
  const timer = setInterval(act, milliseconds)
  return () => clearInterval(timer)
}
