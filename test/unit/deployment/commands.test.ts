import { describe, expect, it } from 'vitest'
import type { Answer } from '../../../src/deployment/step.ts'
import { begin, live, type Core } from '../../support/core.ts'
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
import { ec2 } from '../../support/examples.ts'

const opened = (): Core => begin().open(openingOf(1, 1))

/** Release 1 is live on the one instance, and release 2 is sent to it. */
const deploying = (): Core => live(1, 1).open(openingOf(2, 1)).look().send()

/** Release 1 is live on four instances; the second wave of release 2 is ordered for three of them. */
const beforeWide = (): Core => {
  const inThrees = ec2({ rollout: { batch: { kind: 'count', value: 3 }, pauseSeconds: 0 } })
  const opening = openingOf(2, 4, {}, { ...lettings, targets: [inThrees] })
  return live(4, 1).open(opening).serve().look()
}
const wide = (): Core => beforeWide().send()

const refused = (reason: Answer['reason'], changes: Partial<Answer> = {}) =>
  answerOf(instanceAt(1), 'refused', reason, { serving: servingOf(1, 1), ...changes })
const waiting = (index: number) => answerOf(instanceAt(index), 'waiting', null)
const offline = (index: number) =>
  answerOf(instanceAt(index), 'failed', 'instance_offline', { message: 'InvalidInstanceId' })

describe('sending', () => {
  it('sends a command when it is ordered, and not again when it is out', () => {
    const looked = opened().look()
    expect(looked.sent).toHaveLength(1)
    expect(looked.send().sent).toEqual([])
  })

  it('does not send a command again because something else is written before it is out', () => {
    const frozen = opened().look().at(1).say({ kind: 'freeze', reason: 'exams' })
    expect(frozen.freeze).not.toBeNull()
    expect(frozen.command?.operation).toBeNull()
    expect(frozen).toMatchObject({ sent: [], cancelled: [] })
  })

  it('keeps the handle by which a command is observed', () => {
    expect(deploying().command?.operation).toBe('command-1')
  })

  it('ignores that a command was sent for a deployment that is gone', () => {
    const sent = { kind: 'sent', fence: fenceOf(1), operation: 'command-1', missing: [] } as const
    expect(begin().see(sent).changed).toBe(false)
  })

  it('observes a command that was sent twice by the handle that was known first', () => {
    const { fence = fenceOf(0) } = deploying().command ?? {}
    const sent = { kind: 'sent', fence } as const
    const second = { ...sent, operation: 'command-2', missing: [] }
    expect(deploying().at(1).see(second).changed).toBe(false)
    const inVain = { ...sent, operation: null, missing: [offline(1)] }
    expect(deploying().at(1).see(inVain).changed).toBe(false)
  })

  it('keeps an instance pending in one target where it could not be reached in another', () => {
    const candidates = [firstTarget, secondTarget].map((target) => candidateAt(1, { target }))
    const settings = { ...lettings, targets: twoFleets() }
    const looked = begin()
      .open(openingOf(1, 2, { candidates }, settings))
      .look()
    expect(looked.send([offline(1)], null).statuses).toEqual(['failed', 'pending'])
  })
})

describe('a command that was never sent', () => {
  it('leaves a command that was not sent to the reconciler that ordered it for 20 s', () => {
    expect(opened().look().at(19.999).look().changed).toBe(false)
  })

  it('sends a command again after 20 s, under the same fence and within what is left of its time', () => {
    const first = opened().look()
    const again = first.at(60).look()
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

  it('does not send a command again where the host could not be done in time', () => {
    expect(opened().look().at(590).look().changed).toBe(false)
  })

  it('orders a prepare that was never sent anew, also past its time', () => {
    for (const seconds of [21, 100]) {
      const again = opened().look([]).at(seconds).look([])
      expect(again.sent).toMatchObject([
        { purpose: 'prepare', fence: again.version, notAfter: after(seconds + 90) },
      ])
      expect(again.command).toMatchObject({ at: after(seconds), repeated: false })
    }
  })

  it('does not cancel a command that was never sent', () => {
    const late = opened().look().at(600).look()
    expect(late.deployment?.reason).toBe('no_answer')
    expect(late).toMatchObject({ sent: [], cancelled: [] })
  })
})

describe('cancelling a command', () => {
  it('does not cancel a command that was answered, though others have still to be deployed to', () => {
    const candidates = [
      candidateAt(1, { target: firstTarget }),
      candidateAt(2, { target: firstTarget }),
      candidateAt(1, { target: secondTarget }),
    ]
    const settings = { ...lettings, targets: twoFleets() }
    const sent = begin()
      .open(openingOf(1, 3, { candidates }, settings))
      .look()
      .send()
      .at(5)
    expect(sent.answer(succeededAt(1, 1))).toMatchObject({ sent: [], cancelled: [] })
    const failed = sent.answer(failedAt(1))
    expect(failed.deployment?.reason).toBe('unhealthy')
    expect(failed).toMatchObject({ sent: [], cancelled: [] })
  })

  it('does not cancel a prepare that every instance has answered', () => {
    expect(opened().look([]).send().answer(succeededAt(1, 1))).toMatchObject({ cancelled: [] })
  })
})

describe('answers to a command', () => {
  it('waits until all instances of a command have answered', () => {
    const sent = wide().at(5)
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
  it('orders another command where an instance refuses for a changed key, with nothing touched so far', () => {
    const answered = deploying().at(5).answer(refused('key_changed'))
    expect(answered.deployment).toMatchObject({
      phase: 'advancing',
      instances: [{ status: 'pending', touched: false, retries: 1 }],
    })
    expect(answered.command).toBeNull()
    expect(answered.look([]).sent).toMatchObject([{ purpose: 'prepare' }])
  })

  it('raises the version above the fence that an instance saw before the table was restored', () => {
    const answer = refused('superseded_fence', { fenceSeen: 70 })
    expect(deploying().at(5).answer(answer).look().sent).toMatchObject([
      { purpose: 'deploy', fence: 72 },
    ])
  })

  it('does not raise the version for a fence below it', () => {
    const before = deploying()
    const answer = refused('superseded_fence', { fenceSeen: 1 })
    expect(before.at(5).answer(answer).version).toBe(before.version + 1)
  })

  it('repeats a refused command twice at most', () => {
    let core = deploying().at(5)
    for (const retries of [1, 2]) {
      core = core.answer(refused('superseded_fence'))
      expect(core.instances).toMatchObject([{ retries }])
      core = core.look().send()
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
    const again = live(1, 1).open(openingOf(2, 1)).look().at(30).look().send().at(40)
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
    const answered = wide().at(5).answer(succeededAt(2, 2), reused, succeededAt(4, 2))
    expect(answered.deployment?.generation).toBe(3)
    expect(answered.statuses).toEqual(['pending', 'pending', 'pending', 'pending'])
    expect(answered.look().sent).toMatchObject([{ generation: 3, instances: [instanceAt(1)] }])
  })

  it('does not hide the failure of another instance when it gives a new number', () => {
    const reused = { ...refused('superseded_fence'), id: instanceAt(3), serving: servingOf(2, 1) }
    const answered = wide().at(5).answer(failedAt(2), reused, succeededAt(4, 2))
    expect(answered.deployment).toMatchObject({ phase: 'withdrawing', reason: 'unhealthy' })
  })

  it('keeps the number where the instance serves nothing, or only gave way', () => {
    const nothing = refused('superseded_fence', { serving: null })
    expect(deploying().at(5).answer(nothing).generation).toBe(2)
    const gaveWay = failedAt(1, { reason: 'superseded_fence', serving: servingOf(9, 1) })
    expect(deploying().at(5).answer(gaveWay).generation).toBe(2)
  })

  it('keeps the number where the instance claims one that no app can have come to', () => {
    const answer = refused('superseded_fence', { serving: servingOf(10_000_000, 1) })
    expect(deploying().at(5).answer(answer).generation).toBe(2)
    const highest = refused('superseded_fence', { serving: servingOf(9_999_999, 1) })
    expect(deploying().at(5).answer(highest).generation).toBe(10_000_000)
  })

  it('keeps the number while the live release is brought back', () => {
    const failed = deploying().at(5).answer(failedAt(1)).at(6).look()
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
      .look()
    expect(repairing.sent).toMatchObject([{ purpose: 'deploy', generation: 1, numberedAt: null }])
    const repaired = repairing.send().answer({ ...answer, id: instanceAt(2) })
    expect(repaired.generation).toBe(1)
    expect(repaired.repair).toMatchObject({ generation: 1, release: { generation: 1 } })
    const back = live(1, 1, 2).say({ kind: 'rollback', to: null }).openRollback().look().send()
    expect(back.answer(answer).deployment).toMatchObject({
      generation: 3,
      release: { generation: 1 },
    })
  })
})

describe('the answer to a prepare', () => {
  const preparing = (): Core => opened().look([]).send().at(2)

  it('deploys once a prepare is answered', () => {
    const answered = preparing().answer(succeededAt(1, 1))
    expect(answered.statuses).toEqual(['pending'])
    expect(answered.look().sent).toMatchObject([{ purpose: 'deploy' }])
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
    const again = preparing().answer(refused('too_late')).look([])
    expect(again.sent).toMatchObject([{ purpose: 'prepare', since: after(2) }])
    expect(again.command?.at).toBe(after(2))
  })

  it('ends the deployment where a prepare comes too late time and again', () => {
    let core = preparing()
    for (let times = 0; times < 4; times += 1)
      core = core.answer(refused('too_late')).look([]).send()
    expect(core.answer(refused('too_late')).deployment).toMatchObject({
      status: 'failed',
      reason: 'too_late',
    })
  })

  it('ends the deployment where preparing never helps', () => {
    let core = preparing()
    for (let times = 0; times < 4; times += 1) core = core.answer(succeededAt(1, 1)).look([]).send()
    expect(core.command?.purpose).toBe('prepare')
    expect(core.answer(succeededAt(1, 1)).deployment).toMatchObject({
      status: 'failed',
      reason: 'key_changed',
    })
  })

  it('ends the deployment where a prepare is never answered, with nothing changed', () => {
    const late = opened().look([]).send().at(90).look()
    expect(late.deployment).toMatchObject({
      phase: 'ended',
      reason: 'no_answer',
      openedAt: start,
      instances: [{ status: 'failed', touched: false }],
    })
  })
})
