import { describe, expect, it } from 'vitest'
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
  start,
  succeededAt,
  twoFleets,
} from '../../support/deployments.ts'
import { answerOf } from '../../support/hosts.ts'
import { ec2 } from '../../support/examples.ts'

const opened = (instances: number): Core => begin().open(openingOf(1, instances))
const touchedOf = ({ instances }: Core) => instances.map(({ touched }) => touched)

const twoTargets = { ...lettings, targets: twoFleets() }
const inTwos = { kind: 'count', value: 2 } as const

describe('the next wave', () => {
  it('prepares the instances of a wave without a fresh certificate first, touching nothing', () => {
    const looked = opened(2).look([instanceAt(2)])
    expect(looked.sent).toEqual([
      {
        purpose: 'prepare',
        app: 'oc-lettings',
        kind: 'deploy',
        generation: 1,
        fence: 2,
        openedAt: start,
        numberedAt: null,
        since: start,
        release: looked.deployment?.release,
        settings: lettings,
        target: firstTarget,
        instances: [instanceAt(1)],
        predeployOn: null,
        notAfter: after(90),
        hostSeconds: 60,
      },
    ])
    expect(looked.command).toEqual({
      purpose: 'prepare',
      target: firstTarget,
      instances: [instanceAt(1)],
      fence: 2,
      since: start,
      at: start,
      repeated: false,
      operation: null,
      deadlineAt: after(90),
      hostSeconds: 60,
    })
    expect(looked.deployment).toMatchObject({
      status: 'in_progress',
      sentAt: null,
      instances: [{ touched: false }, { touched: false }],
    })
    expect(looked.cancelled).toEqual([])
  })

  it('deploys to the first instance alone, under the version of the write that orders it', () => {
    const looked = opened(3).look()
    expect(looked.sent).toMatchObject([
      {
        purpose: 'deploy',
        generation: 1,
        release: { generation: 1 },
        instances: [instanceAt(1)],
        fence: looked.version,
        notAfter: after(600),
      },
    ])
    expect(looked.deployment?.sentAt).toBe(start)
    expect(touchedOf(looked)).toEqual([true, false, false])
  })

  it('prepares a wave where it must, and then deploys to all of it', () => {
    const settings = {
      ...lettings,
      targets: [ec2({ rollout: { batch: inTwos, pauseSeconds: 0 } })],
    }
    const first = begin()
      .open(openingOf(1, 3, {}, settings))
      .serve()
    const second = first.look([instanceAt(1), instanceAt(3)])
    expect(second.sent).toMatchObject([{ purpose: 'prepare', instances: [instanceAt(2)] }])
    const prepared = second.send().answer(succeededAt(2, 1)).look()
    expect(prepared.sent).toMatchObject([
      { purpose: 'deploy', instances: [instanceAt(2), instanceAt(3)] },
    ])
  })

  it('orders the next wave once the one before has succeeded', () => {
    const looked = opened(2).serve().at(5).look()
    expect(looked.sent).toMatchObject([{ instances: [instanceAt(2)], since: after(5) }])
    expect(looked.command?.at).toBe(after(5))
    expect(looked.command?.fence).toBeGreaterThan(2)
  })

  it('goes through the targets in their order, whatever the order of the instances', () => {
    const candidates = [
      candidateAt(2, { target: secondTarget }),
      candidateAt(1, { target: firstTarget }),
    ]
    const looked = begin()
      .open(openingOf(1, 2, { candidates }, twoTargets))
      .look()
    expect(looked.sent).toMatchObject([{ target: firstTarget, instances: [instanceAt(1)] }])
  })

  it('orders nothing while a command is out and in its time', () => {
    expect(opened(1).look().send().at(599).look().changed).toBe(false)
  })

  it('orders nothing without a deployment, nor after its end', () => {
    expect(begin().look().changed).toBe(false)
    expect(opened(0).at(5).look().changed).toBe(false)
  })

  it('fails the deployment where too little time is left to begin a wave', () => {
    expect(opened(1).at(579).look().deployment).toMatchObject({
      status: 'failed',
      reason: 'deadline_passed',
    })
  })

  it('orders no further wave where one instance of a deploy or a redeploy has failed', () => {
    for (const kind of ['deploy', 'redeploy'] as const) {
      const sent = begin()
        .open(openingOf(1, 2, { kind }))
        .look()
        .send()
      expect(sent.answer(failedAt(1)).deployment).toMatchObject({ phase: 'ended' })
    }
  })
})

describe('an instance that is in two targets', () => {
  const inBoth = (): Core => {
    const candidates = [
      candidateAt(1, { target: firstTarget }),
      candidateAt(2, { target: firstTarget }),
      candidateAt(1, { target: secondTarget }),
    ]
    return begin().open(openingOf(1, 3, { candidates }, twoTargets))
  }

  it('finishes one target before it begins the next, also for an instance in both', () => {
    expect(inBoth().serve().look().sent).toMatchObject([
      { target: firstTarget, instances: [instanceAt(2)] },
    ])
  })

  it('knows an instance in two targets in each of them for itself', () => {
    expect(touchedOf(inBoth().look())).toEqual([true, false, false])
    expect(inBoth().serve().statuses).toEqual(['succeeded', 'pending', 'pending'])
  })
})

describe('the last wave', () => {
  it('ends the deployment after its last wave and makes its release the live one', () => {
    const ended = opened(1).serve().at(9).look()
    expect(ended.deployment).toMatchObject({
      status: 'succeeded',
      reason: 'deployed',
      phase: 'ended',
      endedAt: after(9),
    })
    expect(ended.command).toBeNull()
    expect(ended.releases).toEqual([ended.deployment?.release])
    expect(ended.watcher).toBeNull()
  })

  it('keeps the live release and the four before it', () => {
    const { releases } = live(1, 1, 2, 3, 4, 5, 6, 7)
    expect(releases.map(({ generation }) => generation)).toEqual([7, 6, 5, 4, 3])
  })
})

describe('who looks again', () => {
  it('names the reconciler that ordered a command as the one that looks again, for 25 s', () => {
    expect(opened(1).look().watcher).toEqual({ by: 'ada', until: after(25) })
  })
})

describe('a pause between two waves', () => {
  const patient = (pauseSeconds: number) => ({
    ...lettings,
    targets: [ec2({ rollout: { batch: inTwos, pauseSeconds } })],
  })
  /** The first instance has the release at `start`; the other waves are of two. */
  const afterFirst = (instances: number, settings = patient(120)): Core =>
    begin()
      .open(openingOf(1, instances, {}, settings))
      .serve()

  it('holds the next wave until a pause is over, with nothing sent and no reconciler watching', () => {
    const paused = afterFirst(3)
    expect(paused.deployment).toMatchObject({ pausedUntil: after(120) })
    expect(paused.command).toBeNull()
    expect(paused.watcher).toBeNull()
    const early = paused.at(119).look()
    expect(early).toMatchObject({ changed: false, sent: [], cancelled: [] })
    const late = paused.at(120).look()
    expect(late.sent).toMatchObject([{ instances: [instanceAt(2), instanceAt(3)] }])
    expect(late.deployment?.pausedUntil).toBeNull()
  })

  it('does not pause after the last wave', () => {
    const alone = afterFirst(1)
    expect(alone.deployment?.pausedUntil).toBeNull()
    expect(alone.look().deployment).toMatchObject({ status: 'succeeded' })
  })

  it('does not pause after a wave that is to be sent again', () => {
    const sent = begin()
      .open(openingOf(1, 2, {}, patient(120)))
      .look()
      .send()
    const again = sent.answer(answerOf(instanceAt(1), 'refused', 'key_changed'))
    expect(again.deployment?.pausedUntil).toBeNull()
    expect(again.look().sent).toMatchObject([{ instances: [instanceAt(1)] }])
  })

  it('ends a pause at once where the deployment is cancelled', () => {
    const paused = live(1, 1)
      .open(openingOf(2, 3, {}, patient(120)))
      .serve()
    expect(paused.deployment?.pausedUntil).toBe(after(120))
    const cancelled = paused.say({ kind: 'cancel' }).at(1).look()
    expect(cancelled.deployment).toMatchObject({ phase: 'withdrawing', pausedUntil: null })
    expect(cancelled.look().sent).toMatchObject([
      { purpose: 'restore', instances: [instanceAt(1)] },
    ])
  })

  it('does not pause after a failure, nor after a command that brings the live release back', () => {
    const failed = live(1, 1)
      .open(openingOf(2, 2, {}, patient(120)))
      .look()
      .send()
      .answer(failedAt(1))
    expect(failed.deployment).toMatchObject({ phase: 'withdrawing', pausedUntil: null })
    const restored = failed.serve()
    expect(restored.statuses).toEqual(['restored', 'pending'])
    expect(restored.command).toBeNull()
    expect(restored.deployment?.pausedUntil).toBeNull()
  })

  it('does not pause for 0 s, and lets the reconciler that sent look on', () => {
    const going = afterFirst(3, patient(0))
    expect(going.deployment?.pausedUntil).toBeNull()
    expect(going.watcher).not.toBeNull()
  })

  it('pauses between the waves of a target, not before the next target', () => {
    const one = ec2({ rollout: { batch: { kind: 'count', value: 1 }, pauseSeconds: 120 } })
    const candidates = [
      candidateAt(1, { target: firstTarget }),
      candidateAt(2, { target: secondTarget }),
    ]
    const settings = { ...lettings, targets: [one, { ...one, key: secondTarget }] }
    const first = begin()
      .open(openingOf(1, 0, { candidates }, settings))
      .serve()
    expect(first.deployment?.pausedUntil).toBeNull()
    expect(first.look().sent).toMatchObject([{ target: secondTarget, instances: [instanceAt(2)] }])
  })

  it('does not pause in a rollback', () => {
    const first = begin()
      .open(openingOf(1, 3, { kind: 'rollback' }, patient(120)))
      .serve()
    expect(first.deployment?.pausedUntil).toBeNull()
    expect(first.look().sent).toMatchObject([{ instances: [instanceAt(2), instanceAt(3)] }])
  })

  it('leaves the release on the instances that have it during a pause, and the others as they were', () => {
    const paused = afterFirst(3)
    expect(paused.statuses).toEqual(['succeeded', 'pending', 'pending'])
    expect(paused.instances[0]?.serving).toEqual(servingOf(1, 1))
  })

  it('ends the deployment in time where a pause took longer than the rollout may', () => {
    const late = afterFirst(2).at(601).look()
    expect(late.deployment).toMatchObject({ phase: 'withdrawing', reason: 'deadline_passed' })
  })
})
