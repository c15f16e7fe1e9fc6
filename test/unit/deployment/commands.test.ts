import { describe, expect, it } from 'vitest'
import {
  begin,
  deploying,
  live,
  refused,
  sentToThree,
  unreachable,
  type Core,
} from '../../support/core.ts'
import {
  after,
  candidateAt,
  failedAt,
  fenceOf,
  firstTarget,
  instanceAt,
  lettings,
  openingOf,
  secondTarget,
  servingOf,
  start,
  succeededAt,
  twoFleets,
} from '../../support/deployments.ts'
import { answerOf } from '../../support/hosts.ts'

const opened = (): Core => begin().open(openingOf(1, 1))

const waiting = (index: number) => answerOf(instanceAt(index), 'waiting', null)

describe('sending', () => {
  it('sends a command when it is issued, and not again once it is sent', () => {
    const polled = opened().poll()
    expect(polled.sent).toHaveLength(1)
    expect(polled.send().sent).toEqual([])
  })

  it('does not send a command again because another write comes before it is sent', () => {
    const frozen = opened().poll().at(1).say({ kind: 'freeze', reason: 'exams' })
    expect(frozen.freeze).not.toBeNull()
    expect(frozen.command?.operation).toBeNull()
    expect(frozen).toMatchObject({ sent: [], cancelled: [] })
  })

  it('keeps the operation id of a sent command', () => {
    expect(deploying().command?.operation).toBe('command-1')
  })

  it('ignores a sent command of a deployment that is gone', () => {
    const sent = { kind: 'sent', fence: fenceOf(1), operation: 'command-1', missing: [] } as const
    expect(begin().see(sent).changed).toBe(false)
  })

  it('keeps the first operation id of a command that was sent twice', () => {
    const { fence = fenceOf(0) } = deploying().command ?? {}
    const sent = { kind: 'sent', fence } as const
    const second = { ...sent, operation: 'command-2', missing: [] }
    expect(deploying().at(1).see(second).changed).toBe(false)
    const inVain = { ...sent, operation: null, missing: [unreachable(1)] }
    expect(deploying().at(1).see(inVain).changed).toBe(false)
  })

  it('keeps an instance of one target pending where one of another could not be reached', () => {
    const candidates = [firstTarget, secondTarget].map((target, index) =>
      candidateAt(index + 1, { target }),
    )
    const settings = { ...lettings, targets: twoFleets() }
    const polled = begin()
      .open(openingOf(1, 2, { candidates }, settings))
      .poll()
    expect(polled.send([unreachable(1)], null).statuses).toEqual(['failed', 'pending'])
  })
})

describe('a command that was never sent', () => {
  it('reserves an unsent command for the run that issued it for 20 s', () => {
    expect(opened().poll().at(19.999).poll().changed).toBe(false)
  })

  it('sends a command again after 20 s, under the same fence and within its remaining time', () => {
    const first = opened().poll()
    const again = first.at(60).poll()
    const [order] = first.sent
    expect(again.sent).toEqual([{ ...order, hostSeconds: 465 }])
    expect(again.sent).toMatchObject([{ fence: 2, notAfter: after(600) }])
    expect(again.command).toEqual({
      ...first.command,
      at: after(60),
      repeated: true,
      hostSeconds: 465,
    })
    expect(again.watcher).toEqual({ by: 'ada', until: after(85) })
  })

  it('does not send a command again where too little time is left for the host', () => {
    expect(opened().poll().at(590).poll().changed).toBe(false)
  })

  it('issues an unsent prepare anew, also past its time', () => {
    for (const seconds of [21, 100]) {
      const again = opened().poll([]).at(seconds).poll([])
      expect(again.sent).toMatchObject([
        { purpose: 'prepare', fence: again.version, notAfter: after(seconds + 90) },
      ])
      expect(again.command).toMatchObject({ at: after(seconds), repeated: false })
    }
  })

  it('does not cancel a command that was never sent', () => {
    const late = opened().poll().at(600).poll()
    expect(late.deployment?.reason).toBe('no_answer')
    expect(late).toMatchObject({ sent: [], cancelled: [] })
  })
})

describe('cancelling a command', () => {
  it('does not cancel a command that was answered, though others have still to be deployed to', () => {
    const candidates = [
      candidateAt(1, { target: firstTarget }),
      candidateAt(2, { target: firstTarget }),
      candidateAt(3, { target: secondTarget }),
    ]
    const settings = { ...lettings, targets: twoFleets() }
    const sent = begin()
      .open(openingOf(1, 3, { candidates }, settings))
      .dispatch()
      .at(5)
    expect(sent.answer(succeededAt(1, 1))).toMatchObject({ sent: [], cancelled: [] })
    const failed = sent.answer(failedAt(1))
    expect(failed.deployment?.reason).toBe('unhealthy')
    expect(failed).toMatchObject({ sent: [], cancelled: [] })
  })

  it('does not cancel a prepare that every instance has answered', () => {
    expect(opened().dispatch([]).answer(succeededAt(1, 1))).toMatchObject({ cancelled: [] })
  })
})

describe('answers to a command', () => {
  it('waits until all instances of a command have answered', () => {
    const sent = sentToThree().at(5)
    expect(sent.answer(succeededAt(2, 2), waiting(3)).changed).toBe(false)
    const all = sent.answer(succeededAt(2, 2), succeededAt(3, 2), succeededAt(4, 2))
    expect(all.statuses).toEqual(['succeeded', 'succeeded', 'succeeded', 'succeeded'])
    expect(all.command).toBeNull()
  })

  it('ignores answers to another fence', () => {
    const stale = { kind: 'answered', fence: fenceOf(1), answers: [succeededAt(1, 2)] } as const
    expect(deploying().see(stale).changed).toBe(false)
    expect(begin().see({ kind: 'answered', fence: fenceOf(0), answers: [] }).changed).toBe(false)
  })
})

describe('a refusal', () => {
  it('issues another command where an instance refuses for a changed key, with nothing touched so far', () => {
    const answered = deploying().at(5).answer(refused('key_changed'))
    expect(answered.deployment).toMatchObject({
      phase: 'advancing',
      instances: [{ status: 'pending', touched: false, retries: 1 }],
    })
    expect(answered.command).toBeNull()
    expect(answered.poll([]).sent).toMatchObject([{ purpose: 'prepare' }])
  })

  it('raises the version above the fence that an instance saw before the table was restored', () => {
    const answer = refused('superseded_fence', { fenceSeen: 70 })
    expect(deploying().at(5).answer(answer).poll().sent).toMatchObject([
      { purpose: 'deploy', fence: 72 },
    ])
  })

  it('does not raise the version for a fence below it', () => {
    const before = deploying()
    const answer = refused('superseded_fence', { fenceSeen: 1 })
    expect(before.at(5).answer(answer).version).toBe(before.version + 1)
  })

  it('raises the version by a million at most for one answer', () => {
    for (const fenceSeen of [1_000_100, 999_999_999_999]) {
      const before = deploying()
      const answered = before.at(5).answer(refused('superseded_fence', { fenceSeen }))
      expect(answered.version).toBe(before.version + 1_000_001)
    }
  })

  it('does not raise the version for what an instance claims in its answer to a prepare', () => {
    const before = begin().open(openingOf(1, 1)).poll([]).send()
    const answer = refused('superseded_fence', { fenceSeen: 70 })
    expect(before.at(5).answer(answer).version).toBe(before.version + 1)
  })

  it('repeats a refused command twice at most', () => {
    let core = deploying().at(5)
    for (const retries of [1, 2]) {
      core = core.answer(refused('superseded_fence'))
      expect(core.instances).toMatchObject([{ retries }])
      core = core.dispatch()
    }
    expect(core.answer(refused('superseded_fence')).deployment).toMatchObject({
      status: 'failed',
      reason: 'superseded_fence',
    })
  })

  it('ends the deployment where a command is refused for anything else, with nothing changed', () => {
    const answered = deploying()
      .at(5)
      .answer(refused('owned_by_other', { serving: null }))
    expect(answered.deployment).toMatchObject({
      status: 'failed',
      reason: 'owned_by_other',
      instances: [{ status: 'failed', touched: false }],
    })
  })

  it('does not take the refusal of a repeated command as proof that the first one changed nothing', () => {
    const again = live(1, 1).open(openingOf(2, 1)).poll().at(30).dispatch().at(40)
    const late = refused('too_late', { serving: servingOf(2, 2) })
    expect(again.answer(late).deployment?.phase).toBe('withdrawing')
    expect(again.answer(refused('too_late')).deployment?.phase).toBe('ended')
  })
})

/** A restored table counts from an earlier number: instances may have a release of this number already. */
describe('the number of a new release', () => {
  it("gives a release the next free number where an instance refuses its number as another release's", () => {
    for (const [served, number] of [
      [2, 3],
      [9, 10],
    ] as const) {
      const answer = refused('superseded_fence', { fenceSeen: 70, serving: servingOf(served, 1) })
      const answered = deploying().at(5).answer(answer)
      expect(answered.generation).toBe(number)
      expect(answered.deployment).toMatchObject({
        generation: number,
        release: { generation: number },
        instances: [{ status: 'pending', retries: 1 }],
      })
    }
  })

  it('gives a release its new number also on the instances that took it under the first', () => {
    const reused = { ...refused('superseded_fence'), id: instanceAt(3), serving: servingOf(2, 1) }
    const answered = sentToThree().at(5).answer(succeededAt(2, 2), reused, succeededAt(4, 2))
    expect(answered.deployment?.generation).toBe(3)
    expect(answered.statuses).toEqual(['pending', 'pending', 'pending', 'pending'])
    expect(answered.poll().sent).toMatchObject([{ generation: 3, instances: [instanceAt(1)] }])
  })

  it('does not hide the failure of another instance when it gives a new number', () => {
    const reused = { ...refused('superseded_fence'), id: instanceAt(3), serving: servingOf(2, 1) }
    const answered = sentToThree().at(5).answer(failedAt(2), reused, succeededAt(4, 2))
    expect(answered.deployment).toMatchObject({ phase: 'withdrawing', reason: 'unhealthy' })
  })

  it('keeps the number where the instance serves nothing, or only gave way', () => {
    const nothing = refused('superseded_fence', { serving: null })
    expect(deploying().at(5).answer(nothing).generation).toBe(2)
    const gaveWay = failedAt(1, { reason: 'superseded_fence', serving: servingOf(9, 1) })
    expect(deploying().at(5).answer(gaveWay).generation).toBe(2)
  })

  it('raises the number by ten thousand at most for one answer', () => {
    for (const claimed of [10_001, 10_002, 9_999_999, 999_999_999]) {
      const answer = refused('superseded_fence', { serving: servingOf(claimed, 1) })
      expect(deploying().at(5).answer(answer).generation).toBe(10_002)
    }
  })

  it('keeps the number while the live release is restored', () => {
    const failed = deploying().at(5).answer(failedAt(1)).at(6).poll()
    expect(failed.sent).toMatchObject([{ purpose: 'restore' }])
    const answer = refused('superseded_fence', { serving: servingOf(9, 1) })
    expect(failed.send().at(7).answer(answer).generation).toBe(2)
  })

  it('keeps the number where the refusal has another reason', () => {
    const answer = refused('key_changed', { serving: servingOf(9, 1) })
    expect(deploying().at(5).answer(answer).generation).toBe(2)
  })

  it('keeps the number of a release that has its own already: in a repair or a rollback', () => {
    const answer = refused('superseded_fence', { serving: servingOf(9, 1) })
    const repairing = live(1, 1)
      .find([candidateAt(2)])
      .serve()
      .poll()
    expect(repairing.sent).toMatchObject([{ purpose: 'deploy', generation: 1, numberedAt: null }])
    const repaired = repairing.send().answer({ ...answer, id: instanceAt(2) })
    expect(repaired.generation).toBe(1)
    expect(repaired.repair).toMatchObject({ generation: 1, release: { generation: 1 } })
    const back = live(1, 1, 2).say({ kind: 'rollback', to: null }).openRollback().dispatch()
    expect(back.answer(answer).deployment).toMatchObject({
      generation: 3,
      release: { generation: 1 },
    })
  })
})

describe('the answer to a prepare', () => {
  const preparing = (): Core => opened().dispatch([]).at(2)

  it('deploys once a prepare is answered', () => {
    const answered = preparing().answer(succeededAt(1, 1))
    expect(answered.statuses).toEqual(['pending'])
    expect(answered.poll().sent).toMatchObject([{ purpose: 'deploy' }])
  })

  it('ends the deployment where a prepare finds something missing, and says what', () => {
    const missing = failedAt(1, { reason: 'tool_missing', message: 'openssl' })
    expect(preparing().answer(missing).deployment).toMatchObject({
      status: 'failed',
      reason: 'tool_missing',
      message: 'openssl',
    })
  })

  it('takes a failed prepare without a reason as no answer', () => {
    expect(preparing().answer(failedAt(1, { reason: null })).deployment).toMatchObject({
      status: 'failed',
      reason: 'no_answer',
    })
  })

  it('prepares again where a prepare came too late', () => {
    const again = preparing().answer(refused('too_late')).poll([])
    expect(again.sent).toMatchObject([{ purpose: 'prepare', since: after(2) }])
    expect(again.command?.at).toBe(after(2))
  })

  it('ends the deployment where a prepare comes too late time and again', () => {
    let core = preparing()
    for (let times = 0; times < 4; times += 1) core = core.answer(refused('too_late')).dispatch([])
    expect(core.answer(refused('too_late')).deployment).toMatchObject({
      status: 'failed',
      reason: 'too_late',
    })
  })

  it('ends the deployment where preparing never helps', () => {
    let core = preparing()
    for (let times = 0; times < 4; times += 1) core = core.answer(succeededAt(1, 1)).dispatch([])
    expect(core.command?.purpose).toBe('prepare')
    expect(core.answer(succeededAt(1, 1)).deployment).toMatchObject({
      status: 'failed',
      reason: 'key_changed',
    })
  })

  it('ends the deployment where a prepare is never answered, with nothing changed', () => {
    const late = opened().dispatch([]).at(90).poll()
    expect(late.deployment).toMatchObject({
      phase: 'ended',
      reason: 'no_answer',
      openedAt: start,
      instances: [{ status: 'failed', touched: false }],
    })
  })
})
