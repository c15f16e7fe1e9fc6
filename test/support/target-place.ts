import type { Release } from '../../src/deployment/deployment.ts'
import type { Answer } from '../../src/deployment/step.ts'
import type { Order, Started, Target } from '../../src/targets/target.ts'

/** How a release starts: `slow` takes some seconds to come up, `broken` never gets healthy. */
export type Fare = 'well' | 'slow' | 'broken'

/** A place where an app runs, with its target and with faults on demand. Each row of the contract gets its own; on EC2 in the full size only. */
export interface Place {
  readonly target: Target
  /** Whether the previous release serves on while a new one is started and checked. */
  readonly keepsServing: boolean
  /** A release whose image is in the registry; `answers` tells it from the others. */
  publish(version: string, fare?: Fare, env?: Readonly<Record<string, string>>): Promise<Release>
  /** An order given now, with time enough and a newer fence than the last one. */
  order(release: Release | null, changes?: Partial<Order>): Order
  /** So many seconds from now. */
  later(seconds: number): string
  /** The version that answers users; null if nothing answers. */
  serves(): Promise<string | null>
  /** Whether what serves has this setting. */
  hasSetting(name: string, value: string): Promise<boolean>
  /** How often a deploy of the release began here. */
  countStarts(release: Release): Promise<number>
  /** Waits a little longer from one look to the next. */
  wait(looks: number): Promise<void>
  /** Runs this version here as before Landfall's first release; a later release takes over. */
  ranBefore(version: string): Promise<void>
  /** The next start succeeds, and its answer is lost. */
  loseStart(): void
  /** The answers to the next look are lost. */
  loseLook(): void
  /** The next start is throttled and begins nothing. */
  throttle(): void
  /** From now on Landfall has no access. */
  lockOut(): void
  /** Holds later starts at an unknown status until the returned function is called. */
  hold(): Promise<() => Promise<void>>
  /** Removes or replaces a release by hand while it is started. */
  disturb(release: Release): Promise<void>
  /** The same for a release that is live. */
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
  if (answer === undefined) throw new Error('no instance answered')
  return answer
}

const mostLooks = 400

/** The first answer that is not `waiting`. */
export const follow = async (place: Place, order: Order, operation: string): Promise<Answer> => {
  for (let looks = 0; looks < mostLooks; looks += 1) {
    const answer = await lookAt(place, order, operation)
    if (answer.outcome !== 'waiting') return answer
    await place.wait(looks)
  }
  throw new Error(`${operation} did not end`)
}

/** The result of an order, or why it could not be started. */
export const carryOut = async (place: Place, order: Order): Promise<Answer> => {
  const { operation, missing } = await place.target.start(order)
  if (operation !== null) return follow(place, order, operation)
  const [answer] = missing
  if (answer === undefined) throw new Error('neither a handle nor a reason')
  return answer
}
