import type { Release } from '../../src/deployment/deployment.ts'
import type { Answer } from '../../src/deployment/step.ts'
import type { Order, Started, Target } from '../../src/targets/target.ts'

/** How a release fares: `slow` takes some seconds to come up, `broken` never gets healthy. */
export type Fare = 'well' | 'slow' | 'broken'

/**
 * A place where an app runs, as its target, its users and strangers see it, with what goes wrong on
 * demand. Each row of the contract gets one of its own.
 */
export interface Place {
  readonly target: Target
  /** A release whose image is in the registry; `answers` tells it from the others. */
  publish(version: string, fare?: Fare, env?: Readonly<Record<string, string>>): Promise<Release>
  /** Given now: a deploy of the release, with time enough. Each has a newer fence than the one before. */
  order(release: Release | null, changes?: Partial<Order>): Order
  /** So many seconds from now. */
  later(seconds: number): string
  /** The version that users are answered by; null where nobody answers. */
  serves(): Promise<string | null>
  /** Whether what serves has this setting. */
  hasSetting(name: string, value: string): Promise<boolean>
  /** How often the release was begun here. */
  countStarts(release: Release): Promise<number>
  /** A little longer from one look to the next, as whoever looks has time. */
  wait(looks: number): Promise<void>
  /** Somebody ran this version here before Landfall came; what is published from now on takes over. */
  ranBefore(version: string): Promise<void>
  /** The next start goes through, and its answer is lost. */
  loseStart(): void
  /** The answers to the next look are lost. */
  loseLook(): void
  /** The next start meets too many others: nothing is begun. */
  throttle(): void
  /** From now on the place does not let Landfall in. */
  lockOut(): void
  /** What is started from now on stays at a status that tells nothing, until it is let go. */
  hold(): Promise<() => Promise<void>>
  /** Somebody takes away what is being started, or puts something else in its place. */
  disturb(release: Release): Promise<void>
  /** The same, of what is live. */
  replace(release: Release): Promise<void>
  close(): Promise<void>
}

/** What the places of a kind share, such as a registry. */
export interface PlaceStage {
  openPlace(): Promise<Place>
  close(): Promise<void>
}

export const startOf = async (place: Place, order: Order): Promise<string> => {
  const started: Started = await place.target.start(order)
  if (started.operation === null)
    throw new Error(`nothing was begun: ${JSON.stringify(started.missing)}`)
  return started.operation
}

export const lookAt = async (place: Place, order: Order, operation: string): Promise<Answer> => {
  const [answer] = await place.target.observe(order, operation)
  if (answer === undefined) throw new Error('nobody answered')
  return answer
}

const mostLooks = 400

/** The first answer that tells something. */
export const follow = async (place: Place, order: Order, operation: string): Promise<Answer> => {
  for (let looks = 0; looks < mostLooks; looks += 1) {
    const answer = await lookAt(place, order, operation)
    if (answer.outcome !== 'waiting') return answer
    await place.wait(looks)
  }
  throw new Error(`${operation} came to no end`)
}

/** Starts, and waits for what comes of it; where nothing was begun, why. */
export const carryOut = async (place: Place, order: Order): Promise<Answer> => {
  const { operation, missing } = await place.target.start(order)
  if (operation !== null) return follow(place, order, operation)
  const [answer] = missing
  if (answer === undefined) throw new Error('neither a handle nor a reason')
  return answer
}
