import { describe, expect, it } from 'vitest'
import { toReleaseSettings, type App } from '../../../src/deployment/app.ts'
import { InstanceId } from '../../../src/kernel/id.ts'
import { begin, bringLive, live, type Core } from '../../support/core.ts'
import {
  after,
  candidateAt,
  failedAt,
  firstTarget,
  instanceAt,
  lettings,
  openingOf,
  start,
  succeededAt,
} from '../../support/deployments.ts'
import { renderTarget } from '../../support/targets.ts'

/** Release 1 is live on two instances, and release 2 is ordered for the first of them. */
const second = (): Core => live(2, 1).open(openingOf(2, 2)).poll()

/** What was ordered has failed, and the live release is ordered back. */
const restoring = (core: Core): Core => core.send().answer(failedAt(1)).poll()

/** The order of the last input; it must have given one. */
const orderOf = (core: Core) => {
  const [order] = core.sent
  if (order === undefined) throw new Error('nothing was ordered')
  return order
}

describe('an order', () => {
  it('orders a deploy of the new release with its settings and limits', () => {
    const core = second()
    expect(orderOf(core)).toEqual({
      purpose: 'deploy',
      app: 'oc-lettings',
      kind: 'deploy',
      generation: 2,
      fence: core.version,
      openedAt: start,
      numberedAt: start,
      since: start,
      release: core.deployment?.release,
      settings: toReleaseSettings(lettings),
      target: firstTarget,
      instances: [instanceAt(1)],
      predeployOn: instanceAt(1),
      notAfter: after(600),
      hostSeconds: 525,
    })
  })

  it('orders a repair like a deployment, without a number', () => {
    const core = live(1, 1)
      .find([candidateAt(2)])
      .serve()
      .poll()
    expect(orderOf(core)).toMatchObject({
      purpose: 'deploy',
      kind: 'deploy',
      generation: 1,
      numberedAt: null,
      predeployOn: null,
    })
  })

  it('orders a restore of the live release with its own settings', () => {
    expect(orderOf(restoring(second()))).toMatchObject({
      purpose: 'restore',
      generation: 2,
      numberedAt: null,
      release: { generation: 1 },
      predeployOn: null,
    })
  })

  it('orders a restore without a release where nothing was live', () => {
    const first = begin().open(openingOf(1, 2)).serve().dispatch().answer(failedAt(2))
    const order = orderOf(first.poll())
    expect(order).toMatchObject({ purpose: 'restore', release: null })
    expect(order.settings).toEqual(toReleaseSettings(lettings))
  })

  it('orders a restore without a release where another kind of target was live', () => {
    const settings: App = { ...lettings, targets: [renderTarget()] }
    const before = bringLive(begin(), openingOf(1, 1, {}, settings))
    expect(orderOf(restoring(before.open(openingOf(2, 1)).poll()))).toMatchObject({
      purpose: 'restore',
      release: null,
    })
  })

  it('orders a restore without a release where another service of Render was live', () => {
    const toRender = (service: string): App => ({
      ...lettings,
      targets: [renderTarget({ service })],
    })
    const back = (from: string, to: string) => {
      const before = bringLive(begin(), openingOf(1, 1, {}, toRender(from)))
      return orderOf(restoring(before.open(openingOf(2, 1, {}, toRender(to))).poll()))
    }
    expect(back('srv-1', 'srv-1').release).toMatchObject({ generation: 1 })
    expect(back('srv-1', 'srv-2').release).toBeNull()
    expect(back('srv-1', 'srv-2').settings).toEqual(toReleaseSettings(toRender('srv-2')))
  })

  it('keeps the time of the first order where a command is repeated', () => {
    const again = second().at(60).poll()
    expect(again.command).toMatchObject({ at: after(60), repeated: true })
    expect(orderOf(again)).toMatchObject({ openedAt: start, since: start })
  })
})

describe('predeploy', () => {
  it('runs predeploy on the first instance of EC2, after any other target', () => {
    const settings: App = { ...lettings, targets: [renderTarget(), ...lettings.targets] }
    const service = InstanceId.parse('srv-1')
    const candidates = [candidateAt(1, { id: service, target: renderTarget().key }), candidateAt(1)]
    const atRender = begin()
      .open(openingOf(1, 1, { candidates }, settings))
      .poll()
    expect(orderOf(atRender)).toMatchObject({ instances: [service], predeployOn: null })
    const answered = atRender.send().answer({ ...succeededAt(1, 1), id: service })
    expect(orderOf(answered.poll())).toMatchObject({
      instances: [instanceAt(1)],
      predeployOn: instanceAt(1),
    })
  })

  it('runs predeploy in the wave of the first instance only', () => {
    const wave = second().send().answer(succeededAt(1, 2)).poll()
    expect(orderOf(wave)).toMatchObject({ instances: [instanceAt(2)], predeployOn: null })
  })

  it('runs no predeploy in a rollback or a prepare', () => {
    const back = live(1, 1, 2).say({ kind: 'rollback', to: null }).openRollback().poll()
    expect(orderOf(back)).toMatchObject({ purpose: 'deploy', kind: 'rollback', predeployOn: null })
    const prepare = live(2, 1).open(openingOf(2, 2)).poll([])
    expect(orderOf(prepare)).toMatchObject({ purpose: 'prepare', predeployOn: null })
  })
})
