import type { OperatorCommand } from '../../../src/deployment/observation.ts'
import { describe, expect, it } from 'vitest'
import { createTakeAlarm } from '../../../src/rollout/alarm-event.ts'
import { plainly } from '../../support/calls.ts'
import { commitAt } from '../../support/examples.ts'
import { createWorld, type World } from '../../support/rollout-world.ts'
import { operate, pushGreen, runReconcile } from '../../support/runs.ts'

const alarm = 'oc-lettings-5xx'
const windowSeconds = 1800

const pushed = async (world: World, index: number): Promise<void> => {
  pushGreen(world, index)
  await runReconcile(world)
  expect(world.core().live?.revision).toBe(commitAt(index))
}

/** Releases up to this one were live, one after the other. */
const worldAt = async (releases: number): Promise<World> => {
  const rollback = { alarms: [alarm], windowSeconds, secrets: 'recorded' } as const
  const world = createWorld({ instances: 1, app: { rollback } })
  for (let index = 1; index <= releases; index += 1) await pushed(world, index)
  return world
}

const say = async (world: World, command: OperatorCommand, id: string): Promise<void> => {
  expect(await operate(world, command, id)).toMatchObject({ ok: true })
}

/** The alarm fires from OK and goes on firing; its event comes. */
const fire = (world: World) => {
  world.firing.set(alarm, world.instant())
  const take = createTakeAlarm({ ...world.toPorts(plainly) })
  return take(world.app.name, { alarm, at: world.instant(), from: 'OK' }, windowSeconds)
}

const nextMinute = async (world: World): Promise<void> => {
  world.advance(60_000)
  await runReconcile(world)
}

describe('an alarm that goes on firing', () => {
  it('does not freeze an unfrozen app again for an alarm that keeps firing', async () => {
    const world = await worldAt(2)
    await fire(world)
    await runReconcile(world)
    world.advance(60_000)
    expect(await fire(world)).toEqual({ kind: 'freeze', reason: 'alarm_after_rollback' })
    await nextMinute(world)
    expect(world.core().freeze).toMatchObject({ reason: 'alarm_after_rollback' })
    await say(world, { kind: 'unfreeze' }, 'ticket-1')
    await nextMinute(world)
    expect(world.core().freeze).toBeNull()
    expect(world.core().generation).toBe(3)
    expect(world.breaches).toEqual([])
  })

  it('rolls nothing back after `unfreeze` for an alarm that fired while the app was frozen', async () => {
    const world = await worldAt(2)
    await say(world, { kind: 'freeze', reason: 'exams' }, 'ticket-1')
    world.advance(1000)
    expect(await fire(world)).toEqual({ kind: 'ignored', reason: 'app_frozen' })
    world.advance(1000)
    await say(world, { kind: 'unfreeze' }, 'ticket-2')
    await nextMinute(world)
    expect(world.core()).toMatchObject({ generation: 2, rollback: null })
    // What fires from now on counts again.
    world.advance(1000)
    expect(await fire(world)).toMatchObject({ kind: 'take_back', generation: 2 })
  })

  it('judges a firing alarm once where there is nothing to roll back to', async () => {
    const world = await worldAt(1)
    await nextMinute(world)
    world.firing.set(alarm, world.instant())
    await nextMinute(world)
    const { rollback, version } = world.core()
    expect(rollback).toMatchObject({ refusal: 'nothing_to_roll_back_to' })
    const judged = world.judged.length
    await nextMinute(world)
    await nextMinute(world)
    expect(world.judged).toHaveLength(judged)
    expect([world.core().rollback, world.core().version]).toEqual([rollback, version])
  })
})

describe('a deployment whose alarm cannot roll it back', () => {
  const messagesOf = (world: World) =>
    world.heard
      .filter(({ channel }) => channel === 'event')
      .map(({ fact }) => [fact.kind, fact.message])

  it('says from its start to its end that the alarm does not exist', async () => {
    const rollback = { alarms: [alarm], windowSeconds, secrets: 'recorded' } as const
    const world = createWorld({ instances: 1, app: { rollback } })
    world.missingAlarms.add(alarm)
    await pushed(world, 1)
    const message = `no alarm ${alarm} exists to roll it back`
    expect(messagesOf(world)).toEqual([
      ['started', message],
      ['succeeded', message],
    ])
    expect(world.deployments.get(1)?.message).toBe(message)
  })

  it('says that the alarm fires already', async () => {
    const rollback = { alarms: [alarm], windowSeconds, secrets: 'recorded' } as const
    const world = createWorld({ instances: 1, app: { rollback } })
    world.firing.set(alarm, world.instant())
    await pushed(world, 1)
    expect(world.deployments.get(1)?.message).toBe(
      `${alarm} fires already and does not roll it back`,
    )
  })
})
