import type { OperatorCommand } from '../../src/deployment/observation.ts'
import { newNonce } from '../../src/kernel/id.ts'
import { Retryable } from '../../src/kernel/retryable.ts'
import { createOperate } from '../../src/rollout/operate.ts'
import type { Nudge } from '../../src/rollout/ports.ts'
import { createReconcile } from '../../src/rollout/reconcile.ts'
import type { Target } from '../../src/targets/target.ts'
import { plainly, type Call } from './calls.ts'
import { commitAt } from './examples.ts'
import type { World } from './rollout-world.ts'

/** What happens to a run at its `at`-th port call (from 1). */
export interface Mishap {
  readonly kind:
    | 'dies_before'
    | 'dies_after'
    /** The outside throws, before or after the call had its effect. */
    | 'throws_before'
    | 'throws_after'
    /** Everything else goes on; this run continues when it is resumed. */
    | 'pauses_before'
    | 'pauses_after'
  readonly at: number
}

/** A tick without a fleet scan. */
export const tickOf = ({ app }: World, changes: Partial<Nudge> = {}): Nudge => ({
  app: app.name,
  settings: app,
  revisions: [],
  isTick: true,
  scan: null,
  by: 'ada',
  ...changes,
})

/** The image of the commit is pushed, and its CI is green; `createdAt` only where the order matters. */
export const pushGreen = (world: World, index: number, createdAt?: string): void => {
  world.pushImage(index)
  const run = world.runOf(index, 1, 'success')
  world.receive(commitAt(index), createdAt === undefined ? run : { ...run, createdAt })
}

/** Carries out an operator's command. */
export const operate = (world: World, command: OperatorCommand, id = 'ticket-1') => {
  const auditLog = { recordOperation: () => Promise.resolve() }
  const run = createOperate({ ...world.toPorts(plainly), auditLog })
  return run({ app: world.app.name, command, by: 'ada', id })
}

/** One run, a tick, in which the targets select this. */
export const runSelecting = (
  world: World,
  select: Target['select'],
  scan: Nudge['scan'] = null,
): Promise<void> => {
  const ports = world.toPorts(plainly)
  const toTarget: typeof ports.toTarget = (settings) => ({ ...ports.toTarget(settings), select })
  return createReconcile({ ...ports, toTarget })(tickOf(world, { scan }))
}

export interface Paused {
  readonly resume: () => Promise<void>
}

class Unreachable extends Error {}

const never = <Value>(): Promise<Value> => new Promise(() => {})

/**
 * One run of reconcile, with at most one mishap. Resolves when it is over, when it has died (it stops where
 * it was), or when it pauses; then with the function that resumes it.
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
    // Its other calls end with it.
    if (isDead) return never()
    if (mishap === null || count !== mishap.at) return plainly(name, effect)
    switch (mishap.kind) {
      case 'dies_before':
        isDead = true
        stop(null)
        return never()
      case 'dies_after':
        isDead = true
        // A dead run sees no failure of the outside.
        try {
          effect()
        } catch {
          // Ignored.
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
  // Each tick finds the app due.
  const scan = isTick ? { at: world.instant(), returned: [] } : null
  const over = reconcile(tickOf(world, { isTick, by, scan })).then(
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
  await createReconcile(world.toPorts(call))(tickOf(world))
  return count
}

/** A tick every minute, for so many minutes. */
export const letItSettle = async (world: World, minutes = 40): Promise<void> => {
  for (let minute = 0; minute < minutes; minute += 1) {
    await runReconcile(world)
    checkDeadline(world)
    world.advance(60_000)
  }
}

/** After an undisturbed run, nothing is open past its deadline. */
export const checkDeadline = (world: World): void => {
  const { deployment, repair } = world.core()
  const open = deployment ?? repair
  if (open !== null && world.now() >= Date.parse(open.deadlineAt))
    world.breaches.push(`open past its deadline: ${JSON.stringify(open)}`)
}

/** A tick every minute until every instance serves the live release, for at most three hours. */
export const letItConverge = async (world: World): Promise<void> => {
  for (let minute = 0; minute < 180 && world.core().needsRepair; minute += 1) {
    await runReconcile(world)
    checkDeadline(world)
    world.advance(60_000)
  }
}
