import { describe, expect, it } from 'vitest'
import { judgeAlarm, type AlarmTransition } from '../../../src/deployment/alarm.ts'
import type { Head } from '../../../src/deployment/head.ts'
import type { OperatorWord } from '../../../src/deployment/operate.ts'
import type { Opening } from '../../../src/deployment/open.ts'
import { Generation } from '../../../src/kernel/id.ts'
import {
  after,
  begin,
  deploymentOf,
  failedAt,
  hear,
  live,
  look,
  openedBy,
  openingOf,
  see,
  send,
  start,
  succeededAt,
  type Story,
} from '../../support/deployments.ts'
import { commitAt, digestAt } from '../../support/rollout-world.ts'
import { keyAt } from '../../support/targets.ts'

const windowSeconds = 1800
const three = Generation.parse(3)

const firing = (at: string, changes: Partial<AlarmTransition> = {}): AlarmTransition => ({
  alarm: 'oc-lettings-5xx',
  at,
  from: 'OK',
  ...changes,
})

const judge = (story: Story, transition: AlarmTransition) =>
  judgeAlarm(story.head, transition, windowSeconds)

const alarmed = (story: Story, transition: AlarmTransition, at = transition.at): Story =>
  see(story, { kind: 'alarmed', transition, windowSeconds }, at)

/** Opens the release of `index`, sends it at `at`, and brings it live (or not) a second later. */
const brought = (from: Story, index: number, at: string, changes: Partial<Opening> = {}): Story => {
  const sent = send(look(openedBy(from, openingOf(index, 1, changes), at), at), at)
  const { generation, release } = deploymentOf(sent)
  const answer = { ...succeededAt(1, release.generation) }
  const heard = hear(sent, at, answer)
  return see(look(heard, at), { kind: 'archived', generation, windowSeconds }, at)
}

/** Releases 1 and 2 were live one after the other. */
const two = (): Story => brought(brought(begin(), 1, start), 2, after(100))

/** The rollback that a pending word asks for, opened at `at`. */
const goneBack = (from: Story, at: string): Story => {
  const { releases, takeBack } = from.head
  const release = releases[1]
  if (release === undefined || takeBack === null) throw new Error('nothing to go back to')
  return brought(from, 0, at, { kind: 'rollback', by: takeBack.by, order: null, release })
}

describe('a transition to ALARM', () => {
  it('takes back the newest finished deployment, while its window is open', () => {
    expect(judge(two(), firing(after(100)))).toEqual({
      kind: 'take_back',
      generation: 2,
      freeze: false,
    })
    expect(judge(two(), firing(after(100 + windowSeconds - 1)))).toMatchObject({ generation: 2 })
  })

  it('is nobody’s fault once the window is closed', () => {
    const late = firing(after(100 + windowSeconds))
    expect(judge(two(), late)).toEqual({ kind: 'ignored', reason: 'alarm_unrelated' })
  })

  it('is nobody’s fault before anything was sent', () => {
    expect(judge(two(), firing(after(99)))).toEqual({ kind: 'ignored', reason: 'alarm_unrelated' })
    expect(judge(begin(), firing(start))).toEqual({ kind: 'ignored', reason: 'alarm_unrelated' })
  })

  it('counts from OK, and from INSUFFICIENT_DATA or an unknown state only if it was quiet at opening', () => {
    const loud = brought(brought(begin(), 1, after(-100)), 2, start, {
      firing: ['oc-lettings-5xx'],
    })
    const before = { kind: 'ignored', reason: 'alarm_fired_before' }
    expect(judge(loud, firing(start, { from: 'INSUFFICIENT_DATA' }))).toEqual(before)
    expect(judge(loud, firing(start, { from: null }))).toEqual(before)
    expect(judge(loud, firing(start))).toMatchObject({ kind: 'take_back' })
    expect(judge(two(), firing(after(200), { from: 'INSUFFICIENT_DATA' }))).toMatchObject({
      kind: 'take_back',
    })
    const other = firing(start, { alarm: 'another', from: null })
    expect(judge(loud, other)).toMatchObject({ kind: 'take_back' })
  })

  it('passes over a redeploy that changed neither digest, secrets nor env', () => {
    const again = brought(two(), 2, after(200), { kind: 'redeploy', order: null })
    expect(again.head.finished[0]).toMatchObject({ generation: 3, changed: false })
    expect(judge(again, firing(after(300)))).toMatchObject({ kind: 'take_back', generation: 2 })
    const { head } = alarmed(again, firing(after(300)))
    expect(head.quarantine).toEqual([commitAt(2), digestAt(2)])
  })

  it('finds no way back from one that so many redeploys have followed that it is not kept', () => {
    let story = two()
    for (let times = 1; times <= 5; times += 1)
      story = brought(story, 2, after(200 + times), { kind: 'redeploy', order: null })
    expect(story.head.releases.map(({ generation }) => generation)).toEqual([7, 6, 5, 4, 3])
    const stuck = { kind: 'stuck', generation: 2, reason: 'nothing_to_roll_back_to' }
    expect(judge(story, firing(after(300)))).toEqual(stuck)
  })

  it('blames a redeploy with another secret or another env', () => {
    const { release } = openingOf(2, 1)
    const changes = { kind: 'redeploy' as const, order: null }
    const secret = brought(two(), 2, after(200), {
      ...changes,
      release: { ...release, secretVersion: 'rotated' },
    })
    expect(judge(secret, firing(after(300)))).toMatchObject({ generation: 3 })
    const settings = { ...release.settings, env: { DEBUG: 'True' } }
    const env = brought(two(), 2, after(200), { ...changes, release: { ...release, settings } })
    expect(judge(env, firing(after(300)))).toMatchObject({ generation: 3 })
  })

  it('is noted and changes nothing while the app is frozen', () => {
    const { head } = two()
    const frozen = { ...head, freeze: { reason: 'exams', by: 'ada', at: start } }
    expect(judgeAlarm(frozen, firing(after(200)), windowSeconds)).toEqual({
      kind: 'ignored',
      reason: 'app_frozen',
    })
  })

  it('from before a person let the app go on again has been looked at', () => {
    const said = (from: Story, word: OperatorWord, at: string) =>
      see(from, { kind: 'operated', word, by: 'ada', id: at }, at)
    const frozen = said(two(), { kind: 'freeze', reason: 'exams' }, after(250))
    const thawed = said(frozen, { kind: 'unfreeze' }, after(300))
    const looked = { kind: 'ignored', reason: 'app_frozen' }
    expect(judge(thawed, firing(after(200)))).toEqual(looked)
    expect(judge(thawed, firing(after(300)))).toEqual(looked)
    expect(judge(thawed, firing(after(301)))).toMatchObject({ kind: 'take_back', generation: 2 })
  })

  it('two minutes after one that was cancelled is about the one before again', () => {
    const sent = send(look(openedBy(two(), openingOf(3, 1), after(200)), after(200)), after(200))
    const cancel = { kind: 'operated', word: { kind: 'cancel' }, by: 'ada', id: 'c1' } as const
    const turned = look(see(sent, cancel, after(210)), after(210))
    const restoring = send(look(turned, after(210)), after(210), [], 'command-2')
    const ended = look(hear(restoring, after(220), succeededAt(1, 2)), after(220))
    expect(deploymentOf(ended).status).toBe('cancelled')
    const gone = see(ended, { kind: 'archived', generation: three, windowSeconds }, after(220))
    const back = see(gone, { kind: 'went_back' }, after(220))
    for (const seconds of [205, 339])
      expect(judge(back, firing(after(seconds)))).toEqual({
        kind: 'ignored',
        reason: 'already_back',
      })
    expect(judge(back, firing(after(340)))).toMatchObject({ kind: 'take_back', generation: 2 })
  })

  it('changes nothing where what it would take back has failed and is back already', () => {
    const back = { kind: 'ignored', reason: 'already_back' }
    expect(judge(failed(), firing(after(202)))).toEqual(back)
    expect(judge(failed(), firing(after(201 + 119)))).toEqual(back)
  })

  it('two minutes after one that failed is about the one before again, which serves', () => {
    const taken = { kind: 'take_back', generation: 2, freeze: false }
    expect(judge(failed(), firing(after(201 + 120)))).toEqual(taken)
    expect(judge(failed(), firing(after(199)))).toEqual(taken)
    const late = firing(after(100 + windowSeconds))
    expect(judge(failed(), late)).toEqual({ kind: 'ignored', reason: 'alarm_unrelated' })
  })
})

const servingTwo = succeededAt(1, 2).serving

/** Release 3 was sent at 200 s and failed a second later; release 2 serves on. */
const failed = (): Story => {
  const sent = send(look(openedBy(two(), openingOf(3, 1), after(200)), after(200)), after(200))
  const heard = hear(sent, after(201), failedAt(1, { serving: servingTwo }))
  const { generation, status } = deploymentOf(heard)
  expect(status).toBe('failed')
  return see(heard, { kind: 'archived', generation, windowSeconds }, after(201))
}

describe('what a finished suspect leaves', () => {
  it('is quarantined, the mark is now, and a rollback is asked for', () => {
    const { head } = alarmed(two(), firing(after(200)), after(203))
    expect(head.takeBack).toEqual({
      kind: 'rollback',
      generation: 2,
      to: null,
      reason: 'alarm_fired',
      by: 'alarm oc-lettings-5xx',
      at: after(203),
      refusal: null,
    })
    expect(head.quarantine).toEqual([commitAt(2), digestAt(2)])
    expect(head.mark?.createdAt).toBe(after(203))
    expect(head.freeze).toBeNull()
  })

  it('is taken back once, however often the event comes', () => {
    const once = alarmed(two(), firing(after(200)))
    expect(alarmed(once, firing(after(200))).head).toBe(once.head)
    expect(judge(once, firing(after(201)))).toEqual({ kind: 'ignored', reason: 'going_back' })
    const back = goneBack(once, after(210))
    expect(alarmed(back, firing(after(200))).head).toBe(back.head)
    expect(judge(back, firing(after(200)))).toEqual({ kind: 'ignored', reason: 'going_back' })
  })

  it('stays where there is nothing to go back to: said once, quarantined never', () => {
    const one = brought(begin(), 1, start)
    const told = alarmed(one, firing(after(10)))
    expect(told.head.takeBack).toMatchObject({ refusal: 'nothing_to_roll_back_to' })
    expect(told.head.quarantine).toEqual([])
    expect(told.head.owed.at(-1)).toMatchObject({
      kind: 'not_rolled_back',
      reason: 'nothing_to_roll_back_to',
    })
    expect(judge(one, firing(after(10)))).toEqual({
      kind: 'stuck',
      generation: 1,
      reason: 'nothing_to_roll_back_to',
    })
    expect(alarmed(told, firing(after(20))).head).toBe(told.head)
    expect(judge(told, firing(after(20)))).toEqual({
      kind: 'ignored',
      reason: 'nothing_to_roll_back_to',
    })
  })

  it('is left alone by an alarm whose rollback a person has called off', () => {
    const word = { kind: 'cancel' } as const
    const called = see(
      alarmed(two(), firing(after(200)), after(203)),
      { kind: 'operated', word, by: 'ada', id: '1' },
      after(210),
    )
    expect(called.head.takeBack).toMatchObject({ generation: 2, refusal: 'cancelled' })
    expect(called.head.quarantine).toEqual([])
    expect(judge(called, firing(after(200)))).toEqual({ kind: 'ignored', reason: 'cancelled' })
    expect(judge(called, firing(after(210)))).toEqual({ kind: 'ignored', reason: 'cancelled' })
    expect(judge(called, firing(after(211)))).toMatchObject({ kind: 'take_back', generation: 2 })
    const wish = { revision: null, force: false, by: 'ada', at: after(400), refusal: null }
    const asked = see(called, { kind: 'requested', request: wish, id: '2' }, after(400))
    expect(judge(asked, firing(after(211)))).toMatchObject({ kind: 'take_back', generation: 2 })
  })

  it('is said to be stuck of each release and each time that nothing else was said last', () => {
    const { head } = alarmed(brought(begin(), 1, start), firing(after(10)))
    const { takeBack } = head
    if (takeBack === null) throw new Error('nothing is said')
    const stuck = { kind: 'stuck', generation: 1, reason: 'nothing_to_roll_back_to' }
    for (const said of [
      { ...takeBack, generation: three },
      { ...takeBack, refusal: 'cancelled' as const },
    ])
      expect(judgeAlarm({ ...head, takeBack: said }, firing(after(20)), windowSeconds)).toEqual(
        stuck,
      )
  })
})

describe('an open suspect', () => {
  const opened = () => openedBy(two(), openingOf(3, 1), after(200))
  const sent = () => send(look(opened(), after(200)), after(200))

  it('is cancelled, quarantined, and ends as rolled back once the live release serves again', () => {
    const word = alarmed(sent(), firing(after(205)))
    expect(word.head.takeBack).toMatchObject({ generation: 3, reason: 'alarm_fired' })
    expect(word.head.quarantine).toEqual([commitAt(3), digestAt(3)])
    const turned = look(word, after(206))
    expect(deploymentOf(turned)).toMatchObject({ stage: 'restoring', reason: 'alarm_fired' })
    expect(turned.actions).toEqual([{ kind: 'cancel', target: keyAt(0), operation: 'command-1' }])
    const restoring = send(look(turned, after(206)), after(206), [], 'command-2')
    expect(deploymentOf(restoring).intent).toMatchObject({ purpose: 'restore' })
    const heard = hear(restoring, after(208), { ...succeededAt(1, 2), reason: 'restored' })
    const ended = look(heard, after(208))
    expect(deploymentOf(ended)).toMatchObject({
      status: 'rolled_back',
      reason: 'alarm_fired',
      message: 'by alarm oc-lettings-5xx',
      rolledBackBy: 3,
    })
    expect(ended.head.releases[0]).toMatchObject({ generation: 2 })
  })

  it('for which nothing was sent is cancelled unblamed, and the one before is taken back', () => {
    const word = alarmed(opened(), firing(after(205)))
    expect(word.head.takeBack).toMatchObject({ generation: 2 })
    expect(word.head.quarantine).toEqual([commitAt(2), digestAt(2)])
    const cancelled = look(word, after(206))
    expect(deploymentOf(cancelled)).toMatchObject({
      status: 'cancelled',
      reason: 'cancelled',
      message: 'out of the way of a rollback by alarm oc-lettings-5xx',
    })
    expect(cancelled.head.takeBack).toMatchObject({ generation: 2, refusal: null })
  })

  it('is not to blame for an alarm from before its first command', () => {
    expect(judge(sent(), firing(after(199)))).toMatchObject({ kind: 'take_back', generation: 2 })
  })

  it('that was taken back is a rollback: the next alarm freezes the app', () => {
    const turned = look(alarmed(sent(), firing(after(205))), after(206))
    const restoring = send(look(turned, after(206)), after(206), [], 'command-2')
    const heard = hear(restoring, after(208), { ...succeededAt(1, 2), reason: 'restored' })
    const ended = look(heard, after(208))
    const archived = see(ended, { kind: 'archived', generation: three, windowSeconds }, after(208))
    const back = see(archived, { kind: 'went_back' }, after(208))
    expect(judge(back, firing(after(207)))).toEqual({ kind: 'ignored', reason: 'going_back' })
    expect(judge(back, firing(after(600)))).toEqual({
      kind: 'freeze',
      reason: 'alarm_after_rollback',
    })
    expect(judge(back, firing(after(208 + windowSeconds)))).toMatchObject({ kind: 'ignored' })
  })

  it('is not to blame for an alarm that fired when it was opened, and was not quiet since', () => {
    const loud = openingOf(3, 1, { firing: ['oc-lettings-5xx'] })
    const out = send(look(openedBy(two(), loud, after(200)), after(200)), after(200))
    expect(judge(out, firing(after(205), { from: 'INSUFFICIENT_DATA' }))).toEqual({
      kind: 'ignored',
      reason: 'alarm_fired_before',
    })
    expect(judge(out, firing(after(205)))).toMatchObject({ kind: 'take_back', generation: 3 })
  })

  it('that goes back already is left alone', () => {
    const turned = look(alarmed(sent(), firing(after(205))), after(206))
    const again = { ...turned, head: { ...turned.head, takeBack: null } }
    expect(judge(again, firing(after(207)))).toEqual({ kind: 'ignored', reason: 'going_back' })
  })
})

describe('a rollback', () => {
  const back = (): Story => goneBack(alarmed(two(), firing(after(200))), after(210))

  it('is never taken back: an alarm after it freezes the app', () => {
    expect(back().head.releases[0]).toMatchObject({ generation: 1 })
    expect(back().head.takeBack).toBeNull()
    const frozen = alarmed(back(), firing(after(300)))
    expect(frozen.head.freeze).toEqual({
      reason: 'alarm_after_rollback',
      by: 'alarm oc-lettings-5xx',
      at: after(300),
    })
    expect(frozen.head.takeBack).toBeNull()
    const late = firing(after(210 + windowSeconds))
    expect(judge(back(), late)).toMatchObject({ kind: 'ignored', reason: 'alarm_unrelated' })
  })

  it('that is open is not disturbed by the alarms of the same incident', () => {
    const { head } = alarmed(two(), firing(after(200)))
    const release = head.releases[1]
    if (release === undefined) throw new Error('no release')
    const opening = openingOf(1, 1, { kind: 'rollback', order: null, release })
    const open = openedBy({ head, actions: [] }, opening, after(210))
    expect(judge(open, firing(after(212), { alarm: 'latency' }))).toEqual({
      kind: 'ignored',
      reason: 'going_back',
    })
  })

  it('within an hour of another one is carried out and freezes the app', () => {
    const third = brought(back(), 3, after(400))
    const second = alarmed(third, firing(after(500)))
    expect(second.head.takeBack).toMatchObject({ generation: 4, refusal: null })
    expect(second.head.freeze).toMatchObject({ reason: 'second_rollback' })
    const later = brought(back(), 3, after(3000))
    expect(judge(later, firing(after(210 + 3599)))).toMatchObject({ freeze: true })
    expect(judge(later, firing(after(210 + 3600)))).toMatchObject({ freeze: false })
    const calm = brought(back(), 3, after(4000))
    expect(alarmed(calm, firing(after(4100))).head.freeze).toBeNull()
  })

  it('goes past a release that is quarantined', () => {
    const third = brought(two(), 3, after(150))
    const quarantine: Head['quarantine'] = [digestAt(2)]
    const { head } = alarmed(
      { head: { ...third.head, quarantine }, actions: [] },
      firing(after(200)),
    )
    expect(head.takeBack).toMatchObject({ generation: 3, refusal: null })
    const all: Head['quarantine'] = [digestAt(2), digestAt(1)]
    const none = alarmed(
      { head: { ...third.head, quarantine: all }, actions: [] },
      firing(after(200)),
    )
    expect(none.head.takeBack).toMatchObject({ refusal: 'nothing_to_roll_back_to' })
  })
})

describe('of releases of one digest', () => {
  it('only the combination with secrets and env is quarantined', () => {
    const { release } = openingOf(2, 1)
    const rotated = { ...release, secretVersion: 'rotated' }
    const story = brought(two(), 2, after(150), { kind: 'redeploy', order: null, release: rotated })
    const { head } = alarmed(story, firing(after(200)))
    expect(head.quarantine).toEqual([
      { digest: digestAt(2), secretVersion: 'rotated', env: rotated.settings.env },
    ])
    expect(head.takeBack).toMatchObject({ generation: 3, refusal: null })
    const again = openedBy(
      { head: { ...head, takeBack: null }, actions: [] },
      openingOf(2, 1, { kind: 'redeploy', order: null, release: rotated }),
      after(300),
    )
    expect(again.actions).toEqual([{ kind: 'refuse', reason: 'quarantined' }])
    const asBefore = openedBy(
      { head: { ...head, takeBack: null }, actions: [] },
      openingOf(2, 1, { kind: 'redeploy', order: null }),
      after(300),
    )
    expect(deploymentOf(asBefore).generation).toBe(4)
  })
})

describe('the window of the newest deployment', () => {
  it('is watched for as long as the window says', () => {
    expect(two().head.alarmsUntil).toBe(after(100 + windowSeconds))
    expect(live(1, 1).head.alarmsUntil).toBeNull()
  })

  it('is watched two minutes longer, for an alarm of its last moment that is seen late', () => {
    const late = after(100 + windowSeconds + 119)
    const watched = look(two(), late)
    expect(watched.head.alarmsUntil).not.toBeNull()
    const seen = alarmed(watched, firing(after(100 + windowSeconds - 1)), late)
    expect(seen.head.takeBack).toMatchObject({ generation: 2 })
    expect(look(two(), after(100 + windowSeconds + 120)).head.alarmsUntil).toBeNull()
  })
})
