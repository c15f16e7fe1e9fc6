import { describe, expect, it } from 'vitest'
import {
  after,
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
  send,
  servingOf,
  start,
  statusesOf,
  succeededAt,
  type Story,
} from '../../support/deployments.ts'
import { answerOf } from '../../support/hosts.ts'
import { ec2 } from '../../support/rollout-world.ts'
import { keyAt } from '../../support/targets.ts'

const inTwos = { kind: 'count', value: 2 } as const
const patient = (pauseSeconds: number, deadlineSeconds = 900) => ({
  ...lettings,
  deadlineSeconds,
  targets: [ec2({ rollout: { batch: inTwos, pauseSeconds } })],
})

const opened = (instances: number, settings = patient(120), from = begin()): Story =>
  openedBy(from, openingOf(1, instances, {}, settings))

/** So many instances of the first target, one by one, and then one of another. */
const onTwoTargets = (instances: number, pauseSeconds: number) => {
  const one = ec2({ rollout: { batch: { kind: 'count', value: 1 }, pauseSeconds } })
  const candidates = Array.from({ length: instances + 1 }, (_, index) => ({
    id: instanceAt(index + 1),
    target: keyAt(index < instances ? 0 : 1),
    obstacle: null,
  }))
  const changes = { candidates, capacities: [Infinity, Infinity] }
  return openingOf(1, 0, changes, { ...lettings, targets: [one, { ...one, key: keyAt(1) }] })
}

/** The first instance has the release at `start`. */
const afterCanary = (instances: number, settings = patient(120), from = begin()): Story => {
  const first = send(look(opened(instances, settings, from), start), start)
  return hear(first, start, succeededAt(1, deploymentOf(first).generation))
}

describe('a pause between two batches', () => {
  it('holds the next one until it is over, with nothing sent and nobody watching', () => {
    const paused = afterCanary(3)
    expect(deploymentOf(paused)).toMatchObject({ pausedUntil: after(120), intent: null })
    expect(paused.head.watch).toBeNull()
    const early = look(paused, after(119))
    expect(early.head).toEqual(paused.head)
    expect(early.actions).toEqual([])
    const late = look(paused, after(120))
    expect(intentOf(late).instances).toEqual([instanceAt(2), instanceAt(3)])
    expect(deploymentOf(late).pausedUntil).toBeNull()
  })

  it('follows no last batch', () => {
    const alone = afterCanary(1)
    expect(deploymentOf(alone).pausedUntil).toBeNull()
    expect(deploymentOf(look(alone, start))).toMatchObject({ status: 'succeeded' })
  })

  it('follows no batch that is to be sent again', () => {
    const first = send(look(opened(2), start), start)
    const changed = answerOf(instanceAt(1), 'refused', 'key_changed', {})
    const again = hear(first, start, changed)
    expect(deploymentOf(again).pausedUntil).toBeNull()
    expect(intentOf(look(again, start)).instances).toEqual([instanceAt(1)])
  })

  it('is over at once where the release is taken back, which never waits', () => {
    const from = live(1, 1)
    const second = send(look(openedBy(from, openingOf(2, 3, {}, patient(120))), start), start)
    const paused = hear(second, start, succeededAt(1, 2))
    const takeBack = {
      kind: 'cancel',
      generation: deploymentOf(paused).generation,
      to: null,
      reason: 'cancelled',
      by: 'ada',
      at: start,
      refusal: null,
    } as const
    const cancelled = look({ ...paused, head: { ...paused.head, takeBack } }, after(1))
    expect(deploymentOf(cancelled)).toMatchObject({ stage: 'restoring', pausedUntil: null })
    expect(intentOf(look(cancelled, after(1)))).toMatchObject({
      purpose: 'restore',
      instances: [instanceAt(1)],
    })
  })

  it('is none after a failure, and none while who had the release is brought back', () => {
    const before = live(1, 1)
    const first = send(look(openedBy(before, openingOf(2, 2, {}, patient(120))), start), start)
    const failed = hear(first, start, failedAt(1))
    expect(deploymentOf(failed)).toMatchObject({ stage: 'restoring', pausedUntil: null })
    const restored = hear(
      send(look(failed, start), start),
      start,
      answerOf(instanceAt(1), 'succeeded', 'deployed', { serving: servingOf(1, 1) }),
    )
    expect(deploymentOf(restored)).toMatchObject({ intent: null, pausedUntil: null })
  })

  it('is none where none is wished: whoever sent looks on', () => {
    const going = afterCanary(3, patient(0))
    expect(deploymentOf(going).pausedUntil).toBeNull()
    expect(going.head.watch).not.toBeNull()
  })

  it('comes between the batches of a target, not before the next target', () => {
    const story = openedBy(begin(), onTwoTargets(1, 120))
    const first = hear(send(look(story, start), start), start, succeededAt(1, 1))
    expect(deploymentOf(first).pausedUntil).toBeNull()
    expect(intentOf(look(first, start))).toMatchObject({
      target: keyAt(1),
      instances: [instanceAt(2)],
    })
  })

  it('holds up no rollback', () => {
    const settings = patient(120)
    const rollback = openingOf(1, 3, { kind: 'rollback' }, settings)
    const first = send(look(openedBy(begin(), rollback), start), start)
    const heard = hear(first, start, succeededAt(1, 1))
    expect(deploymentOf(heard).pausedUntil).toBeNull()
    expect(intentOf(look(heard, start)).instances).toEqual([instanceAt(2), instanceAt(3)])
  })

  it('leaves who has the release with it, and the others with what they had', () => {
    expect(statusesOf(afterCanary(3))).toEqual(['succeeded', 'pending', 'pending'])
    expect(deploymentOf(afterCanary(3)).instances[0]?.serving).toEqual(servingOf(1, 1))
  })
})

describe('pauses and the deadline', () => {
  it('are counted for each target by its own batches', () => {
    expect(deploymentOf(openedBy(begin(), onTwoTargets(3, 200)))).toMatchObject({
      status: 'queued',
    })
  })

  it('do not meet where there is no pause, however many batches there are', () => {
    expect(deploymentOf(opened(30, patient(0)))).toMatchObject({ status: 'queued' })
  })

  it('are refused where they cannot fit, before anything is sent', () => {
    // Four batches: 1, 2, 2, 1; of 900 s the last 300 s are kept for the way back.
    const story = opened(6, patient(140))
    expect(deploymentOf(story)).toMatchObject({
      status: 'failed',
      reason: 'pauses_too_long',
      sentAt: null,
      message:
        '3 pauses of rollout.pause may take 600 s (each up to a minute more than it says), and the rollout has 600 s of the deadline; a longer deadline, a shorter pause or a larger batch',
    })
    expect(deploymentOf(opened(6, patient(139)))).toMatchObject({ status: 'queued' })
    expect(deploymentOf(opened(5, patient(140)))).toMatchObject({ status: 'queued' })
  })

  it('do not keep a rollback from being opened', () => {
    const rollback = openingOf(1, 6, { kind: 'rollback' }, patient(140))
    expect(deploymentOf(openedBy(begin(), rollback))).toMatchObject({ status: 'queued' })
  })

  it('end the deployment in time where a pause took longer than it may', () => {
    const paused = afterCanary(2, patient(120))
    const late = look(paused, after(601))
    expect(deploymentOf(late)).toMatchObject({ stage: 'restoring', reason: 'deadline_passed' })
  })
})
