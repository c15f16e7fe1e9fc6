import { newNonce } from '../../src/kernel/id.ts'
import { Retryable } from '../../src/kernel/retryable.ts'
import { createReconcile } from '../../src/rollout/reconcile.ts'
import { plainly, type Call } from './calls.ts'
import type { World } from './rollout-world.ts'

/** What happens to a run at its `at`-th port call (from 1). */
export interface Mishap {
  readonly kind:
    | 'dies_before'
    | 'dies_after'
    /** The outside throws, once the call has had its effect or before. */
    | 'throws_before'
    | 'throws_after'
    /** Everything else goes on; this run takes its next breath when it is resumed. */
    | 'pauses_before'
    | 'pauses_after'
  readonly at: number
}

export interface Paused {
  readonly resume: () => Promise<void>
}

class Unreachable extends Error {}

const never = <Value>(): Promise<Value> => new Promise(() => {})

/**
 * One run of reconcile, with at most one mishap. Resolves when it is over, when it has died (it is
 * left where it stood and never goes on), or when it pauses; then with the way to go on.
 */
export const runReconcile = async (
  world: World,
  mishap: Mishap | null = null,
  by: string = newNonce(),
  isTick = true,
): Promise<Paused | null> => {
  let count = 0
  let isDead = false
  let stop: (paused: (() => void) | null) => void = () => {}
  const stopped = new Promise<(() => void) | null>((resolve) => {
    stop = resolve
  })
  const call: Call = async (name, effect) => {
    count += 1
    // Whatever else it was at ends with it.
    if (isDead) return never()
    if (mishap === null || count !== mishap.at) return plainly(name, effect)
    switch (mishap.kind) {
      case 'dies_before':
        isDead = true
        stop(null)
        return never()
      case 'dies_after':
        isDead = true
        // Dead is dead, also where the outside would have thrown.
        try {
          effect()
        } catch {
          // Nobody is there to hear of it.
        }
        stop(null)
        return never()
      case 'throws_before':
        throw new Unreachable(name)
      case 'throws_after':
        effect()
        throw new Unreachable(name)
      case 'pauses_before':
        await new Promise<void>((resolve) => stop(resolve))
        return plainly(name, effect)
      case 'pauses_after': {
        const value = effect()
        await new Promise<void>((resolve) => stop(resolve))
        return value
      }
    }
  }
  const reconcile = createReconcile(world.toPorts(call))
  const nudge = {
    app: world.app.name,
    settings: world.app,
    revisions: [],
    isTick,
    by,
    // The roll call names the app each minute: whoever is due is asked.
    scan: isTick ? { at: world.instant(), returned: [] } : null,
  }
  const over = reconcile(nudge).then(
    () => null,
    (error: unknown) => {
      if (!(error instanceof Unreachable || error instanceof Retryable)) throw error
      return null
    },
  )
  const resume = await Promise.race([over, stopped])
  if (resume === null) return null
  return {
    resume: async () => {
      resume()
      await over
    },
  }
}

/** How many port calls one undisturbed run makes. */
export const countCalls = async (world: World): Promise<number> => {
  let count = 0
  const call: Call = (name, effect) => {
    count += 1
    return plainly(name, effect)
  }
  const { app } = world
  await createReconcile(world.toPorts(call))({
    app: app.name,
    settings: app,
    revisions: [],
    isTick: true,
    scan: null,
    by: 'x',
  })
  return count
}

/** The clock of every minute, until nothing is open and nothing waits; at most `minutes` of it. */
export const letItSettle = async (world: World, minutes = 40): Promise<void> => {
  for (let minute = 0; minute < minutes; minute += 1) {
    await runReconcile(world)
    checkDeadline(world)
    world.advance(60_000)
  }
}

/** Right after an undisturbed look nothing is open past its deadline. */
export const checkDeadline = (world: World): void => {
  const { deployment, repair } = world.core()
  const open = deployment ?? repair
  if (open !== null && world.now() >= Date.parse(open.deadlineAt))
    world.breaches.push(`open past its deadline: ${JSON.stringify(open)}`)
}

/** The clock goes on until every instance has been brought to what is live; at most three hours of it. */
export const letItConverge = async (world: World): Promise<void> => {
  for (let minute = 0; minute < 180 && world.core().needsRepair; minute += 1) {
    await runReconcile(world)
    checkDeadline(world)
    world.advance(60_000)
  }
}
