import type { OperatorCommand } from '../../src/deployment/observation.ts'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { newNonce } from '../../src/kernel/id.ts'
import { createOperate } from '../../src/rollout/operate.ts'
import { createTakeAlarm } from '../../src/rollout/alarm-event.ts'
import { plainly } from '../support/calls.ts'
import { commitAt, indexOf } from '../support/examples.ts'
import { createWorld, type World } from '../support/rollout-world.ts'
import {
  calmDown,
  command,
  disturbed,
  faulty,
  resumed,
  undisturbed,
  waits,
  type Real,
} from '../support/reconcile-commands.ts'
import { letItConverge, letItSettle } from '../support/runs.ts'
import { inFull } from '../support/size.ts'

const alarms = ['errors', 'latency'] as const
const windowSeconds = 1800
const settings = {
  instances: 2,
  app: {
    deadlineSeconds: 300,
    rollback: { alarms, windowSeconds, secrets: 'recorded' as const },
  },
}
const auditLog = { recordOperation: () => Promise.resolve() }

interface Pushing extends Real {
  /** How many commits were pushed: each later than all before it. */
  pushed: number
}

/** CI is green and the image is there, now. */
const push = (real: Pushing): number => {
  const { world } = real
  const index = (real.pushed += 1)
  world.pushImage(index)
  world.receive(commitAt(index), {
    ...world.runOf(index, 1, 'success'),
    createdAt: world.instant(),
  })
  return index
}

const fire = async ({ world }: Real, alarm: string, from: 'OK' | 'INSUFFICIENT_DATA') => {
  const take = createTakeAlarm({ ...world.toPorts(plainly), clock: () => new Date(world.now()) })
  await take(world.app.name, { alarm, at: world.instant(), from }, windowSeconds)
}

const say = async ({ world }: Real, word: OperatorCommand): Promise<void> => {
  const { heads, clock } = world.toPorts(plainly)
  const operate = createOperate({ heads, auditLog, clock })
  await operate({ app: world.app.name, word, by: 'ada', id: newNonce() })
}

const alarm = fc.constantFrom(...alarms)

const commands = [
  fc.constant(command('push()', (real: Pushing) => push(real))),
  fc.constant(
    command('pushBroken()', (real: Pushing) => {
      const index = push(real)
      real.world.breakImage(index)
    }),
  ),
  undisturbed,
  disturbed('dies_before', 'dies_after', 'throws_before', 'throws_after', 'pauses_after'),
  waits(900),
  faulty(1),
  fc
    .tuple(alarm, fc.constantFrom('OK' as const, 'INSUFFICIENT_DATA' as const))
    .map(([name, from]) =>
      command(`alarm(${name} ${from})`, (real: Real) => fire(real, name, from)),
    ),
  // The event is lost: only the state shows it.
  alarm.map((name) =>
    command(`silent(${name})`, ({ world }: Real) => void world.firing.set(name, world.instant())),
  ),
  alarm.map((name) => command(`ok(${name})`, ({ world }: Real) => void world.firing.delete(name))),
  ...(['rollback', 'cancel', 'freeze', 'unfreeze'] as const).map((kind) =>
    fc.constant(
      command(`${kind}()`, (real: Real) =>
        say(
          real,
          kind === 'rollback'
            ? { kind, to: null }
            : kind === 'freeze'
              ? { kind, reason: 'exams' }
              : { kind },
        ),
      ),
    ),
  ),
  resumed,
]

const checkSettled = (world: World): void => {
  const core = world.core()
  expect(world.breaches).toEqual([])
  expect(core.isIdle).toBe(true)
  expect(core.isRequestPending).toBe(false)
  expect(core.isRollbackPending).toBe(false)
  expect(core.notices).toEqual([])

  const history = [...world.deployments.values()]
  const numbers = Array.from({ length: core.generation }, (_, index) => index + 1)
  expect(history.map(({ generation }) => generation)).toEqual(numbers)
  // A live release that is quarantined, because its rollback failed, is not repaired.
  const kept = core.releaseToKeep
  for (const { id, serving } of world.hosts)
    if (kept !== null && !world.isBroken(indexOf(kept.revision), id))
      expect(serving?.generation, id).toBe(kept.generation)

  for (const { status, rolledBackBy, generation } of history) {
    expect(status === 'rolled_back').toBe(rolledBackBy !== null)
    // Each channel has a deployment's end at most once.
    const ends = world.heard.filter(({ fact }) => fact.id === `${generation}:succeeded`)
    expect(new Set(ends.map(({ channel }) => channel)).size).toBe(ends.length)
  }
}

/** Without further operators' commands and alarms, the newest good commit is deployed. */
const checkGoesOn = async (real: Pushing): Promise<void> => {
  const { world } = real
  await say(real, { kind: 'unfreeze' })
  world.advance(1000)
  const index = push(real)
  await letItSettle(world, 8)
  checkSettled(world)
  expect(world.core().live?.revision).toBe(commitAt(index))
}

describe('any order of commits, alarms, people, losses and deaths', () => {
  it('ends in a legal state, takes each suspect back once and no rollback, and goes on', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.commands(commands, { maxCommands: 40, size: 'max' }),
        async (sequence) => {
          const world = createWorld(settings)
          const real: Pushing = { world, paused: [], pushed: 0 }
          await fc.asyncModelRun(() => ({ model: {}, real }), sequence)
          world.firing.clear()
          await calmDown(real)
          await letItSettle(world, 12)
          await letItConverge(world)
          checkSettled(world)
          await checkGoesOn(real)
        },
      ),
      { numRuns: inFull(600, 200) },
    )
  })
})
