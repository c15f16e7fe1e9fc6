import { describe, expect, it } from 'vitest'
import type { App } from '../../../src/deployment/app.ts'
import type { Candidate } from '../../../src/deployment/deployment.ts'
import type { Answer } from '../../../src/deployment/step.ts'
import { Generation } from '../../../src/kernel/id.ts'
import { begin, bringLive, live, type Core } from '../../support/core.ts'
import {
  after,
  candidateAt,
  failedAt,
  firstTarget,
  instanceAt,
  lettings,
  openingOf,
  placeAt,
  secondTarget,
  servingOf,
  start,
  succeededAt,
  twoFleets,
} from '../../support/deployments.ts'
import { answerOf } from '../../support/hosts.ts'
import { idAt } from '../../support/largest-head.ts'
import { renderTarget } from '../../support/targets.ts'

const rollback = { kind: 'rollback', to: null } as const
const offline = { obstacle: 'instance_offline' } as const
const hour = 3600

const liveWith = (settings: App, instances = 1): Core =>
  bringLive(begin(), openingOf(1, instances, {}, settings))

const askedOf = ({ repair }: Core) => repair?.instances.map(({ id }) => id) ?? []
const told = (index: number, serving: Answer['serving']) =>
  answerOf(instanceAt(index), 'succeeded', null, { serving })
const outOfDate = { generation: null, tries: 1, reason: 'instance_offline' } as const

/** Release 1 is live on instance 1; instance 2 could not be reached at `start`. */
const missing = (): Core => live(1, 1).find([candidateAt(1), candidateAt(2, offline)])

/** The first release has failed, so that nothing is live. */
const firstFailed = (): Core =>
  begin().open(openingOf(1, 1)).dispatch().answer(failedAt(1)).archive()

/** So often, from `start` on, instance 1 came back and could not be asked. */
const failedTimes = (times: number): Core => {
  let core = live(1, 1)
  for (let count = 1; count <= times; count += 1) {
    const returned = { at: after(1), returned: [instanceAt(1)] }
    const asked = core.find([candidateAt(1)], count === 1 ? returned : null).dispatch()
    const failed = asked
      .answer(failedAt(1, { reason: 'tool_missing' }))
      .poll()
      .archive()
    const gap = Math.min(hour, 60 * 2 ** (count - 1))
    core = count < times ? failed.at(secondsOf(failed) + gap) : failed
  }
  return core
}
const secondsOf = ({ observed }: Core): number =>
  (Date.parse(observed.at(-1)?.at ?? start) - Date.parse(start)) / 1000

describe('a repair that is due', () => {
  const called = { at: after(60), returned: [] }

  it('lists instances after a fleet scan, and when an instance out of date may be tried again', () => {
    expect(live(1, 1).at(9999).isRepairDue(null)).toBe(false)
    expect(live(1, 1).at(60).isRepairDue(called)).toBe(true)
    expect(missing().at(59).isRepairDue(null)).toBe(false)
    expect(missing().at(60).isRepairDue(null)).toBe(true)
  })

  it.each<[string, () => Core]>([
    ['nothing is live', () => firstFailed()],
    [
      'the live release is quarantined',
      () => {
        const failed = live(1, 1, 2).say(rollback).openRollback(0).archive()
        expect(failed.live?.generation).toBe(2)
        return failed.say({ kind: 'unfreeze' })
      },
    ],
    ['a deployment is open', () => missing().open(openingOf(2, 1))],
    ['a rollback is pending', () => bringLive(missing(), openingOf(2, 1)).say(rollback)],
    ['a redeploy is pending', () => missing().ask()],
  ])('lists no instances, and asks none, where %s', (_why, from) => {
    expect(from().at(60).isRepairDue(called)).toBe(false)
    expect(
      from()
        .at(60)
        .find([candidateAt(2)], called),
    ).toMatchObject({
      changed: false,
      repair: null,
    })
  })

  it('lists instances again once a request is refused', () => {
    const refused = live(1, 1, 2)
      .say(rollback)
      .say({ kind: 'cancel' })
      .ask()
      .decline('nothing_live')
    expect(refused.at(60).isRepairDue(called)).toBe(true)
  })
})

describe('an instance', () => {
  it('asks an unknown instance for the live release', () => {
    const core = live(1, 1)
      .at(60)
      .find([candidateAt(1), candidateAt(2)])
    expect(core.repair).toEqual({
      generation: 1,
      kind: 'repair',
      by: 'convergence',
      status: 'queued',
      phase: 'advancing',
      openedAt: after(60),
      deadlineAt: after(960),
      sentAt: null,
      endedAt: null,
      firing: [],
      takesBack: null,
      rolledBackBy: null,
      release: core.live,
      instances: [
        {
          id: instanceAt(2),
          target: firstTarget,
          wave: 0,
          status: 'unseen',
          touched: false,
          retries: 0,
          serving: null,
          reason: null,
          message: null,
        },
      ],
      pausedUntil: null,
      reason: null,
      message: null,
    })
    expect(core.command).toBeNull()
    expect(core.deployment).toBeNull()
    expect(core.observed).toEqual([placeAt(1)])
  })

  it('asks an instance that serves the live release after an hour, and not before', () => {
    expect(
      live(1, 1)
        .at(3599)
        .find([candidateAt(1)]).changed,
    ).toBe(false)
    expect(
      askedOf(
        live(1, 1)
          .at(3600)
          .find([candidateAt(1)]),
      ),
    ).toEqual([instanceAt(1)])
  })

  it('asks a returned instance at once, unless it was asked since', () => {
    const returned = { at: after(60), returned: [instanceAt(1)] }
    const core = live(1, 1).at(61)
    expect(askedOf(core.find([candidateAt(1)], returned))).toEqual([instanceAt(1)])
    const since = bringLive(begin().at(60), openingOf(1, 1))
    expect(since.observed).toEqual([placeAt(1, { at: after(60) })])
    expect(since.at(61).find([candidateAt(1)], returned).changed).toBe(false)
    const other = { at: after(60), returned: [instanceAt(2)] }
    expect(core.find([candidateAt(1)], other).changed).toBe(false)
  })

  it.each([
    [1, 60],
    [2, 120],
    [6, 1920],
    [7, 3600],
    [30, 3600],
  ])('asks an instance that was asked %i times in vain again after %i s', (tries, seconds) => {
    const core = failedTimes(tries)
    const last = secondsOf(core)
    expect(core.observed).toEqual([
      placeAt(1, { generation: null, at: after(last), tries, reason: 'tool_missing' }),
    ])
    expect(core.at(last + seconds - 1).find([candidateAt(1)]).changed).toBe(false)
    expect(askedOf(core.at(last + seconds).find([candidateAt(1)]))).toEqual([instanceAt(1)])
  })

  it('asks an instance at once that a deployment left out of date', () => {
    const failed = live(1, 1).open(openingOf(2, 1)).dispatch().answer(failedAt(1))
    const left = failed.dispatch().answer(failedAt(1)).poll().archive()
    expect(left.observed).toMatchObject([{ generation: null, tries: 0 }])
    expect(askedOf(left.find([candidateAt(1)]))).toEqual([instanceAt(1)])
  })

  it('takes an instance that serves another release than the live one as out of date', () => {
    const core = bringLive(live(2, 1), openingOf(2, 1))
    expect(core.observed).toMatchObject([
      { id: instanceAt(2), generation: 1 },
      { id: instanceAt(1), generation: 2 },
    ])
    expect(core.needsRepair).toBe(true)
    expect(askedOf(core.find([candidateAt(1), candidateAt(2)]))).toEqual([instanceAt(2)])
  })

  it('retries an unreachable instance later, and opens nothing for it', () => {
    const there = [candidateAt(1), candidateAt(2, offline)]
    const noted = live(1, 1).at(60).find(there)
    expect(noted.isIdle).toBe(true)
    expect(noted.observed).toEqual([placeAt(1), placeAt(2, { ...outOfDate, at: after(60) })])
    expect(noted.at(120).find(there).observed).toEqual([
      placeAt(1),
      placeAt(2, { ...outOfDate, at: after(120), tries: 2 }),
    ])
  })

  it('removes an instance that is gone', () => {
    const core = live(2, 1)
      .at(60)
      .find([candidateAt(1)])
    expect(core.observed).toEqual([placeAt(1)])
    expect(core.isIdle).toBe(true)
  })

  it('keeps what is observed of an instance under its target, and asks it where that is another', () => {
    const settings = { ...lettings, targets: twoFleets() }
    const moved = [candidateAt(1, { target: secondTarget })]
    const core = liveWith(settings).at(60).find(moved)
    expect(core.instances.map(({ target }) => target)).toEqual([secondTarget])
  })
})

describe('a hosted service', () => {
  const hosted: App = { ...lettings, targets: [renderTarget()] }
  const there = { target: renderTarget().key }

  it('repairs no hosted service that is not known to be out of date, since it cannot be asked', () => {
    const settled = liveWith(hosted)
    expect(settled.observed).toEqual([placeAt(1, there)])
    expect(settled.at(9999).find([candidateAt(1, there)]).changed).toBe(false)
    const unknown = liveWith(hosted).find([])
    expect(unknown.observed).toEqual([])
    expect(unknown.at(9999).find([candidateAt(1, there)]).changed).toBe(false)
  })

  it('repairs a hosted service that is known to be out of date, once it is due', () => {
    const wrong = liveWith(hosted)
      .find([])
      .open(openingOf(2, 1, {}, hosted))
      .dispatch()
    const failed = wrong.answer(failedAt(1)).dispatch().answer(failedAt(1)).poll().archive()
    const again = failed
      .find([candidateAt(1, there)])
      .dispatch()
      .answer(failedAt(1))
      .poll()
      .archive()
    expect(again.observed).toMatchObject([{ generation: null, tries: 1, reason: 'unhealthy' }])
    expect(again.at(59).find([candidateAt(1, there)]).changed).toBe(false)
    expect(again.at(60).find([candidateAt(1, there)]).instances).toMatchObject([
      { id: instanceAt(1), status: 'pending' },
    ])
  })
})

describe('a repair', () => {
  const found = (): Core => live(1, 1).find([candidateAt(2), candidateAt(3)])

  it('asks what an instance serves, also where its certificate is fresh', () => {
    expect(found().poll().sent).toMatchObject([
      { purpose: 'prepare', kind: 'deploy', instances: [instanceAt(2)] },
    ])
  })

  it('does not cancel an answered prepare of a repair', () => {
    const answered = found()
      .dispatch()
      .answer(told(2, servingOf(7, 7)))
    expect(answered.instances[0]).toMatchObject({ status: 'pending' })
    expect(answered.cancelled).toEqual([])
  })

  it('continues a repair past an instance that fails', () => {
    const failed = found().serve().dispatch().answer(failedAt(2))
    expect(failed.statuses).toEqual(['failed', 'unseen'])
    expect(failed.poll().sent).toMatchObject([{ purpose: 'prepare', instances: [instanceAt(3)] }])
  })

  it('fails a repair where an instance could not be reached', () => {
    const asked = found().dispatch().answer(succeededAt(2, 1))
    const absent = answerOf(instanceAt(3), 'failed', 'instance_offline')
    const ended = asked.poll().send([absent], null).poll()
    expect(ended.statuses).toEqual(['succeeded', 'failed'])
    expect(ended.repair).toMatchObject({ status: 'failed', reason: 'instance_offline' })
  })

  it('ends a repair at once on a rollback request', () => {
    const asked = live(1, 1, 2)
      .find([candidateAt(2)])
      .dispatch()
    const out = asked.answer(told(2, null)).dispatch()
    expect(out.command?.purpose).toBe('deploy')
    const left = out.at(5).say(rollback).poll()
    expect(left.repair).toMatchObject({
      phase: 'ended',
      status: 'cancelled',
      reason: 'superseded',
    })
    expect(left.command).toBeNull()
  })

  it('ends a repair before a deployment, which the next poll opens', () => {
    const left = found().open(openingOf(2, 1))
    expect(left).toMatchObject({ refused: null, deployment: null })
    expect(left.repair).toMatchObject({ phase: 'ended', reason: 'superseded' })
    expect(left.archive().open(openingOf(2, 1)).deployment?.generation).toBe(2)
  })

  it('keeps a repair out of the history', () => {
    const core = live(1, 1)
      .find([candidateAt(2)])
      .finish()
      .archive()
    expect(core.isIdle).toBe(true)
    expect(core.history.map(({ generation }) => generation)).toEqual([1])
  })
})

describe('an instance after a deployment', () => {
  const at9 = { at: after(9) }
  const lost = { ...at9, generation: null }
  /** Release 1 is live on the one instance, and release 2 is sent to it. */
  const deploying = (): Core => live(1, 1).open(openingOf(2, 1)).dispatch().at(9)

  it('observes the new release on an instance once it is live', () => {
    const ended = deploying().answer(succeededAt(1, 2)).poll()
    expect(ended.observed).toEqual([placeAt(1, { generation: Generation.parse(2), ...at9 })])
  })

  it('observes the earlier release on an instance where it was restored or never left', () => {
    const kept = deploying().answer(failedAt(1, { serving: servingOf(1, 1) }))
    expect(kept.deployment?.phase).toBe('ended')
    expect(kept.observed).toEqual([placeAt(1, at9)])
    const restored = deploying().answer(failedAt(1)).serve().poll()
    expect(restored.statuses).toEqual(['restored'])
    expect(restored.observed).toEqual([placeAt(1, at9)])
  })

  it('observes why an instance serves another release', () => {
    const taken = live(1, 1, 2).say(rollback).openRollback().dispatch().at(9)
    const ended = taken.answer(failedAt(1, { serving: servingOf(3, 3) })).poll()
    expect(ended.observed).toEqual([placeAt(1, { ...lost, reason: 'unhealthy' })])
  })

  it('observes another release where an instance has the same image under another number', () => {
    const taken = live(1, 1, 2).say(rollback).openRollback().dispatch().at(9)
    const other = { ...servingOf(2, 2), generation: Generation.parse(9) }
    const ended = taken.answer(failedAt(1, { serving: other })).poll()
    expect(ended.observed).toEqual([placeAt(1, { ...lost, reason: 'unhealthy' })])
  })

  it('observes no answer of an instance where nothing was ever live', () => {
    const first = begin().open(openingOf(1, 1)).dispatch().at(9)
    const ended = first.answer(failedAt(1, { reason: null, serving: null }))
    expect(ended.deployment?.phase).toBe('ended')
    expect(ended.observed).toEqual([placeAt(1, { ...lost, reason: 'no_answer' })])
  })

  it('observes why an instance has not reported what it serves', () => {
    const unknown = deploying().answer(failedAt(1)).dispatch()
    const ended = unknown.answer(failedAt(1, { serving: servingOf(1, 1) })).poll()
    expect(ended.statuses).toEqual(['unknown'])
    expect(ended.observed).toEqual([placeAt(1, { ...lost, reason: 'not_restored' })])
    const silent = live(1, 1, 2).say(rollback).openRollback().dispatch().at(9)
    const gone = silent.answer(answerOf(instanceAt(1), 'lost', null)).poll()
    expect(gone.statuses).toEqual(['lost'])
    expect(gone.observed).toEqual([placeAt(1, { ...lost, reason: 'no_answer' })])
  })

  it('keeps what was observed of an instance that no command was sent to', () => {
    const before = failedTimes(3)
    const opened = before.open(openingOf(2, 1))
    expect(opened.say({ kind: 'cancel' }).poll().observed).toEqual(before.observed)
    const absent = opened.poll().send([answerOf(instanceAt(1), 'failed', 'instance_offline')], null)
    expect(absent.statuses).toEqual(['failed'])
    expect(absent.deployment?.phase).toBe('ended')
    expect(absent.observed).toEqual(before.observed)
  })

  it('keeps what was observed of the other instances', () => {
    const settings = { ...lettings, targets: twoFleets() }
    const candidates = [candidateAt(1), candidateAt(2), candidateAt(3, { target: secondTarget })]
    const three = bringLive(begin(), openingOf(1, 3, { candidates }, settings))
    const failed = three
      .open(openingOf(2, 1, {}, settings))
      .dispatch()
      .at(9)
    expect(failed.answer(failedAt(1)).serve().poll().observed).toEqual([
      placeAt(2),
      placeAt(3, { target: secondTarget }),
      placeAt(1, at9),
    ])
  })
})

describe('an instance after a repair', () => {
  const returned = { at: after(9), returned: [instanceAt(1)] }
  const asked = (from: Core): Core =>
    from
      .at(9)
      .find([candidateAt(1)], returned)
      .dispatch()

  it('observes the live release on an instance, also where nothing had to be sent', () => {
    const ended = asked(live(1, 1))
      .answer(told(1, servingOf(1, 1)))
      .poll()
    expect(ended.repair).toMatchObject({ phase: 'ended', status: 'succeeded', sentAt: null })
    expect(ended.observed).toEqual([placeAt(1, { at: after(9) })])
  })

  it('counts one more try of an instance that could not be asked', () => {
    const failed = asked(live(1, 1))
      .answer(failedAt(1, { reason: 'tool_missing' }))
      .poll()
    const lost = { generation: null, reason: 'tool_missing' } as const
    expect(failed.observed).toEqual([placeAt(1, { ...lost, at: after(9), tries: 1 })])
    const before = failedTimes(3)
    const at = secondsOf(before) + 240
    const again = before
      .at(at)
      .find([candidateAt(1)])
      .dispatch()
    const ended = again.answer(failedAt(1, { reason: 'tool_missing' })).poll()
    expect(ended.observed).toEqual([placeAt(1, { ...lost, at: after(at), tries: 4 })])
  })

  it('keeps what was observed of an instance that was not asked, or not deployed to, in time', () => {
    const before = failedTimes(3)
    const found = before.at(secondsOf(before) + 240).find([candidateAt(1)])
    expect(found.open(openingOf(2, 1)).observed).toEqual(before.observed)
    const pending = found.dispatch().answer(told(1, null))
    expect(pending.statuses).toEqual(['pending'])
    expect(pending.open(openingOf(2, 1)).observed).toEqual(before.observed)
  })
})

describe('an app needs repair', () => {
  it('needs repair where an instance does not serve the live release', () => {
    expect(live(1, 1).needsRepair).toBe(false)
    expect(missing().needsRepair).toBe(true)
  })

  it('needs no repair where no release has to be served', () => {
    expect(firstFailed().observed).toMatchObject([{ generation: null, reason: 'unhealthy' }])
    expect(firstFailed().needsRepair).toBe(false)
    const quarantined = bringLive(missing(), openingOf(2, 1))
      .say(rollback)
      .openRollback(0)
      .archive()
    expect(quarantined.live?.generation).toBe(2)
    expect(quarantined.observed.map(({ generation }) => generation)).toEqual([null, 2])
    expect(quarantined.needsRepair).toBe(false)
  })
})

describe('a repair that gives way to a deployment', () => {
  const asking = (): Core =>
    live(2, 1)
      .find([candidateAt(3)])
      .dispatch()

  it('does not cancel the prepare of a preempted repair, which changes nothing', () => {
    const gone = asking().open(openingOf(2, 2))
    expect(gone.repair).toMatchObject({ phase: 'ended', reason: 'superseded' })
    expect(gone.cancelled).toEqual([])
  })

  it('cancels the deploy command of a preempted repair', () => {
    const serving = servingOf(9, 9)
    const repairing = asking()
      .answer({ ...succeededAt(3, 1), serving })
      .poll()
      .send([], 'command-2')
    expect(repairing.command?.purpose).toBe('deploy')
    const gone = repairing.open(openingOf(2, 2))
    expect(gone.cancelled).toEqual([{ target: firstTarget, operation: 'command-2' }])
  })
})

describe('a repair of more instances than the record of the app has room for', () => {
  const full = { ...lettings, env: { TEXT: 'x'.repeat(15_000) } }
  const many = (changes: Partial<Candidate> = {}) =>
    Array.from({ length: 100 }, (_, index) => candidateAt(1, { id: idAt(index), ...changes }))

  it('asks those that there is room for', () => {
    const asked = askedOf(liveWith(full).find([candidateAt(1), ...many()], null, 50))
    expect(asked.length).toBeGreaterThan(10)
    expect(asked.length).toBeLessThan(90)
    expect(asked).toEqual(
      many()
        .slice(0, asked.length)
        .map(({ id }) => id),
    )
  })

  it('records the unreachable ones that there is room for, and changes nothing once it is full', () => {
    const find = (core: Core) => core.find([candidateAt(1), ...many(offline)], null, 50)
    const listed = find(liveWith(full))
    expect(listed.repair).toBeNull()
    expect(listed.observed.length).toBeGreaterThan(10)
    expect(listed.observed.length).toBeLessThan(90)
    const filled = Array.from({ length: 20 }).reduce<Core>(find, listed)
    expect(find(filled).changed).toBe(false)
  })
})
