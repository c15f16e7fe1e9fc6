import { describe, expect, it } from 'vitest'
import type { Answer } from '../../../src/deployment/step.ts'
import { begin, live, type Core } from '../../support/core.ts'
import {
  after,
  candidateAt,
  failedAt,
  firstTarget,
  instanceAt,
  lettings,
  openingOf,
  secondTarget,
  servingOf,
  succeededAt,
  twoFleets,
} from '../../support/deployments.ts'
import { answerOf } from '../../support/hosts.ts'
import { ec2 } from '../../support/examples.ts'

/** Release 1 is live on the one instance, and release 2 is sent to it. */
const ordered = (): Core => live(1, 1).open(openingOf(2, 1)).look()
const deploying = (): Core => ordered().send()

/** Release 1 is live on four instances; the second wave of release 2 is ordered for three of them. */
const beforeWide = (): Core => {
  const inThrees = ec2({ rollout: { batch: { kind: 'count', value: 3 }, pauseSeconds: 0 } })
  const opening = openingOf(2, 4, {}, { ...lettings, targets: [inThrees] })
  return live(4, 1).open(opening).serve().look()
}
const wide = (): Core => beforeWide().send()

/** Two instances on release 1; release 2 comes up on the first and not on the second. */
const half = (): Core => live(2, 1).open(openingOf(2, 2)).serve()
const failing = (): Core =>
  half()
    .look()
    .send()
    .answer(failedAt(2, { serving: servingOf(1, 1) }))

const refused = (reason: Answer['reason'], changes: Partial<Answer> = {}) =>
  answerOf(instanceAt(1), 'refused', reason, { serving: servingOf(1, 1), ...changes })
const back = answerOf(instanceAt(1), 'succeeded', 'restored', { serving: servingOf(1, 1) })
const offline = (index: number) =>
  answerOf(instanceAt(index), 'failed', 'instance_offline', { message: 'InvalidInstanceId' })

describe('an answer that does not come in time', () => {
  it('takes a missing answer as lost, cancels the command and brings the live release back', () => {
    const late = begin().open(openingOf(1, 1)).look().send().at(600).look()
    expect(late.deployment).toMatchObject({
      phase: 'withdrawing',
      status: 'in_progress',
      reason: 'no_answer',
      endedAt: null,
      instances: [{ status: 'lost', reason: 'no_answer', touched: true }],
    })
    expect(late.command).toBeNull()
    expect(late.sent).toEqual([])
    expect(late.cancelled).toEqual([{ target: firstTarget, operation: 'command-1' }])
  })

  it('takes the answer of each instance that did not give one in time as lost', () => {
    const waiting = answerOf(instanceAt(3), 'waiting', null)
    const late = wide().at(600).answer(succeededAt(2, 2), waiting)
    expect(late.statuses).toEqual(['succeeded', 'succeeded', 'lost', 'lost'])
    expect(late.deployment).toMatchObject({ phase: 'withdrawing', reason: 'no_answer' })
  })
})

describe('a failure', () => {
  it('keeps the reason of a lost command that has one', () => {
    const full = answerOf(instanceAt(1), 'lost', 'disk_full')
    expect(deploying().at(5).answer(full).deployment).toMatchObject({
      phase: 'withdrawing',
      reason: 'disk_full',
    })
  })

  it.each([
    ['failed', failedAt(1, { reason: null, serving: servingOf(1, 1) })],
    ['lost', answerOf(instanceAt(1), 'lost', null)],
  ])('takes a command that is %s without a reason as not answered', (_what, answer) => {
    expect(deploying().at(5).answer(answer).deployment?.reason).toBe('no_answer')
  })

  it('ends the deployment where a failure left the live release serving', () => {
    const failed = deploying()
      .at(5)
      .answer(failedAt(1, { serving: servingOf(1, 1) }))
    expect(failed.deployment).toMatchObject({
      status: 'failed',
      phase: 'ended',
      reason: 'unhealthy',
      message: 'it answers 500',
      rolledBackBy: null,
      endedAt: after(5),
      instances: [{ status: 'failed', serving: { generation: 1 } }],
    })
  })

  it('leaves the live release as it was when a deployment fails', () => {
    const before = deploying()
    const failed = before.answer(failedAt(1, { serving: servingOf(1, 1) }))
    expect(failed.deployment?.phase).toBe('ended')
    expect(failed.releases).toBe(before.releases)
  })

  it('names the instance that failed among several', () => {
    const others = [succeededAt(3, 2), succeededAt(4, 2)]
    const failed = wide().answer(failedAt(2, { serving: servingOf(1, 1) }), ...others)
    expect(failed.deployment?.message).toBe(`${instanceAt(2)}: it answers 500`)
    const silent = wide().answer(failedAt(2, { message: null }), ...others)
    expect(silent.deployment?.message).toBe(instanceAt(2))
  })

  it('ends the deployment where the first release fails and leaves nothing serving', () => {
    const first = begin().open(openingOf(1, 1)).look().send()
    expect(first.answer(failedAt(1)).deployment).toMatchObject({
      status: 'failed',
      phase: 'ended',
      reason: 'unhealthy',
    })
  })

  it('takes the first release down again where it came up on one instance only', () => {
    const failed = begin().open(openingOf(1, 2)).serve().look().send().answer(failedAt(2))
    expect(failed.at(5).look().sent).toMatchObject([
      { purpose: 'restore', release: null, instances: [instanceAt(1)] },
    ])
  })

  it('stops at the first failure and brings the live release back to the instances that left it', () => {
    expect(failing().deployment).toMatchObject({
      phase: 'withdrawing',
      reason: 'unhealthy',
      message: `${instanceAt(2)}: it answers 500`,
    })
    expect(failing().at(10).look().sent).toMatchObject([
      {
        purpose: 'restore',
        generation: 2,
        release: { generation: 1 },
        instances: [instanceAt(1)],
        notAfter: after(900),
      },
    ])
  })
})

const again = () => refused('key_changed')

describe('bringing the live release back', () => {
  it.each<[string, () => Core]>([
    ['came up with the new release', () => failing()],
    ['never answered', () => deploying().at(600).look()],
    [
      'failed and serves something else',
      () => deploying().answer(failedAt(1, { serving: servingOf(2, 2) })),
    ],
    ['failed and serves nothing', () => deploying().answer(failedAt(1, { serving: null }))],
    [
      'may have been changed and is to be deployed to again',
      () => ordered().at(30).look().send().answer(again()).say({ kind: 'cancel' }).look(),
    ],
  ])('restores an instance that %s', (_what, from) => {
    expect(from().deployment?.phase).toBe('withdrawing')
    expect(from().look().sent).toMatchObject([
      { purpose: 'restore', release: { generation: 1 }, instances: [instanceAt(1)] },
    ])
  })

  it.each<[string, () => Core]>([
    [
      'failed and serves the live release',
      () => deploying().answer(failedAt(1, { serving: servingOf(1, 1) })),
    ],
    ['was never sent to', () => live(1, 1).open(openingOf(2, 1)).say({ kind: 'cancel' }).look()],
    [
      'was not changed and is to be deployed to again',
      () => deploying().answer(again()).say({ kind: 'cancel' }).look(),
    ],
    ['refused', () => deploying().answer(refused('owned_by_other', { serving: servingOf(2, 2) }))],
    ['is back', () => deploying().answer(failedAt(1)).look().send().answer(back).look()],
    [
      'was asked in vain',
      () => deploying().answer(failedAt(1)).look().send().answer(failedAt(1)).look(),
    ],
  ])('does not restore an instance that %s', (_what, from) => {
    expect(from().deployment?.phase).toBe('ended')
    expect(from().look().sent).toEqual([])
  })

  it('fails the deployment once its instances are restored, and the release before is live', () => {
    const restored = failing().at(10).look().send().at(12).answer(back).look()
    expect(restored.deployment).toMatchObject({
      status: 'failed',
      reason: 'unhealthy',
      message: `${instanceAt(2)}: it answers 500`,
      endedAt: after(12),
    })
    expect(restored.statuses).toEqual(['restored', 'failed'])
    expect(restored.releases.map(({ generation }) => generation)).toEqual([1])
  })

  it('restores at most 50 instances with one command', () => {
    const all = ec2({ rollout: { batch: { kind: 'percent', value: 100 }, pauseSeconds: 0 } })
    const opening = openingOf(1, 120, {}, { ...lettings, targets: [all] })
    const third = begin().open(opening).serve().serve().look()
    const ids = third.instances.map(({ id }) => id)
    expect(third.sent).toMatchObject([{ instances: ids.slice(51, 101) }])
    const lost = third.send().at(600).look()
    expect(lost.deployment?.phase).toBe('withdrawing')
    expect(lost.look().sent).toMatchObject([{ purpose: 'restore', instances: ids.slice(0, 50) }])
  })

  it('restores each target with a command of its own', () => {
    const settings = { ...lettings, targets: twoFleets() }
    const candidates = [
      candidateAt(1, { target: firstTarget }),
      candidateAt(2, { target: secondTarget }),
      candidateAt(3, { target: secondTarget }),
    ]
    const opening = openingOf(2, 3, { candidates }, settings)
    const failed = live(3, 1).open(opening).serve().look().send().answer(failedAt(2))
    const first = failed.at(10).look()
    expect(first.sent).toMatchObject([
      { purpose: 'restore', target: firstTarget, instances: [instanceAt(1)] },
    ])
    const second = first.send().at(12).answer(back).look()
    expect(second.sent).toMatchObject([
      { purpose: 'restore', target: secondTarget, instances: [instanceAt(2)] },
    ])
  })

  it('names the instances that could not be restored in time', () => {
    const lost = failing().at(10).look().send().at(900).look()
    expect(lost.statuses).toEqual(['unknown', 'failed'])
    expect(lost.cancelled).toEqual([{ target: firstTarget, operation: 'command-1' }])
    const ended = lost.look()
    expect(ended.deployment).toMatchObject({
      status: 'failed',
      reason: 'unhealthy',
      message: `${instanceAt(2)}: it answers 500; not brought back: ${instanceAt(1)}`,
      instances: [{ status: 'unknown', reason: 'not_restored' }, { status: 'failed' }],
    })
  })

  it('does not begin a restore for which no time is left', () => {
    const ended = failing().at(890).look()
    expect(ended.deployment).toMatchObject({ phase: 'ended', reason: 'unhealthy' })
    expect(ended.statuses).toEqual(['unknown', 'failed'])
    expect(ended.sent).toEqual([])
  })
})

describe('the answer to a restore', () => {
  const restoring = (): Core => deploying().at(600).look().look().send().at(610)

  it('ends the deployment once a restore is done', () => {
    expect(restoring().answer(back).look().deployment).toMatchObject({
      phase: 'ended',
      status: 'failed',
      reason: 'no_answer',
      instances: [{ status: 'restored', serving: { generation: 1 } }],
    })
  })

  it.each([
    ['is a failure', failedAt(1)],
    ['is lost', answerOf(instanceAt(1), 'lost', 'no_answer')],
    ['is a refusal', refused('too_late')],
  ])('leaves an instance unknown where the answer to its restore %s', (_name, answer) => {
    const answered = restoring().answer(answer)
    expect(answered.instances).toMatchObject([
      { status: 'unknown', reason: 'not_restored', touched: true },
    ])
    expect(answered.look().deployment).toMatchObject({ phase: 'ended', status: 'failed' })
  })

  it('repeats a restore whose fence is too low, above that fence', () => {
    const answered = restoring().answer(refused('superseded_fence', { fenceSeen: 90 }))
    expect(answered.look().sent).toMatchObject([{ purpose: 'restore', fence: 92 }])
  })

  it('repeats a restore whose fence is too low twice at most', () => {
    let core = restoring()
    for (const retries of [1, 2]) {
      core = core.answer(refused('superseded_fence'))
      expect(core.instances).toMatchObject([{ status: 'lost', retries }])
      core = core.look().send()
    }
    expect(core.answer(refused('superseded_fence')).statuses).toEqual(['unknown'])
  })

  it('names all instances that are not restored', () => {
    const others = [failedAt(3), failedAt(4)]
    const failed = wide().answer(failedAt(2), ...others)
    const ended = failed
      .look()
      .send()
      .answer(back, failedAt(2), ...others)
      .look()
    expect(ended.deployment?.message).toBe(
      `${instanceAt(2)}: it answers 500; not brought back: ${[2, 3, 4].map(instanceAt).join(', ')}`,
    )
  })
})

describe('an instance that the command does not reach', () => {
  it('ends the deployment without a restore where a command reaches no instance', () => {
    expect(ordered().send([offline(1)], null).deployment).toMatchObject({
      status: 'failed',
      phase: 'ended',
      reason: 'instance_offline',
      message: 'InvalidInstanceId',
      instances: [{ status: 'failed', touched: false }],
    })
  })

  it('fails the deployment for an instance that was not reached once the others have answered', () => {
    const sent = beforeWide().send([offline(3)])
    expect(sent.command?.instances).toEqual([instanceAt(2), instanceAt(4)])
    const answered = sent.at(3).answer(succeededAt(2, 2), succeededAt(4, 2))
    expect(answered.deployment).toMatchObject({
      phase: 'withdrawing',
      reason: 'instance_offline',
    })
    const restored = [instanceAt(1), instanceAt(2), instanceAt(4)]
    expect(answered.look().sent).toMatchObject([{ purpose: 'restore', instances: restored }])
  })

  it('restores an instance that the first of two senders may have reached', () => {
    expect(
      ordered()
        .at(30)
        .look()
        .send([offline(1)], null).deployment,
    ).toMatchObject({
      phase: 'withdrawing',
      reason: 'instance_offline',
      instances: [{ status: 'lost', touched: true }],
    })
  })

  it('leaves an instance unknown where its restore does not reach it', () => {
    const restoring = deploying().at(600).look().look()
    expect(restoring.sent).toMatchObject([{ purpose: 'restore' }])
    expect(restoring.send([offline(1)], null).instances).toMatchObject([
      { status: 'unknown', reason: 'not_restored', touched: true },
    ])
  })
})
