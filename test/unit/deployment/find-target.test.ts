import { describe, expect, it } from 'vitest'
import type { App, TargetSettings } from '../../../src/deployment/app.ts'
import { findSamePlace, findTarget } from '../../../src/deployment/find-target.ts'
import type { Head } from '../../../src/deployment/head.ts'
import { TargetKey } from '../../../src/kernel/id.ts'
import { toOrder } from '../../../src/rollout/order.ts'
import {
  begin,
  deploymentOf,
  failedAt,
  hear,
  instanceAt,
  intentOf,
  lettings,
  live,
  look,
  openedBy,
  openingOf,
  see,
  send,
  servingOf,
  start,
  succeededAt,
} from '../../support/deployments.ts'
import { ec2 } from '../../support/rollout-world.ts'
import { herokuTarget, keyAt, renderTarget } from '../../support/targets.ts'

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
  const candidateOf = (index: number, { key }: TargetSettings) => ({
    id: instanceAt(index),
    target: key,
    obstacle: null,
  })
  /** Live with these targets, instance 1 in `web` (or what it was called) and 2 in `worker`. */
  const liveWith = (settings: App): Head => {
    const { head } = live(1, 2)
    return { ...head, releases: head.releases.map((release) => ({ ...release, settings })) }
  }
  const failIn = (head: Head, settings: App, first: TargetSettings) => {
    const candidates = [candidateOf(1, first)]
    const opened = openedBy({ head, actions: [] }, openingOf(2, 1, { candidates }, settings))
    const failed = hear(send(look(opened, start), start), start, failedAt(1))
    return look(failed, start)
  }

  it('brings back the live settings of the same fleet after landfall.yml was reordered', () => {
    const head = liveWith(appWith(web, worker))
    const story = failIn(head, appWith(worker, fleet('web', 8001)), web)
    const order = toOrder(story.head, deploymentOf(story), intentOf(story))
    expect(order).toMatchObject({ purpose: 'restore', target: web.key, release: { generation: 1 } })
    expect(findTarget(order.settings, order.target)).toBe(web)
  })

  it('brings back the live settings under the key that they had before a renamed tag', () => {
    const story = failIn(liveWith(appWith(worker)), appWith(web), web)
    const order = toOrder(story.head, deploymentOf(story), intentOf(story))
    expect(order).toMatchObject({ target: worker.key, release: { generation: 1 } })
    expect(findTarget(order.settings, order.target)).toBe(worker)
    const restored = { ...succeededAt(1, 1), serving: servingOf(1, 1) }
    const ended = look(hear(send(story, start), start, restored), start)
    expect(ended.head.places).toContainEqual(
      expect.objectContaining({ id: instanceAt(1), target: worker.key, generation: 1 }),
    )
  })
})

describe('the places of targets that a new release has no more', () => {
  it('are forgotten once it is live', () => {
    const known = { id: instanceAt(2), generation: null, at: start, tries: 0, reason: null }
    const places = [
      { ...known, target: worker.key },
      { ...known, target: keyAt(0) },
    ]
    const opened = openedBy(begin({ places }), openingOf(1, 1))
    const ended = look(hear(send(look(opened, start), start), start, succeededAt(1, 1)), start)
    const { generation } = deploymentOf(ended)
    const gone = see(ended, { kind: 'archived', generation, windowSeconds: null }, start)
    expect(gone.head.places.map(({ target }) => target)).toEqual([keyAt(0), keyAt(0)])
  })
})
