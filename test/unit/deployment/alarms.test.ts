import type { AlarmTransition, Opening } from '../../../src/deployment/observation.ts'
import { describe, expect, it } from 'vitest'
import { begin, bringLive, live, type Core } from '../../support/core.ts'
import {
  after,
  candidateAt,
  failedAt,
  firstTarget,
  openingOf,
  servingOf,
  succeededAt,
} from '../../support/deployments.ts'
import { commitAt, digestAt } from '../../support/examples.ts'

const windowSeconds = 1800

const firing = (seconds: number, changes: Partial<AlarmTransition> = {}): AlarmTransition => ({
  alarm: 'oc-lettings-5xx',
  at: after(seconds),
  from: 'OK',
  ...changes,
})
const judge = (core: Core, alarm: AlarmTransition) => core.judge(alarm, windowSeconds)
/** The alarm fires at so many seconds, and is seen then. */
const alarmed = (core: Core, seconds: number): Core =>
  core.at(seconds).alarm(firing(seconds), windowSeconds)

const bring = (core: Core, index: number, changes: Partial<Opening> = {}): Core =>
  bringLive(core, openingOf(index, 1, changes), windowSeconds)

/** Releases 1 and 2 were live one after the other. */
const two = (): Core => bring(bring(begin(), 1).at(100), 2)

/** The redeploy of a release that is live, the very same or with another secret. */
const again = (index: number, secretVersion: string | null = null): Partial<Opening> => {
  const { release } = openingOf(index, 1)
  return { kind: 'redeploy', order: null, release: { ...release, secretVersion } }
}

/** The rollback that was asked for has brought the release before back. */
const goneBack = (asked: Core, seconds: number): Core =>
  asked.at(seconds).openRollback().finish().archive(windowSeconds)

/** Release 2 was live, and so many redeploys of the very same have followed that it is not kept. */
const forgotten = (from = two()): Core => {
  let core = from
  for (let times = 1; times <= 5; times += 1) core = bring(core.at(200 + times), 2, again(2))
  return core
}

/** Release 3 was sent at 200 s and failed a second later; release 2 serves on. */
const failed = (): Core => {
  const sent = two().at(200).open(openingOf(3, 1)).dispatch().at(201)
  const ended = sent.answer(failedAt(1, { serving: servingOf(2, 2) }))
  expect(ended.deployment?.status).toBe('failed')
  return ended.archive(windowSeconds)
}

const unrelated = { kind: 'ignored', reason: 'alarm_unrelated' }
const goingBack = { kind: 'ignored', reason: 'going_back' }
const cancelled = { kind: 'ignored', reason: 'cancelled' }
const stuck = { kind: 'stuck', generation: 2, reason: 'nothing_to_roll_back_to' }
const taken = { kind: 'take_back', generation: 2, freeze: false }

describe('an alarm', () => {
  it('takes the newest ended deployment back while its window is open', () => {
    expect(judge(two(), firing(100))).toEqual(taken)
    expect(judge(two(), firing(100 + windowSeconds - 1))).toMatchObject({ generation: 2 })
  })

  it('takes nothing back once the window is closed', () => {
    expect(judge(two(), firing(100 + windowSeconds))).toEqual(unrelated)
  })

  it('takes nothing back for an alarm from before anything was sent', () => {
    expect(judge(two(), firing(99))).toEqual(unrelated)
    expect(judge(begin(), firing(0))).toEqual(unrelated)
  })

  it('counts an alarm from OK, and from another state only where it was quiet at the opening', () => {
    const loud = bring(bring(begin().at(-100), 1).at(0), 2, { firing: ['oc-lettings-5xx'] })
    const before = { kind: 'ignored', reason: 'alarm_fired_before' }
    expect(judge(loud, firing(0, { from: 'INSUFFICIENT_DATA' }))).toEqual(before)
    expect(judge(loud, firing(0, { from: null }))).toEqual(before)
    expect(judge(loud, firing(0))).toMatchObject({ kind: 'take_back' })
    expect(judge(two(), firing(200, { from: 'INSUFFICIENT_DATA' }))).toMatchObject({
      kind: 'take_back',
    })
    expect(judge(loud, firing(0, { alarm: 'another', from: null }))).toMatchObject({
      kind: 'take_back',
    })
  })

  it('passes over a redeploy that changed neither digest, secret nor env', () => {
    const same = bring(two().at(200), 2, again(2))
    expect(same.suspects[0]).toMatchObject({ generation: 3, changed: false })
    expect(judge(same, firing(300))).toMatchObject({ kind: 'take_back', generation: 2 })
    expect(alarmed(same, 300).quarantine).toEqual([commitAt(2), digestAt(2)])
  })

  it('finds no rollback from a release that is not kept any more', () => {
    const core = forgotten()
    expect(core.releases.map(({ generation }) => generation)).toEqual([7, 6, 5, 4, 3])
    expect(judge(core, firing(300))).toEqual(stuck)
  })

  it('blames a redeploy with another secret or another env', () => {
    const secret = bring(two().at(200), 2, again(2, 'rotated'))
    expect(judge(secret, firing(300))).toMatchObject({ generation: 3 })
    const { release } = openingOf(2, 1)
    const settings = { ...release.settings, env: { DEBUG: 'True' } }
    const env = bring(two().at(200), 2, { ...again(2), release: { ...release, settings } })
    expect(judge(env, firing(300))).toMatchObject({ generation: 3 })
  })

  it('ignores an alarm while the app is frozen', () => {
    const frozen = two().say({ kind: 'freeze', reason: 'exams' })
    expect(judge(frozen, firing(200))).toEqual({ kind: 'ignored', reason: 'app_frozen' })
    expect(alarmed(frozen, 200).changed).toBe(false)
  })

  it('ignores an alarm that fired before an operator unfroze the app', () => {
    const frozen = two().at(250).say({ kind: 'freeze', reason: 'exams' })
    const thawed = frozen.at(300).say({ kind: 'unfreeze' })
    const polled = { kind: 'ignored', reason: 'app_frozen' }
    expect(judge(thawed, firing(200))).toEqual(polled)
    expect(judge(thawed, firing(300))).toEqual(polled)
    expect(judge(thawed, firing(301))).toMatchObject({ kind: 'take_back', generation: 2 })
  })

  it('blames the release before a cancelled deployment again after two minutes', () => {
    const sent = two().at(200).open(openingOf(3, 1)).dispatch()
    const turned = sent.at(210).say({ kind: 'cancel' }).poll()
    const ended = turned.dispatch().at(220).answer(succeededAt(1, 2)).poll()
    expect(ended.deployment?.status).toBe('cancelled')
    const back = ended.archive(windowSeconds).goBack()
    for (const seconds of [205, 339])
      expect(judge(back, firing(seconds))).toEqual({ kind: 'ignored', reason: 'already_back' })
    expect(judge(back, firing(340))).toMatchObject({ kind: 'take_back', generation: 2 })
  })

  it('ignores an alarm about a failed deployment whose instances are restored', () => {
    const back = { kind: 'ignored', reason: 'already_back' }
    expect(judge(failed(), firing(202))).toEqual(back)
    expect(judge(failed(), firing(201 + 119))).toEqual(back)
  })

  it('blames the release before a failed deployment again after two minutes', () => {
    expect(judge(failed(), firing(201 + 120))).toEqual(taken)
    expect(judge(failed(), firing(199))).toEqual(taken)
    expect(judge(failed(), firing(100 + windowSeconds))).toEqual(unrelated)
  })
})

describe('an alarm after a deployment', () => {
  it('quarantines the release at fault, raises the mark and asks for a rollback', () => {
    const asked = two().at(203).alarm(firing(200), windowSeconds)
    expect(asked.rollback).toEqual({
      kind: 'rollback',
      generation: 2,
      to: null,
      reason: 'alarm_fired',
      by: 'alarm oc-lettings-5xx',
      at: after(203),
      refusal: null,
    })
    expect(asked.quarantine).toEqual([commitAt(2), digestAt(2)])
    expect(asked.mark?.createdAt).toBe(after(203))
    expect(asked.freeze).toBeNull()
  })

  it('takes a release back once, however often the alarm event comes', () => {
    const once = alarmed(two(), 200)
    expect(alarmed(once, 200).changed).toBe(false)
    expect(judge(once, firing(201))).toEqual(goingBack)
    const back = goneBack(once, 210)
    expect(alarmed(back, 200).changed).toBe(false)
    expect(judge(back, firing(200))).toEqual(goingBack)
  })

  it('refuses a rollback without an earlier release once, and quarantines nothing', () => {
    const one = bring(begin(), 1)
    const said = alarmed(one, 10)
    expect(said.rollback).toMatchObject({ refusal: 'nothing_to_roll_back_to' })
    expect(said.quarantine).toEqual([])
    expect(said.notices.at(-1)).toMatchObject({
      kind: 'not_rolled_back',
      reason: 'nothing_to_roll_back_to',
    })
    expect(judge(one, firing(10))).toEqual({ ...stuck, generation: 1 })
    expect(alarmed(said, 20).changed).toBe(false)
    expect(judge(said, firing(20))).toEqual({ kind: 'ignored', reason: stuck.reason })
  })

  it('refuses a rollback without an earlier release again where the alarm is about another release', () => {
    const said = alarmed(forgotten(), 300)
    expect(said.rollback).toMatchObject({ generation: 2, refusal: 'nothing_to_roll_back_to' })
    let core = bring(said.at(310), 2, again(2, 'rotated'))
    for (let times = 1; times <= 5; times += 1)
      core = bring(core.at(310 + times), 2, again(2, 'rotated'))
    expect(judge(core, firing(400))).toEqual({ ...stuck, generation: 8 })
  })

  it('refuses a rollback without an earlier release also after a cancelled rollback request', () => {
    const called = alarmed(two(), 199).say({ kind: 'cancel' })
    expect(called.rollback).toMatchObject({ generation: 2, refusal: 'cancelled' })
    expect(judge(forgotten(called), firing(300))).toEqual(stuck)
  })

  it('ignores an alarm whose rollback request an operator has cancelled', () => {
    const called = two().at(203).alarm(firing(200), windowSeconds).at(210).say({ kind: 'cancel' })
    expect(called.rollback).toMatchObject({ generation: 2, refusal: 'cancelled' })
    expect(called.quarantine).toEqual([])
    expect(judge(called, firing(200))).toEqual(cancelled)
    expect(judge(called, firing(210))).toEqual(cancelled)
    expect(judge(called, firing(211))).toMatchObject({ kind: 'take_back', generation: 2 })
    const asked = called.at(400).ask()
    expect(judge(asked, firing(211))).toMatchObject({ kind: 'take_back', generation: 2 })
  })

  it('rolls back past a quarantined release', () => {
    const failedBack = alarmed(two(), 200).openRollback(0).archive(windowSeconds)
    const later = bring(failedBack.say({ kind: 'unfreeze' }).at(300), 4)
    expect(later.releases.map(({ generation }) => generation)).toEqual([4, 2, 1])
    expect(later.quarantine).toEqual([commitAt(2), digestAt(2)])
    const asked = alarmed(later, 310)
    expect(asked.rollback).toMatchObject({ generation: 4, refusal: null })
    expect(asked.rollbackTarget?.generation).toBe(1)
  })

  it('finds no release to go back to where every earlier one is quarantined', () => {
    let core = bring(begin(), 1)
    for (let index = 2; index <= 5; index += 1)
      core = bring(core, index)
        .say({ kind: 'rollback', to: null })
        .openRollback(0)
        .archive(windowSeconds)
        .say({ kind: 'unfreeze' })
    const last = bring(core.at(300), 6)
    expect(last.releases).toHaveLength(5)
    expect(last.releases.slice(1).map(({ digest }) => digest)).toEqual([5, 4, 3, 2].map(digestAt))
    expect(alarmed(last, 310).rollback).toMatchObject({ refusal: 'nothing_to_roll_back_to' })
  })
})

describe('an alarm during a deployment', () => {
  const opened = (): Core => two().at(200).open(openingOf(3, 1))
  const sent = (): Core => opened().dispatch()
  /** Release 3 is taken back at 206 s, and release 2 serves again two seconds later. */
  const takenBack = (): Core =>
    alarmed(sent(), 205)
      .at(206)
      .poll()
      .dispatch()
      .at(208)
      .answer({ ...succeededAt(1, 2), reason: 'restored' })
      .poll()

  it('cancels and quarantines an open deployment, which is rolled back once the live release serves', () => {
    const asked = alarmed(sent(), 205)
    expect(asked.rollback).toMatchObject({ generation: 3, reason: 'alarm_fired' })
    expect(asked.quarantine).toEqual([commitAt(3), digestAt(3)])
    const turned = asked.at(206).poll()
    expect(turned.deployment).toMatchObject({ phase: 'withdrawing', reason: 'alarm_fired' })
    expect(turned.cancelled).toEqual([{ target: firstTarget, operation: 'command-1' }])
    expect(turned.poll().sent).toMatchObject([{ purpose: 'restore', release: { generation: 2 } }])
    const ended = takenBack()
    expect(ended.deployment).toMatchObject({
      status: 'rolled_back',
      reason: 'alarm_fired',
      message: 'by alarm oc-lettings-5xx',
      rolledBackBy: 3,
    })
    expect(ended.live).toMatchObject({ generation: 2 })
  })

  it('cancels a deployment that has sent nothing without blame and takes the release before back', () => {
    const asked = alarmed(opened(), 205)
    expect(asked.rollback).toMatchObject({ generation: 2 })
    expect(asked.quarantine).toEqual([commitAt(2), digestAt(2)])
    const ended = asked.at(206).poll()
    expect(ended.deployment).toMatchObject({
      status: 'cancelled',
      reason: 'cancelled',
      message: 'out of the way of a rollback by alarm oc-lettings-5xx',
    })
    expect(ended.rollback).toMatchObject({ generation: 2, refusal: null })
  })

  it('blames the release before for an alarm from before the first command', () => {
    expect(judge(sent(), firing(199))).toMatchObject({ kind: 'take_back', generation: 2 })
  })

  it('freezes the app for an alarm after a deployment was taken back', () => {
    const back = takenBack().archive(windowSeconds).goBack()
    expect(judge(back, firing(207))).toEqual(goingBack)
    expect(judge(back, firing(600))).toEqual({ kind: 'freeze', reason: 'alarm_after_rollback' })
    expect(judge(back, firing(208 + windowSeconds))).toMatchObject({ kind: 'ignored' })
  })

  it('ignores an alarm that fired at the opening already and was not quiet since', () => {
    const loud = openingOf(3, 1, { firing: ['oc-lettings-5xx'] })
    const out = two().at(200).open(loud).dispatch()
    expect(judge(out, firing(205, { from: 'INSUFFICIENT_DATA' }))).toEqual({
      kind: 'ignored',
      reason: 'alarm_fired_before',
    })
    expect(judge(out, firing(205))).toMatchObject({ kind: 'take_back', generation: 3 })
  })

  it('ignores an alarm while the live release is being restored', () => {
    const turned = alarmed(sent(), 205).at(206).poll().goBack()
    expect(turned.rollback).toBeNull()
    expect(turned.deployment?.phase).toBe('withdrawing')
    expect(judge(turned, firing(207))).toEqual(goingBack)
  })
})

describe('an alarm after a rollback', () => {
  const back = (): Core => goneBack(alarmed(two(), 200), 210)

  it('takes nothing back after a rollback and freezes the app', () => {
    expect(back().live).toMatchObject({ generation: 1 })
    expect(back().rollback).toBeNull()
    const frozen = alarmed(back(), 300)
    expect(frozen.freeze).toEqual({
      reason: 'alarm_after_rollback',
      by: 'alarm oc-lettings-5xx',
      at: after(300),
    })
    expect(frozen.rollback).toBeNull()
    expect(judge(back(), firing(210 + windowSeconds))).toMatchObject(unrelated)
  })

  it('ignores an alarm while a rollback is open', () => {
    const open = alarmed(two(), 200).at(210).openRollback()
    expect(judge(open, firing(212, { alarm: 'latency' }))).toEqual(goingBack)
  })

  it('takes a later release back within the hour of a rollback, and freezes the app', () => {
    const second = alarmed(bring(back().at(400), 3), 500)
    expect(second.rollback).toMatchObject({ generation: 4, refusal: null })
    expect(second.freeze).toMatchObject({ reason: 'second_rollback' })
    const later = bring(back().at(3000), 3)
    expect(judge(later, firing(210 + 3599))).toMatchObject({ freeze: true })
    expect(judge(later, firing(210 + 3600))).toMatchObject({ freeze: false })
    expect(alarmed(bring(back().at(4000), 3), 4100).freeze).toBeNull()
  })
})

describe('an alarm about one of two releases with one digest', () => {
  it('quarantines only the combination with its secret and env where two releases share a digest', () => {
    const rotated = again(2, 'rotated')
    const asked = alarmed(bring(two().at(150), 2, rotated), 200)
    expect(asked.quarantine).toEqual([{ digest: digestAt(2), secretVersion: 'rotated', env: {} }])
    expect(asked.rollback).toMatchObject({ generation: 3, refusal: null })
    const back = goneBack(asked, 210).at(300)
    expect(back.live).toMatchObject({ generation: 2 })
    expect(back.open(openingOf(2, 1, rotated)).refused).toBe('quarantined')
    expect(back.open(openingOf(2, 1, again(2))).deployment?.generation).toBe(5)
  })
})

describe('what an alarm is judged by', () => {
  it('judges an alarm by the last ten deployments', () => {
    const indexes = [1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 2, 3]
    const { suspects } = live(1, ...indexes)
    expect(suspects.map(({ generation }) => generation)).toEqual([12, 11, 10, 9, 8, 7, 6, 5, 4, 3])
  })

  it('judges an alarm by no deployment that sent nothing', () => {
    expect(begin().open(openingOf(1, 0)).suspects).toEqual([])
  })
})

describe('the alarms of a deployment', () => {
  it('watches the alarms of a deployment from its end on, for as long as the window says', () => {
    expect(two().alarmsUntil).toBe(after(100 + windowSeconds))
    expect(live(1, 1).alarmsUntil).toBeNull()
    const ended = begin().open(openingOf(1, 1)).serve().at(50).poll()
    expect(ended.at(60).archive(600).alarmsUntil).toBe(after(650))
  })

  it('watches alarms two minutes past the window, for one read late', () => {
    const late = 100 + windowSeconds + 119
    const watched = two().at(late).poll()
    expect(watched.alarmsUntil).not.toBeNull()
    const seen = watched.alarm(firing(100 + windowSeconds - 1), windowSeconds)
    expect(seen.rollback).toMatchObject({ generation: 2 })
    expect(
      two()
        .at(late + 1)
        .poll().alarmsUntil,
    ).toBeNull()
  })

  it('watches no alarms where nothing was ever sent', () => {
    expect(begin().open(openingOf(1, 0)).archive(600).alarmsUntil).toBeNull()
  })

  it('watches alarms no longer because an instance was repaired', () => {
    const until = bringLive(begin(), openingOf(1, 1), 600)
    expect(until.alarmsUntil).toBe(after(600))
    const asked = until
      .at(10)
      .find([candidateAt(2)])
      .dispatch()
    const over = asked.at(20).answer(succeededAt(2, 1)).poll()
    expect(over.repair).toMatchObject({ phase: 'ended' })
    expect(over.at(60).archive(3600)).toMatchObject({ isIdle: true, alarmsUntil: after(600) })
  })
})
