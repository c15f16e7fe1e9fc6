import { describe, expect, it } from 'vitest'
import { createReconcile } from '../../../src/rollout/reconcile.ts'
import { plainly, type Call } from '../../support/calls.ts'
import { commitAt, ec2, silent } from '../../support/examples.ts'
import { createWorld, type Settings, type World } from '../../support/rollout-world.ts'
import { countCalls, letItSettle, pushGreen, runReconcile, tickOf } from '../../support/runs.ts'

const pushed = (settings: Settings, ...indexes: readonly number[]): World => {
  const world = createWorld(settings)
  for (const index of indexes) {
    pushGreen(world, index)
  }
  return world
}

/** Runs it with `before` called ahead of each call to the outside. */
const runWith = (world: World, before: (name: string) => void): Promise<void> => {
  const call: Call = (name, effect) => {
    before(name)
    return plainly(name, effect)
  }
  return createReconcile(world.toPorts(call))(tickOf(world))
}

/** A run that sends its first command, and is gone when it would look for the answer. */
const dieAsleep = (world: World): Promise<void> =>
  new Promise((resolve, reject) => {
    const call: Call = (name, effect) => {
      if (name !== 'sleep') return plainly(name, effect)
      resolve()
      return new Promise(() => {})
    }
    createReconcile(world.toPorts(call))(tickOf(world)).then(
      () => reject(new Error('it never slept')),
      reject,
    )
  })

describe('a run of reconcile', () => {
  it('reads the certificates of the next wave only', async () => {
    const world = pushed({ instances: 4 }, 1)
    const asked: (readonly string[])[] = []
    const ports = world.toPorts(plainly)
    const toTarget: typeof ports.toTarget = (settings) => {
      const target = ports.toTarget(settings)
      const prepared: typeof target.prepared = (ids) => {
        asked.push(ids)
        return target.prepared(ids)
      }
      return { ...target, prepared }
    }
    await createReconcile({ ...ports, toTarget })(tickOf(world))
    expect(new Set(asked.flat())).toEqual(new Set(world.hosts.map(({ id }) => id)))
    expect(Math.max(...asked.map((ids) => ids.length))).toBe(1)
  })

  it('logs and sends which instance has another certificate than before, and deploys to it', async () => {
    const world = pushed({ instances: 1 }, 1)
    const warnings: unknown[] = []
    const log = { ...silent, warn: (...line: unknown[]) => void warnings.push(line) }
    const ports = world.toPorts(plainly)
    const toTarget: typeof ports.toTarget = (settings) => {
      const target = ports.toTarget(settings)
      const observe: typeof target.observe = async (order, operation) =>
        (await target.observe(order, operation)).map((answer) => ({
          ...answer,
          isKeyNew: order.purpose === 'prepare' && answer.outcome === 'succeeded',
        }))
      return { ...target, observe }
    }
    await createReconcile({ ...ports, toTarget, log })(tickOf(world))
    const id = world.hosts[0]?.id
    expect(warnings).toContainEqual([
      'certificates changed',
      { app: world.app.name, instances: [id] },
    ])
    const told = world.heard.filter(({ fact }) => fact.kind === 'certificate_changed')
    expect(told).toMatchObject([
      { channel: 'event', fact: { reason: 'key_changed', message: id, by: 'github' } },
    ])
    expect(world.core().live?.generation).toBe(1)
  })

  it('deploys a green commit one instance after the other, and records each step', async () => {
    const world = pushed({ instances: 2 }, 1)
    await runReconcile(world)
    expect(world.sends.map(({ order }) => [order.purpose, order.instances])).toEqual([
      ['prepare', ['i-00000001']],
      ['deploy', ['i-00000001']],
      ['prepare', ['i-00000002']],
      ['deploy', ['i-00000002']],
    ])
    expect(world.core()).toMatchObject({ isIdle: true, releases: [{ generation: 1 }] })
    expect(world.deployments.get(1)).toMatchObject({ status: 'succeeded', reason: 'deployed' })
    expect(world.steps.size).toBe(4)
  })

  it('ends at a pause, and a later run continues', async () => {
    const inPauses = ec2({ rollout: { batch: { kind: 'count', value: 1 }, pauseSeconds: 90 } })
    const world = pushed({ instances: 3, targets: [inPauses] }, 1)
    const before = world.now()
    await runReconcile(world)
    expect(world.now() - before).toBeLessThan(10_000)
    expect(world.core()).toMatchObject({ deployment: { status: 'in_progress' }, command: null })
    await letItSettle(world, 10)
    const sentAt = world.sends.filter(({ order }) => order.purpose === 'deploy').map(({ at }) => at)
    const gaps = sentAt.slice(1).map((at, index) => (at - (sentAt[index] ?? 0)) / 1000)
    expect(gaps).toHaveLength(2)
    for (const gap of gaps) {
      expect(gap).toBeGreaterThanOrEqual(90)
      expect(gap).toBeLessThan(90 + 60 + 10)
    }
    expect(world.deployments.get(1)).toMatchObject({ status: 'succeeded' })
    expect(world.breaches).toEqual([])
  })

  it('makes at most four calls where there is nothing to do', async () => {
    expect(await countCalls(createWorld({ instances: 1 }))).toBeLessThanOrEqual(4)
  })

  it('writes nothing for an app that landfall.yml no longer has', async () => {
    const world = pushed({ instances: 1 }, 1)
    const reconcile = createReconcile(world.toPorts(plainly))
    await reconcile(tickOf(world, { settings: null }))
    expect(world.writes).toEqual([])
  })

  it('leaves a command to events and ticks after 25 s', async () => {
    const world = pushed({ instances: 1 }, 1)
    for (const { id, key } of world.hosts) world.certificates.set(id, key)
    world.upcoming.push('slow')
    const before = world.now()
    await runReconcile(world)
    expect(world.now() - before).toBeLessThanOrEqual(27_000)
    expect(world.core().deployment?.status).toBe('in_progress')
  })

  it('ends at once where another run polls the command', async () => {
    const world = pushed({ instances: 1 }, 1)
    world.upcoming.push('slow')
    await dieAsleep(world)
    const before = world.now()
    await runReconcile(world)
    expect(world.now()).toBe(before)
  })
})

describe('an answer while other instances still work', () => {
  it('records an early answer once, by the poller and by ticks', async () => {
    const world = pushed({ instances: 3, batch: 2 }, 1)
    for (const { id, key } of world.hosts) world.certificates.set(id, key)
    world.upcoming.push('none', 'none', 'slow')
    const ports = world.toPorts(plainly)
    let written: string[] = []
    const recordSteps: typeof ports.history.recordSteps = (app, steps) => {
      written.push(...steps.map(({ instance }) => instance))
      return ports.history.recordSteps(app, steps)
    }
    const reconcile = createReconcile({ ...ports, history: { ...ports.history, recordSteps } })
    const look = async (by: string, isTick: boolean): Promise<readonly string[]> => {
      written = []
      await reconcile(tickOf(world, { isTick, by }))
      return written
    }
    expect(await look('ada', false)).toEqual(['i-00000001', 'i-00000002'])
    expect(await look('bob', false)).toEqual([])
    expect(await look('clock', true)).toEqual(['i-00000002'])
    world.advance(70_000)
    expect(await look('bob', false)).toEqual(['i-00000002', 'i-00000003'])
  })
})

describe('an ordered command', () => {
  it('sends a command at most 10 s after its intent', async () => {
    const world = pushed({ instances: 1 }, 1)
    let isSlow = true
    const call: Call = async (name, effect) => {
      const value = await plainly(name, effect)
      if (name === 'heads.record' && world.core().command && isSlow) {
        isSlow = false
        world.advance(10_001)
      }
      return value
    }
    await createReconcile(world.toPorts(call))(tickOf(world))
    expect(world.sends[0]?.at).toBeGreaterThanOrEqual(
      Date.parse(world.writes[1]?.command?.at ?? '') + 20_000,
    )
    expect(world.core().releases).toMatchObject([{ generation: 1 }])
  })
})

describe('an unreachable target', () => {
  it('asks an unreachable target again before the deadline', async () => {
    const world = pushed({ instances: 1 }, 1)
    world.setSsm(false)
    await runReconcile(world)
    world.advance(120_000)
    world.setSsm(true)
    await runReconcile(world)
    expect(world.core().releases).toMatchObject([{ generation: 1 }])
  })

  it('ends a deployment at its deadline although its target is unreachable', async () => {
    const world = pushed({ instances: 1 }, 1)
    await runReconcile(world)
    world.receive(commitAt(2), world.runOf(2, 1, 'success'))
    world.pushImage(2)
    world.upcoming.push('slow')
    await dieAsleep(world)
    expect(world.core().command).toMatchObject({
      purpose: 'deploy',
      operation: 'command-3',
    })
    world.setSsm(false)
    await letItSettle(world, 17)
    expect(world.breaches).toEqual([])
    expect(world.deployments.get(2)).toMatchObject({
      status: 'failed',
      reason: 'no_answer',
      instances: [{ status: 'unknown', reason: 'not_restored' }],
    })
  })
})

describe('a deployed revision', () => {
  it('records a revision as deployed although evidence arrives at the same moment', async () => {
    const world = pushed({ instances: 1 }, 1)
    let hints = 0
    await runWith(world, (name) => {
      if (name !== 'revisions.recordStatus' || hints > 0) return
      hints += 1
      world.receive(commitAt(1), { kind: 'push', pushedAt: world.instant(), origin: null })
    })
    expect(hints).toBe(1)
    expect(world.revisions.get(commitAt(1))?.status).toBe('deployed')
  })
})
