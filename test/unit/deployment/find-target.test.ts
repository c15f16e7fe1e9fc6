import { describe, expect, it } from 'vitest'
import type { App, TargetSettings } from '../../../src/deployment/app.ts'
import { findSamePlace, findTarget } from '../../../src/deployment/find-target.ts'
import { TargetKey } from '../../../src/kernel/id.ts'
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

describe('a target', () => {
  it('is found by its key, wherever it stands', () => {
    expect(findTarget(appWith(web, worker), worker.key)).toBe(worker)
    expect(findTarget(appWith(worker, web), worker.key)).toBe(worker)
    expect(findTarget(appWith(web), worker.key)).toBeNull()
  })
})

describe('the target of other settings that is the same place', () => {
  const changed = fleet('web', 8001)

  it.each([
    ['has the same key', [web], [changed], web, changed],
    ['has the same key in a reordered file', [web, worker], [worker, changed], web, changed],
    ['is the only other fleet, as after a renamed tag', [web], [worker], web, worker],
    ['is the only one left among several', [web, worker], [batch, worker], web, batch],
    ['has its key also where another fleet lacks one', [web, worker], [web], web, web],
    [
      'is at the same service',
      [service('srv-1')],
      [service('srv-1')],
      service('srv-1'),
      service('srv-1'),
    ],
  ] as const)('%s', (_, own, other, of, expected) => {
    expect(findSamePlace(appWith(...own), appWith(...other), of.key)).toEqual(expected)
  })

  it.each([
    ['two fleets of one side have no counterpart', [web, worker], [batch], web],
    ['two fleets of the other side have none', [web], [worker, batch], web],
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
    expect(findSamePlace(appWith(...own), appWith(...other), of.key)).toBeNull()
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
    const sent = core
      .open(openingOf(2, 1, { candidates }, settings))
      .look()
      .send()
    return sent.answer(failedAt(1)).look()
  }
  const settingsIn = ({ sent }: Core) =>
    sent.map(({ settings, target }) => findTarget(settings, target))

  it('brings back the live settings of the same fleet after landfall.yml was reordered', () => {
    const failed = failIn(liveIn(web, worker), appWith(worker, fleet('web', 8001)), web)
    expect(failed.sent).toMatchObject([
      { purpose: 'restore', target: web.key, release: { generation: 1 } },
    ])
    expect(settingsIn(failed)).toEqual([web])
  })

  it('brings back the live settings under the key that they had before a renamed tag', () => {
    const failed = failIn(liveIn(worker), appWith(web), web)
    expect(failed.sent).toMatchObject([{ target: worker.key, release: { generation: 1 } }])
    expect(settingsIn(failed)).toEqual([worker])
    const ended = failed.send().answer(succeededAt(1, 1)).look()
    expect(ended.places).toContainEqual(
      expect.objectContaining({ id: instanceAt(1), target: worker.key, generation: 1 }),
    )
  })
})

describe('the places of targets that a new release has no more', () => {
  it('are forgotten once it is live', () => {
    const candidates = [candidateAt(1), candidateAt(2, { target: worker.key })]
    const both = bringLive(begin(), openingOf(1, 2, { candidates }, appWith(ec2(), worker)))
    expect(both.places.map(({ target }) => target)).toEqual([firstTarget, worker.key])
    const gone = bringLive(both, openingOf(2, 1))
    expect(gone.places.map(({ target }) => target)).toEqual([firstTarget])
  })
})
