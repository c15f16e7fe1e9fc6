import { describe, expect, it } from 'vitest'
import type { App, TargetSettings } from '../../../src/deployment/app.ts'
import {
  findSamePlace,
  findTarget,
  keyOfFleet,
  keyOfHerokuApp,
  keyOfService,
} from '../../../src/deployment/find-target.ts'
import { TargetKey, type InstanceId } from '../../../src/kernel/id.ts'
import { begin, bringLive, type Core } from '../../support/core.ts'
import {
  candidateAt,
  failedAt,
  firstTarget,
  instanceAt,
  lettings,
  openingOf,
  succeededAt,
} from '../../support/deployments.ts'
import { ec2 } from '../../support/examples.ts'
import { herokuTarget, renderTarget } from '../../support/targets.ts'

const fleet = (name: string, port = 8000): TargetSettings =>
  ec2({
    key: TargetKey.parse(`ec2:Name=${name}`),
    instances: { kind: 'tag', key: 'Name', value: name },
    port,
  })
const service = (name: string) => renderTarget({ service: name })
const appWith = (...targets: readonly TargetSettings[]): App => ({ ...lettings, targets })
const [web, worker, batch] = [fleet('web'), fleet('worker', 9000), fleet('batch')]
const extra = fleet('extra')
/** Instances by their ids; its key is the first one's, as src/config makes it. */
const named = (...indexes: readonly number[]): TargetSettings => {
  const ids = indexes.map(instanceAt)
  return ec2({ key: TargetKey.parse(`ec2:${ids[0]}`), instances: { kind: 'ids', ids } })
}

describe('a target', () => {
  it('finds a target by its key, wherever it stands', () => {
    expect(findTarget(appWith(web, worker), worker.key)).toBe(worker)
    expect(findTarget(appWith(worker, web), worker.key)).toBe(worker)
    expect(findTarget(appWith(web), worker.key)).toBeNull()
  })
})

describe('the key of a target', () => {
  it('tells where the target deploys to', () => {
    expect(keyOfFleet({ kind: 'tag', key: 'Name', value: 'shop web' })).toBe('ec2:Name=shop web')
    expect(keyOfFleet({ kind: 'ids', ids: [instanceAt(2), instanceAt(1)] })).toBe('ec2:i-00000002')
    expect(keyOfService('srv-1')).toBe('render:srv-1')
    expect(keyOfHerokuApp('shop')).toBe('heroku:shop')
  })
})

describe('the target of other settings that is the same place', () => {
  const samePlace = (
    own: readonly TargetSettings[],
    other: readonly TargetSettings[],
    { key: target }: TargetSettings,
    known: readonly { readonly id: InstanceId; readonly target: TargetKey }[] = [],
  ) => findSamePlace(appWith(...own), appWith(...other), { id: instanceAt(1), target }, known)
  const changed = fleet('web', 8001)

  it.each([
    ['has the same key', [web], [changed], web, changed],
    ['has the same key in a reordered file', [web, worker], [worker, changed], web, changed],
    ['is the only other fleet, as after a renamed tag', [web], [worker], web, worker],
    ['is the only one left among several', [web, worker], [batch, worker], web, batch],
    ['has its key also where another fleet lacks one', [web, worker], [web], web, web],
    ['is the first fleet without a counterpart', [web, worker], [batch], web, batch],
    ['is the counterpart in the order of the file', [batch, web], [extra, worker], web, worker],
    [
      'is at the same service',
      [service('srv-1')],
      [service('srv-1')],
      service('srv-1'),
      service('srv-1'),
    ],
  ] as const)('%s', (_, own, other, of, expected) => {
    expect(samePlace(own, other, of)).toEqual(expected)
  })

  it.each([
    ['the fleet was added beside one with another name', [web, worker], [batch], worker],
    ['the other side has no fleet', [web], [service('srv-1')], web],
    ['the other fleet has a counterpart already', [web, worker], [worker], web],
    ['it is another service', [service('srv-1')], [service('srv-2')], service('srv-1')],
    [
      'it is another app at Heroku',
      [herokuTarget()],
      [herokuTarget({ app: 'x1' })],
      herokuTarget(),
    ],
    ['nothing of its own settings has the key', [web], [worker], batch],
  ] as const)('is none where %s', (_, own, other, of) => {
    expect(samePlace(own, other, of)).toBeNull()
  })
})

describe('an instance whose target has another key now', () => {
  it('finds an instance whose key changed in the fleet that it is observed in, before the order of the file', () => {
    const known = [{ id: instanceAt(1), target: batch.key }]
    const of = fleet('of')
    expect(
      findSamePlace(
        appWith(of),
        appWith(worker, batch),
        { id: instanceAt(1), target: of.key },
        known,
      ),
    ).toBe(batch)
  })

  it('finds an instance whose key changed in the fleet that names its id', () => {
    const one = named(1, 2)
    const other = named(3, 4)
    const name = { id: instanceAt(4), target: named(4).key }
    expect(findSamePlace(appWith(named(4), named(2)), appWith(one, other), name, [])).toBe(other)
  })
})

describe('a restore', () => {
  /** Live with these targets on instance 1, in the first of them. */
  const liveIn = (...targets: readonly [TargetSettings, ...TargetSettings[]]): Core => {
    const candidates = [candidateAt(1, { target: targets[0].key })]
    return bringLive(begin(), openingOf(1, 1, { candidates }, appWith(...targets)))
  }
  const failIn = (core: Core, settings: App, { key }: TargetSettings): Core => {
    const candidates = [candidateAt(1, { target: key })]
    const sent = core.open(openingOf(2, 1, { candidates }, settings)).dispatch()
    return sent.answer(failedAt(1)).poll()
  }
  const settingsIn = ({ sent }: Core) =>
    sent.map(({ settings, target }) => findTarget(settings, target))

  it('restores the live settings of the same fleet after landfall.yml was reordered', () => {
    const failed = failIn(liveIn(web, worker), appWith(worker, fleet('web', 8001)), web)
    expect(failed.sent).toMatchObject([
      { purpose: 'restore', target: web.key, release: { generation: 1 } },
    ])
    expect(settingsIn(failed)).toEqual([web])
  })

  it('restores the live release where each of two fleets has lost its first instance', () => {
    const [one, other] = [named(1, 2), named(3, 4)]
    const candidates = [1, 2].map((id) => candidateAt(id, { target: one.key }))
    const others = [3, 4].map((id) => candidateAt(id, { target: other.key }))
    const all = { candidates: [...candidates, ...others] }
    const before = bringLive(begin(), openingOf(1, 4, all, appWith(one, other)))
    const [left, right] = [named(2), named(4)]
    const next = [candidateAt(2, { target: left.key }), candidateAt(4, { target: right.key })]
    const opened = before.open(openingOf(2, 2, { candidates: next }, appWith(left, right)))
    const first = opened
      .dispatch()
      .answer({ ...succeededAt(2, 2) })
      .dispatch()
    const failed = first.answer(failedAt(4)).poll()
    expect(failed.sent).toMatchObject([
      {
        purpose: 'restore',
        instances: [instanceAt(2)],
        target: one.key,
        release: { generation: 1 },
      },
    ])
    const then = failed.send().answer(succeededAt(2, 1)).poll()
    expect(then.sent).toMatchObject([
      {
        purpose: 'restore',
        instances: [instanceAt(4)],
        target: other.key,
        release: { generation: 1 },
      },
    ])
  })

  it('restores each instance by its own fleet where two fleets became one', () => {
    const candidates = [candidateAt(1, { target: web.key }), candidateAt(2, { target: worker.key })]
    const before = bringLive(begin(), openingOf(1, 2, { candidates }, appWith(web, worker)))
    const one = ec2({
      key: batch.key,
      instances: { kind: 'tag', key: 'Name', value: 'batch' },
      rollout: { batch: { kind: 'percent', value: 100 }, pauseSeconds: 0 },
    })
    const next = [1, 2].map((index) => candidateAt(index, { target: one.key }))
    const first = before.open(openingOf(2, 2, { candidates: next }, appWith(one))).dispatch()
    const failed = first.answer(succeededAt(1, 2)).dispatch().answer(failedAt(2)).poll()
    expect(failed.sent).toMatchObject([{ instances: [instanceAt(1)], target: web.key }])
    const then = failed.send().answer(succeededAt(1, 1)).poll()
    expect(then.sent).toMatchObject([{ instances: [instanceAt(2)], target: worker.key }])
  })

  it('restores the live settings under the key that they had before a renamed tag', () => {
    const failed = failIn(liveIn(worker), appWith(web), web)
    expect(failed.sent).toMatchObject([{ target: worker.key, release: { generation: 1 } }])
    expect(settingsIn(failed)).toEqual([worker])
    const ended = failed.send().answer(succeededAt(1, 1)).poll()
    expect(ended.observed).toContainEqual(
      expect.objectContaining({ id: instanceAt(1), target: worker.key, generation: 1 }),
    )
  })
})

describe('the instances of targets that a new release no longer has', () => {
  it('keeps the instances of a removed target where the release without it failed', () => {
    const candidates = [web, worker].map(({ key }, at) => candidateAt(at + 1, { target: key }))
    const before = bringLive(begin(), openingOf(1, 2, { candidates }, appWith(web, worker)))
    const next = { candidates: [candidateAt(1, { target: web.key })] }
    const failed = before.open(openingOf(2, 1, next, appWith(web))).dispatch()
    const ended = failed.answer(failedAt(1)).finish()
    expect(ended.deployment?.status).toBe('failed')
    expect(ended.observed.map(({ id, target }) => [id, target])).toContainEqual([
      instanceAt(2),
      worker.key,
    ])
  })

  it('removes the instances of a removed target once the release without it is live', () => {
    const candidates = [candidateAt(1), candidateAt(2, { target: worker.key })]
    const both = bringLive(begin(), openingOf(1, 2, { candidates }, appWith(ec2(), worker)))
    expect(both.observed.map(({ target }) => target)).toEqual([firstTarget, worker.key])
    const gone = bringLive(both, openingOf(2, 1))
    expect(gone.observed.map(({ target }) => target)).toEqual([firstTarget])
  })
})
