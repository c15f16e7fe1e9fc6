import * as fc from 'fast-check'
import { expect } from 'vitest'
import { faults } from './hosts.ts'
import type { World } from './rollout-world.ts'
import { runReconcile, type Mishap, type Paused } from './runs.ts'

// The commands that the models of reconcile have in common.

export interface Real {
  readonly world: World
  readonly paused: Paused[]
}

/** A command that is always possible; the world's breaches show what it broke. */
export const command = <Model extends Real>(
  name: string,
  act: (real: Model) => unknown,
): fc.AsyncCommand<object, Model> => ({
  check: () => true,
  toString: () => name,
  run: async (_model, real) => {
    await act(real)
    expect(real.world.breaches).toEqual([])
  },
})

const nudge = async ({ world, paused }: Real, mishap: Mishap | null): Promise<void> => {
  const rest = await runReconcile(world, mishap)
  if (rest !== null) paused.push(rest)
}

export const undisturbed = fc.constant(command('nudge()', (real: Real) => nudge(real, null)))

export const disturbed = (...kinds: readonly Mishap['kind'][]) =>
  fc
    .record({ kind: fc.constantFrom(...kinds), at: fc.integer({ min: 1, max: 40 }) })
    .map((one) => command(`nudge(${one.kind} ${one.at})`, (real: Real) => nudge(real, one)))

export const waits = (mostSeconds: number) =>
  fc
    .integer({ min: 1, max: mostSeconds })
    .map((seconds) =>
      command(`wait(${seconds})`, ({ world }: Real) => world.advance(seconds * 1000)),
    )

export const resumed = fc.constant(
  command('resume()', ({ paused }: Real) => paused.shift()?.resume()),
)

/** The next command or commands meet these faults. */
export const faulty = (most: number) =>
  fc
    .array(fc.constantFrom('none' as const, ...faults), { minLength: 1, maxLength: most })
    .map((some) =>
      command(`faults(${some.join()})`, ({ world }: Real) => world.upcoming.push(...some)),
    )

/** Ends the faults; paused runs continue with what they saw before. */
export const calmDown = async ({ world, paused }: Real): Promise<void> => {
  world.upcoming.length = 0
  for (const one of paused.splice(0)) await one.resume()
}
