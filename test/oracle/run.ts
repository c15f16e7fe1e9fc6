import type { Nudge } from './frozen/rollout/ports.ts'
import type { Side } from './side.ts'
import type { Mishap, Setup } from './story.ts'
import { plainly, type Call, type World } from './world.ts'

class Unreachable extends Error {}

const never = <Value>(): Promise<Value> => new Promise(() => {})

type Resume = () => void

/** Runs of reconcile of one story, with its mishaps. A paused one goes on when it is resumed. */
export const createRunner = <Head>(setup: Setup, world: World<Head>, side: Side<Head>) => {
  const counts = new Map<string, number>()
  const paused: (() => Promise<void>)[] = []

  /** The mishap of this call, if it is the one that a mishap was meant for. */
  const mishapAt = (place: string): Mishap | undefined => {
    if (setup.mishaps.every((one) => one.place !== place)) return undefined
    const nth = (counts.get(place) ?? 0) + 1
    counts.set(place, nth)
    return setup.mishaps.find((one) => one.place === place && one.nth === nth)
  }

  /** Runs until it is over, or has died (it is left where it stood), or pauses. */
  const run = async (nudge: Nudge): Promise<void> => {
    let isDead = false
    let stop: (resume: Resume | null) => void = () => {}
    const nextStop = () =>
      new Promise<Resume | null>((resolve) => {
        stop = resolve
      })
    const pause = () => new Promise<void>((resolve) => stop(resolve))
    const die = <Value>(): Promise<Value> => {
      isDead = true
      stop(null)
      return never()
    }
    const call: Call = async (place, effect) => {
      if (isDead) return never()
      const mishap = mishapAt(place)
      switch (mishap?.kind) {
        case undefined:
          return plainly(place, effect)
        case 'dies_before':
          return die()
        case 'dies_after':
          // Dead is dead, also where the outside would have thrown.
          await plainly(place, effect).catch(() => {})
          return die()
        case 'throws_before':
          throw new Unreachable(place)
        case 'throws_after':
          effect()
          throw new Unreachable(place)
        case 'pauses_before':
          await pause()
          return plainly(place, effect)
        case 'pauses_after': {
          const value = effect()
          await pause()
          return value
        }
      }
    }
    const follow = async (stopped: Promise<Resume | null>): Promise<void> => {
      const resume = await Promise.race([over, stopped])
      if (resume === null) return
      paused.push(() => {
        const next = follow(nextStop())
        resume()
        return next
      })
    }
    const stopped = nextStop()
    const over = side.reconcile(world.toPorts(call), nudge).then(
      () => null,
      (error: unknown) => {
        // Anything else is a bug of the core, or of the world.
        if (!(error instanceof Unreachable || side.isRetryable(error)))
          world.trace.crashes.push(String(error))
        return null
      },
    )
    await follow(stopped)
  }

  return {
    run,
    /** The oldest paused run goes on. */
    resume: async (): Promise<void> => paused.shift()?.(),
    resumeAll: async (): Promise<void> => {
      while (paused.length > 0) await paused.shift()?.()
    },
  }
}
