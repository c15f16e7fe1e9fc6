import { expect, it } from 'vitest'
import { createReconcile } from '../../../src/rollout/reconcile.ts'
import { plainly } from '../../support/calls.ts'
import { instanceAt, twoFleets } from '../../support/deployments.ts'
import { createWorld } from '../../support/rollout-world.ts'
import { letItSettle, operate, pushGreen, tickOf } from '../../support/runs.ts'

it('an app with two targets that select one instance deploys nothing, and the history says why', async () => {
  const world = createWorld({ instances: 2, targets: twoFleets() })
  pushGreen(world, 1)
  await letItSettle(world, 3)
  expect(world.sends).toEqual([])
  expect(world.deployments.get(1)).toMatchObject({
    status: 'failed',
    reason: 'instance_in_two_targets',
    message: `${instanceAt(1)} is selected by target 1 (ec2:Name=lettings) and target 2 (ec2:Name=lettings-1); 2 such instances in all`,
  })
  expect(world.heard.map(({ fact }) => fact)).toMatchObject([
    { kind: 'failed', reason: 'instance_in_two_targets' },
  ])
  expect(world.core()).toMatchObject({ isIdle: true, live: null })
})

it('an instance that a second target selects during a deployment is deployed to, repaired and rolled back once', async () => {
  const world = createWorld({ instances: 1, targets: twoFleets() })
  let selecting = 1
  const ports = world.toPorts(plainly)
  const toTarget: typeof ports.toTarget = (settings) => {
    const index = world.app.targets.findIndex(({ key }) => key === settings.key)
    const target = ports.toTarget(settings)
    return {
      ...target,
      select: async () =>
        index < selecting ? target.select() : { architectures: [], candidates: [], leftOut: null },
    }
  }
  const tick = () => createReconcile({ ...ports, toTarget })(tickOf(world))
  const settle = async () => {
    for (let minute = 0; minute < 3; minute += 1) {
      await tick()
      world.advance(60_000)
    }
  }
  pushGreen(world, 1)
  await settle()
  pushGreen(world, 2)
  world.upcoming.push('late')
  await tick()
  selecting = 2
  await settle()
  expect(world.core().live?.generation).toBe(2)
  world.hostOf(instanceAt(1)).serving = null
  world.advance(3600_000)
  await createReconcile({ ...ports, toTarget })(
    tickOf(world, { scan: { at: world.instant(), returned: [] } }),
  )
  expect(world.hostOf(instanceAt(1)).serving?.generation).toBe(2)
  await operate(world, { kind: 'rollback', to: null })
  await settle()
  expect(world.deployments.get(3)).toMatchObject({ kind: 'rollback', status: 'succeeded' })
  expect(world.hostOf(instanceAt(1)).serving?.generation).toBe(1)
  expect(new Set(world.sends.map(({ order }) => order.target))).toEqual(
    new Set(['ec2:Name=lettings']),
  )
  expect(world.breaches).toEqual([])
})
