import { toReleaseSettings } from '../../../src/deployment/app.ts'
import { describe, expect, it } from 'vitest'
import { planWaves } from '../../../src/deployment/wave.ts'
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
    const polled = opened(2).poll([instanceAt(2)])
    expect(polled.sent).toEqual([
      {
        purpose: 'prepare',
        app: 'oc-lettings',
        kind: 'deploy',
        generation: 1,
        fence: 2,
        openedAt: start,
        numberedAt: null,
        since: start,
        release: polled.deployment?.release,
        settings: toReleaseSettings(lettings),
        target: firstTarget,
        instances: [instanceAt(1)],
        predeployOn: null,
        notAfter: after(90),
        hostSeconds: 60,
      },
    ])
    expect(polled.command).toEqual({
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
    expect(polled.deployment).toMatchObject({
      status: 'in_progress',
      sentAt: null,
      instances: [{ touched: false }, { touched: false }],
    })
    expect(polled.cancelled).toEqual([])
  })

  it('deploys to the first instance alone, under the version of the write that issues it', () => {
    const polled = opened(3).poll()
    expect(polled.sent).toMatchObject([
      {
        purpose: 'deploy',
        generation: 1,
        release: { generation: 1 },
        instances: [instanceAt(1)],
        fence: polled.version,
        notAfter: after(600),
      },
    ])
    expect(polled.deployment?.sentAt).toBe(start)
    expect(touchedOf(polled)).toEqual([true, false, false])
  })

  it('prepares the instances of a wave without a certificate, then deploys to the whole wave', () => {
    const settings = {
      ...lettings,
      targets: [ec2({ rollout: { batch: inTwos, pauseSeconds: 0 } })],
    }
    const first = begin()
      .open(openingOf(1, 3, {}, settings))
      .serve()
    const second = first.poll([instanceAt(1), instanceAt(3)])
    expect(second.sent).toMatchObject([{ purpose: 'prepare', instances: [instanceAt(2)] }])
    const prepared = second.send().answer(succeededAt(2, 1)).poll()
    expect(prepared.sent).toMatchObject([
      { purpose: 'deploy', instances: [instanceAt(2), instanceAt(3)] },
    ])
  })

  it('issues the next wave once the one before has succeeded', () => {
    const polled = opened(2).serve().at(5).poll()
    expect(polled.sent).toMatchObject([{ instances: [instanceAt(2)], since: after(5) }])
    expect(polled.command?.at).toBe(after(5))
    expect(polled.command?.fence).toBeGreaterThan(2)
  })

  it('goes through the targets in their order, whatever the order of the instances', () => {
    const candidates = [
      candidateAt(2, { target: secondTarget }),
      candidateAt(1, { target: firstTarget }),
    ]
    const polled = begin()
      .open(openingOf(1, 2, { candidates }, twoTargets))
      .poll()
    expect(polled.sent).toMatchObject([{ target: firstTarget, instances: [instanceAt(1)] }])
  })

  it('issues nothing while a command is in flight and in its time', () => {
    expect(opened(1).dispatch().at(599).poll().changed).toBe(false)
  })

  it('issues nothing without a deployment, nor after its end', () => {
    expect(begin().poll().changed).toBe(false)
    expect(opened(0).at(5).poll().changed).toBe(false)
  })

  it('fails the deployment where too little time is left to begin a wave', () => {
    expect(opened(1).at(579).poll().deployment).toMatchObject({
      status: 'failed',
      reason: 'deadline_passed',
    })
  })

  it('issues no further wave once one instance of a deploy or a redeploy has failed', () => {
    for (const kind of ['deploy', 'redeploy'] as const) {
      const sent = begin()
        .open(openingOf(1, 2, { kind }))
        .dispatch()
      expect(sent.answer(failedAt(1)).deployment).toMatchObject({ phase: 'ended' })
    }
  })
})

describe('a deployment to two targets', () => {
  const toBoth = (): Core => {
    const candidates = [
      candidateAt(1, { target: firstTarget }),
      candidateAt(2, { target: firstTarget }),
      candidateAt(3, { target: secondTarget }),
    ]
    return begin().open(openingOf(1, 3, { candidates }, twoTargets))
  }

  it('finishes one target before it begins the next', () => {
    expect(toBoth().serve().poll().sent).toMatchObject([
      { target: firstTarget, instances: [instanceAt(2)] },
    ])
  })

  it('touches no instance of the second target with a command to the first', () => {
    expect(touchedOf(toBoth().poll())).toEqual([true, false, false])
    expect(toBoth().serve().statuses).toEqual(['succeeded', 'pending', 'pending'])
  })
})

describe('the last wave', () => {
  it('ends the deployment after its last wave and makes its release the live one', () => {
    const ended = opened(1).serve().at(9).poll()
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

describe('the poller', () => {
  it('names the run that issued a command as the poller for 25 s', () => {
    expect(opened(1).poll().watcher).toEqual({ by: 'ada', until: after(25) })
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

  it('holds the next wave until a pause is over, with nothing sent and no poller', () => {
    const paused = afterFirst(3)
    expect(paused.deployment).toMatchObject({ pausedUntil: after(120) })
    expect(paused.command).toBeNull()
    expect(paused.watcher).toBeNull()
    const early = paused.at(119).poll()
    expect(early).toMatchObject({ changed: false, sent: [], cancelled: [] })
    const late = paused.at(120).poll()
    expect(late.sent).toMatchObject([{ instances: [instanceAt(2), instanceAt(3)] }])
    expect(late.deployment?.pausedUntil).toBeNull()
  })

  it('does not pause after the last wave', () => {
    const alone = afterFirst(1)
    expect(alone.deployment?.pausedUntil).toBeNull()
    expect(alone.poll().deployment).toMatchObject({ status: 'succeeded' })
  })

  it('does not pause after a wave that is to be sent again', () => {
    const sent = begin()
      .open(openingOf(1, 2, {}, patient(120)))
      .dispatch()
    const again = sent.answer(answerOf(instanceAt(1), 'refused', 'key_changed'))
    expect(again.deployment?.pausedUntil).toBeNull()
    expect(again.poll().sent).toMatchObject([{ instances: [instanceAt(1)] }])
  })

  it('ends a pause at once where the deployment is cancelled', () => {
    const paused = live(1, 1)
      .open(openingOf(2, 3, {}, patient(120)))
      .serve()
    expect(paused.deployment?.pausedUntil).toBe(after(120))
    const cancelled = paused.say({ kind: 'cancel' }).at(1).poll()
    expect(cancelled.deployment).toMatchObject({ phase: 'withdrawing', pausedUntil: null })
    expect(cancelled.poll().sent).toMatchObject([
      { purpose: 'restore', instances: [instanceAt(1)] },
    ])
  })

  it('does not pause after a failure, nor after a restore', () => {
    const failed = live(1, 1)
      .open(openingOf(2, 2, {}, patient(120)))
      .dispatch()
      .answer(failedAt(1))
    expect(failed.deployment).toMatchObject({ phase: 'withdrawing', pausedUntil: null })
    const restored = failed.serve()
    expect(restored.statuses).toEqual(['restored', 'pending'])
    expect(restored.command).toBeNull()
    expect(restored.deployment?.pausedUntil).toBeNull()
  })

  it('does not pause for 0 s, and keeps the poller', () => {
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
    expect(first.poll().sent).toMatchObject([{ target: secondTarget, instances: [instanceAt(2)] }])
  })

  it('does not pause in a rollback', () => {
    const first = begin()
      .open(openingOf(1, 3, { kind: 'rollback' }, patient(120)))
      .serve()
    expect(first.deployment?.pausedUntil).toBeNull()
    expect(first.poll().sent).toMatchObject([{ instances: [instanceAt(2), instanceAt(3)] }])
  })

  it('keeps the release during a pause on the instances that have it, and leaves the others', () => {
    const paused = afterFirst(3)
    expect(paused.statuses).toEqual(['succeeded', 'pending', 'pending'])
    expect(paused.instances[0]?.serving).toEqual(servingOf(1, 1))
  })

  it('ends the deployment in time where a pause took longer than the rollout may', () => {
    const late = afterFirst(2).at(601).poll()
    expect(late.deployment).toMatchObject({ phase: 'withdrawing', reason: 'deadline_passed' })
  })
})

describe('the waves of a rollout', () => {
  it.each([
    ['no instance', 0, { kind: 'count', value: 1 }, []],
    ['one by one', 3, { kind: 'count', value: 1 }, [0, 1, 2]],
    ['the first alone, then two at a time', 5, { kind: 'count', value: 2 }, [0, 1, 1, 2, 2]],
    ['half of them, rounded up', 5, { kind: 'percent', value: 50 }, [0, 1, 1, 1, 2]],
    ['all of them', 3, { kind: 'percent', value: 100 }, [0, 1, 1]],
    ['at least one at a time', 3, { kind: 'percent', value: 1 }, [0, 1, 2]],
  ] as const)('cuts waves: %s', (_name, count, batch, waves) => {
    expect(planWaves(count, batch, Infinity)).toEqual(waves)
  })

  it('cuts waves of at most the 50 instances that one command takes', () => {
    const waves = planWaves(102, { kind: 'percent', value: 100 }, Infinity)
    const sizes = [0, 1, 2, 3].map((wave) => waves.filter((one) => one === wave).length)
    expect(sizes).toEqual([1, 50, 50, 1])
  })

  it('cuts waves as small as their envelope makes them, and none empty', () => {
    const all = { kind: 'percent', value: 100 } as const
    expect(planWaves(6, all, 2)).toEqual([0, 1, 1, 2, 2, 3])
    expect(planWaves(3, all, 0)).toEqual([0, 1, 2])
  })
})
