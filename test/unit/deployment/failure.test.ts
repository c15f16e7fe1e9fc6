import { describe, expect, it } from 'vitest'
import {
  begin,
  deploying,
  issuedToThree,
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

/** Release 1 is live on the one instance, and release 2 is issued to it. */
const issued = (): Core => live(1, 1).open(openingOf(2, 1)).poll()

/** Two instances on release 1; release 2 comes up on the first and not on the second. */
const half = (): Core => live(2, 1).open(openingOf(2, 2)).serve()
const failing = (): Core =>
  half()
    .dispatch()
    .answer(failedAt(2, { serving: servingOf(1, 1) }))

const back = answerOf(instanceAt(1), 'succeeded', 'restored', { serving: servingOf(1, 1) })

describe('a missing answer', () => {
  it('takes a missing answer as lost, cancels the command and restores the live release', () => {
    const late = begin().open(openingOf(1, 1)).dispatch().at(600).poll()
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

  it('takes the missing answer of each of several instances as lost', () => {
    const waiting = answerOf(instanceAt(3), 'waiting', null)
    const late = sentToThree().at(600).answer(succeededAt(2, 2), waiting)
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
    const failed = sentToThree().answer(failedAt(2, { serving: servingOf(1, 1) }), ...others)
    expect(failed.deployment?.message).toBe(`${instanceAt(2)}: it answers 500`)
    const silent = sentToThree().answer(failedAt(2, { message: null }), ...others)
    expect(silent.deployment?.message).toBe(instanceAt(2))
  })

  it('keeps the message of the one failed of fifteen instances, and ten messages in all', () => {
    const inFifties = ec2({ rollout: { batch: { kind: 'count', value: 50 }, pauseSeconds: 0 } })
    const wide = { ...lettings, targets: [inFifties] }
    const message = 'generation 1 is live'
    const answers = Array.from({ length: 15 }, (_, at) => at + 1).map((index) =>
      index === 14 ? failedAt(index) : { ...succeededAt(index, 1), message },
    )
    const [first, ...others] = answers
    if (first === undefined) throw new Error('no answer')
    const sent = begin()
      .open(openingOf(1, 15, {}, wide))
      .dispatch()
      .answer(first)
    const failed = sent.dispatch().answer(...others)
    expect(failed.deployment).toMatchObject({
      phase: 'withdrawing',
      message: `${instanceAt(14)}: it answers 500`,
    })
    const kept = failed.instances.filter((instance) => instance.message !== null)
    expect(kept).toHaveLength(10)
    expect(kept.map(({ id }) => id)).toContain(instanceAt(14))
  })

  it('ends the deployment where the first release fails and leaves nothing serving', () => {
    const first = begin().open(openingOf(1, 1)).dispatch()
    expect(first.answer(failedAt(1)).deployment).toMatchObject({
      status: 'failed',
      phase: 'ended',
      reason: 'unhealthy',
    })
  })

  it('removes the first release where it came up on one instance only', () => {
    const failed = begin().open(openingOf(1, 2)).serve().dispatch().answer(failedAt(2))
    expect(failed.at(5).poll().sent).toMatchObject([
      { purpose: 'restore', release: null, instances: [instanceAt(1)] },
    ])
  })

  it('stops at the first failure and restores the instances that left the live release', () => {
    expect(failing().deployment).toMatchObject({
      phase: 'withdrawing',
      reason: 'unhealthy',
      message: `${instanceAt(2)}: it answers 500`,
    })
    expect(failing().at(10).poll().sent).toMatchObject([
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

describe('a restore', () => {
  it.each<[string, () => Core]>([
    ['came up with the new release', () => failing()],
    ['never answered', () => deploying().at(600).poll()],
    [
      'failed and serves something else',
      () => deploying().answer(failedAt(1, { serving: servingOf(2, 2) })),
    ],
    ['failed and serves nothing', () => deploying().answer(failedAt(1, { serving: null }))],
    [
      'may have been changed and is to be deployed to again',
      () => issued().at(30).dispatch().answer(again()).say({ kind: 'cancel' }).poll(),
    ],
  ])('restores an instance that %s', (_what, from) => {
    expect(from().deployment?.phase).toBe('withdrawing')
    expect(from().poll().sent).toMatchObject([
      { purpose: 'restore', release: { generation: 1 }, instances: [instanceAt(1)] },
    ])
  })

  it.each<[string, () => Core]>([
    [
      'failed and serves the live release',
      () => deploying().answer(failedAt(1, { serving: servingOf(1, 1) })),
    ],
    ['was never sent to', () => live(1, 1).open(openingOf(2, 1)).say({ kind: 'cancel' }).poll()],
    [
      'was not changed and is to be deployed to again',
      () => deploying().answer(again()).say({ kind: 'cancel' }).poll(),
    ],
    ['refused', () => deploying().answer(refused('owned_by_other', { serving: servingOf(2, 2) }))],
    ['is back', () => deploying().answer(failedAt(1)).dispatch().answer(back).poll()],
    [
      'was asked in vain',
      () => deploying().answer(failedAt(1)).dispatch().answer(failedAt(1)).poll(),
    ],
  ])('does not restore an instance that %s', (_what, from) => {
    expect(from().deployment?.phase).toBe('ended')
    expect(from().poll().sent).toEqual([])
  })

  it('fails the deployment once its instances are restored, and the release before is live', () => {
    const restored = failing().at(10).dispatch().at(12).answer(back).poll()
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
    const third = begin().open(opening).serve().serve().poll()
    const ids = third.instances.map(({ id }) => id)
    expect(third.sent).toMatchObject([{ instances: ids.slice(51, 101) }])
    const lost = third.send().at(600).poll()
    expect(lost.deployment?.phase).toBe('withdrawing')
    expect(lost.poll().sent).toMatchObject([{ purpose: 'restore', instances: ids.slice(0, 50) }])
  })

  it('restores each target with a command of its own', () => {
    const settings = { ...lettings, targets: twoFleets() }
    const candidates = [
      candidateAt(1, { target: firstTarget }),
      candidateAt(2, { target: secondTarget }),
      candidateAt(3, { target: secondTarget }),
    ]
    const opening = openingOf(2, 3, { candidates }, settings)
    const failed = live(3, 1).open(opening).serve().dispatch().answer(failedAt(2))
    const first = failed.at(10).poll()
    expect(first.sent).toMatchObject([
      { purpose: 'restore', target: firstTarget, instances: [instanceAt(1)] },
    ])
    const second = first.send().at(12).answer(back).poll()
    expect(second.sent).toMatchObject([
      { purpose: 'restore', target: secondTarget, instances: [instanceAt(2)] },
    ])
  })

  it('names the instances that could not be restored in time', () => {
    const lost = failing().at(10).dispatch().at(900).poll()
    expect(lost.statuses).toEqual(['unknown', 'failed'])
    expect(lost.cancelled).toEqual([{ target: firstTarget, operation: 'command-1' }])
    const ended = lost.poll()
    expect(ended.deployment).toMatchObject({
      status: 'failed',
      reason: 'unhealthy',
      message: `${instanceAt(2)}: it answers 500; not brought back: ${instanceAt(1)}`,
      instances: [{ status: 'unknown', reason: 'not_restored' }, { status: 'failed' }],
    })
  })

  it('does not begin a restore for which no time is left', () => {
    const ended = failing().at(890).poll()
    expect(ended.deployment).toMatchObject({ phase: 'ended', reason: 'unhealthy' })
    expect(ended.statuses).toEqual(['unknown', 'failed'])
    expect(ended.sent).toEqual([])
  })
})

describe('the answer to a restore', () => {
  const restoring = (): Core => deploying().at(600).poll().dispatch().at(610)

  it('ends the deployment once a restore is done', () => {
    expect(restoring().answer(back).poll().deployment).toMatchObject({
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
    expect(answered.poll().deployment).toMatchObject({ phase: 'ended', status: 'failed' })
  })

  it('repeats a restore whose fence is too low, above that fence', () => {
    const answered = restoring().answer(refused('superseded_fence', { fenceSeen: 90 }))
    expect(answered.poll().sent).toMatchObject([{ purpose: 'restore', fence: 92 }])
  })

  it('repeats a restore whose fence is too low twice at most', () => {
    let core = restoring()
    for (const retries of [1, 2]) {
      core = core.answer(refused('superseded_fence'))
      expect(core.instances).toMatchObject([{ status: 'lost', retries }])
      core = core.dispatch()
    }
    expect(core.answer(refused('superseded_fence')).statuses).toEqual(['unknown'])
  })

  it('names all instances that are not restored', () => {
    const others = [failedAt(3), failedAt(4)]
    const failed = sentToThree().answer(failedAt(2), ...others)
    const ended = failed
      .dispatch()
      .answer(back, failedAt(2), ...others)
      .poll()
    expect(ended.deployment?.message).toBe(
      `${instanceAt(2)}: it answers 500; not brought back: ${[2, 3, 4].map(instanceAt).join(', ')}`,
    )
  })
})

describe('an instance that the command does not reach', () => {
  it('ends the deployment without a restore where a command reaches no instance', () => {
    expect(issued().send([unreachable(1)], null).deployment).toMatchObject({
      status: 'failed',
      phase: 'ended',
      reason: 'instance_offline',
      message: 'InvalidInstanceId',
      instances: [{ status: 'failed', touched: false }],
    })
  })

  it('fails the deployment for an instance that was not reached once the others have answered', () => {
    const sent = issuedToThree().send([unreachable(3)])
    expect(sent.command?.instances).toEqual([instanceAt(2), instanceAt(4)])
    const answered = sent.at(3).answer(succeededAt(2, 2), succeededAt(4, 2))
    expect(answered.deployment).toMatchObject({
      phase: 'withdrawing',
      reason: 'instance_offline',
    })
    const restored = [instanceAt(1), instanceAt(2), instanceAt(4)]
    expect(answered.poll().sent).toMatchObject([{ purpose: 'restore', instances: restored }])
  })

  it('restores an instance that the first of two senders may have reached', () => {
    expect(
      issued()
        .at(30)
        .poll()
        .send([unreachable(1)], null).deployment,
    ).toMatchObject({
      phase: 'withdrawing',
      reason: 'instance_offline',
      instances: [{ status: 'lost', touched: true }],
    })
  })

  it('leaves an instance unknown where its restore does not reach it', () => {
    const restoring = deploying().at(600).poll().poll()
    expect(restoring.sent).toMatchObject([{ purpose: 'restore' }])
    expect(restoring.send([unreachable(1)], null).instances).toMatchObject([
      { status: 'unknown', reason: 'not_restored', touched: true },
    ])
  })
})
