import type { Reason } from '../../../src/kernel/reason.ts'
import { describe, expect, it } from 'vitest'
import type { Answer } from '../../../src/deployment/step.ts'
import type { ReleaseName, OperatorCommand, Opening } from '../../../src/deployment/observation.ts'
import { Generation } from '../../../src/kernel/id.ts'
import { begin, bringLive, live, takeBack, type Core } from '../../support/core.ts'
import {
  after,
  candidateAt,
  failedAt,
  firstTarget,
  instanceAt,
  lettings,
  openingOf,
  succeededAt,
} from '../../support/deployments.ts'
import { answerOf } from '../../support/hosts.ts'
import { commitAt, digestAt, ec2 } from '../../support/examples.ts'

const numberOf = (generation: number) => Generation.parse(generation)
const rollback = (to: ReleaseName | null = null): OperatorCommand => ({ kind: 'rollback', to })
const cancel: OperatorCommand = { kind: 'cancel' }

const three = (): Core => live(1, 1, 2, 3).at(60)
/** Release 4 is sent to the one instance. */
const rolling = (): Core => live(1, 1, 2, 3).open(openingOf(4, 1)).dispatch().at(60)

const back = { ...succeededAt(1, 3), reason: 'restored' } as const
/** What was open is taken back, and release 3 serves again. */
const restored = (taken: Core): Core => taken.at(61).poll().dispatch().at(62).answer(back).poll()

/** Release 2 was to be rolled back and is not; it stays live and quarantined, and release 4 follows. */
const afterFailedRollback = (): Core =>
  bringLive(
    live(1, 1, 2).say(rollback()).openRollback(0).archive().say({ kind: 'unfreeze' }),
    openingOf(4, 1),
  )

describe('a rollback request', () => {
  it('rolls back to the last live release that is not quarantined where none is named', () => {
    const asked = three().say(rollback())
    expect(asked.rollback).toEqual({
      kind: 'rollback',
      generation: 3,
      to: null,
      reason: 'rolled_back',
      by: 'ada',
      at: after(60),
      refusal: null,
    })
    expect(asked.rollbackTarget?.generation).toBe(2)
    expect(asked.quarantine).toEqual([commitAt(3), digestAt(3)])
    expect(asked.mark?.createdAt).toBe(after(60))
  })

  it.each<[string, ReleaseName]>([
    ['number', numberOf(1)],
    ['commit', commitAt(1)],
    ['digest', digestAt(1)],
  ])('rolls back to a release by its %s', (_what, name) => {
    expect(three().say(rollback(name)).rollbackTarget?.generation).toBe(1)
  })

  it('passes over a quarantined release', () => {
    const later = afterFailedRollback()
    expect(later.releases.map(({ generation }) => generation)).toEqual([4, 2, 1])
    expect(later.quarantine).toEqual([commitAt(2), digestAt(2)])
    expect(later.say(rollback()).rollbackTarget?.generation).toBe(1)
  })

  it('quarantines all releases after the named one, so that no rollback leads there', () => {
    const { quarantine } = three().say(rollback(numberOf(1)))
    expect(quarantine).toEqual([commitAt(3), digestAt(3), commitAt(2), digestAt(2)])
  })

  it('keeps the named release allowed where it passes a redeploy of the same content', () => {
    const asked = live(1, 1, 1, 2).say(rollback(numberOf(1)))
    expect(asked.quarantine).toEqual([commitAt(2), digestAt(2)])
    expect(asked.rollbackTarget?.generation).toBe(1)
  })

  it.each<[string, () => Core, OperatorCommand, string]>([
    ['nothing was ever live', begin, rollback(), 'nothing_live'],
    ['nothing was live before', () => live(1, 1), rollback(), 'nothing_to_roll_back_to'],
    ['no release has the number', three, rollback(numberOf(9)), 'release_unknown'],
    ['the named release is live', three, rollback(numberOf(3)), 'already_live'],
    ['the named release is quarantined', afterFailedRollback, rollback(numberOf(2)), 'quarantined'],
    ['another rollback is pending', () => three().say(rollback()), rollback(), 'request_pending'],
  ])('refuses a rollback where %s', (_why, from, word, reason) => {
    const asked = from().say(word, 'ada', 'ticket-2')
    expect(asked).toMatchObject({ refused: reason, changed: false })
  })

  it('refuses a rollback, and its cancellation, while a rollback is open', () => {
    const open = three().say(rollback()).openRollback()
    expect(open.say(rollback()).refused).toBe('going_back')
    expect(open.say(cancel).refused).toBe('going_back')
  })

  it('refuses a rollback and a cancellation while the live release is being restored', () => {
    const lost = rolling().at(600).poll()
    expect(lost.deployment?.phase).toBe('withdrawing')
    expect(lost.at(601).say(cancel).refused).toBe('going_back')
    expect(lost.at(601).say(rollback()).refused).toBe('going_back')
  })
})

describe('a rollback request while a deployment is open', () => {
  it('cancels and quarantines an open deployment and restores the live release', () => {
    const asked = rolling().say(rollback())
    expect(asked.quarantine).toEqual([commitAt(4), digestAt(4)])
    const turned = asked.at(61).poll()
    expect(turned.cancelled).toEqual([{ target: firstTarget, operation: 'command-1' }])
    expect(turned.poll().sent).toMatchObject([{ purpose: 'restore', release: { generation: 3 } }])
    const ended = restored(asked)
    expect(ended.deployment).toMatchObject({
      status: 'rolled_back',
      reason: 'rolled_back',
      message: 'by ada',
      rolledBackBy: 4,
    })
    expect(ended.rollbackTarget).toBeNull()
  })

  it('cancels a command of an open deployment after a wave that has answered', () => {
    const inTwos = ec2({ rollout: { batch: { kind: 'count', value: 2 }, pauseSeconds: 0 } })
    const opening = openingOf(1, 3, {}, { ...lettings, targets: [inTwos] })
    const second = begin().open(opening).serve().poll().send([], 'command-2')
    expect(second.say(cancel).poll().cancelled).toEqual([
      { target: firstTarget, operation: 'command-2' },
    ])
  })

  it('takes back the open deployment and the live release where the rollback names an earlier one', () => {
    const asked = rolling().say(rollback(numberOf(2)))
    expect(asked.rollbackTarget?.generation).toBe(2)
    expect(asked.quarantine).toEqual([commitAt(4), digestAt(4), commitAt(3), digestAt(3)])
  })

  it('takes a rollback to the live release as a cancellation that quarantines', () => {
    const asked = rolling().say(rollback(numberOf(3)))
    expect(asked.rollback).toMatchObject({ kind: 'rollback', generation: 4, to: null })
    expect(asked.quarantine).toEqual([commitAt(4), digestAt(4)])
    expect(asked.rollbackTarget).toBeNull()
  })

  it('quarantines nothing where the open deployment is a redeploy of the same content', () => {
    const again = openingOf(3, 1, { kind: 'redeploy', order: null })
    const asked = three().open(again).dispatch().say(rollback())
    expect(asked.rollback).toMatchObject({ generation: 4, refusal: null })
    expect(asked.quarantine).toEqual([])
  })

  it('quarantines only the combination with the secret where the image was live with another', () => {
    const { release } = openingOf(3, 1)
    const rotated = openingOf(3, 1, {
      kind: 'redeploy',
      order: null,
      release: { ...release, secretVersion: 'rotated' },
    })
    const { quarantine } = three().open(rotated).dispatch().say(rollback())
    expect(quarantine).toEqual([
      { digest: digestAt(3), secretVersion: 'rotated', env: release.settings.env },
    ])
  })

  it('takes the first deployment back and has no release to go back to', () => {
    const asked = begin().open(openingOf(1, 1)).dispatch().say(rollback())
    expect(asked.rollback).toMatchObject({ generation: 1, to: null, refusal: null })
    expect(asked.quarantine).toEqual([commitAt(1), digestAt(1)])
  })
})

describe('a rollback', () => {
  it('opens a rollback with the settings and the secret that the release had', () => {
    const asked = three().say(rollback())
    const open = asked.openRollback()
    expect(open.deployment).toMatchObject({
      generation: 4,
      kind: 'rollback',
      takesBack: 3,
      release: asked.rollbackTarget,
    })
    expect(open.rollback).toBeNull()
  })

  it('opens a rollback while the app is frozen', () => {
    const open = three().say({ kind: 'freeze', reason: 'exams' }).say(rollback()).openRollback()
    expect(open.deployment?.kind).toBe('rollback')
    expect(open.freeze).not.toBeNull()
  })

  it('moves the earlier release to the front and does not double it', () => {
    const ended = live(1, 1, 2).say(rollback()).openRollback().finish()
    expect(ended.deployment).toMatchObject({ kind: 'rollback', status: 'succeeded' })
    expect(ended.releases.map(({ generation }) => generation)).toEqual([1, 2])
  })

  /** Release 1 comes back to so many instances. */
  const backOn = (instances: number, changes: Partial<Opening> = {}): Core =>
    live(instances, 1, 2).say(rollback()).openRollback(instances, changes)
  /** Sends to the next instance, which answers. */
  const next = (core: Core, answer: Answer): Core => core.dispatch().answer(answer)
  const absent = (index: number, reason: Reason = 'instance_offline') =>
    answerOf(instanceAt(index), 'failed', reason)
  /** Sends to the next instance, which cannot be reached. */
  const miss = (core: Core, index: number, reason?: Reason): Core =>
    core.poll().send([absent(index, reason)], null)

  it('does not revert a rollback that runs out of time', () => {
    const message = 'the recorded version of the secret shop is gone'
    const over = backOn(2, { message }).serve().at(600).poll()
    expect(over.deployment).toMatchObject({
      phase: 'ended',
      status: 'failed',
      reason: 'deadline_passed',
      message,
    })
    expect(over.statuses).toEqual(['succeeded', 'pending'])
    expect(over.sent).toEqual([])
  })

  it('continues a rollback past a failure, so that every reachable instance is rolled back', () => {
    const failed = next(backOn(2), failedAt(1))
    expect(failed.deployment).toMatchObject({ phase: 'advancing' })
    expect(failed.command).toBeNull()
    const polled = failed.poll()
    expect(polled.sent).toMatchObject([{ purpose: 'deploy', instances: [instanceAt(2)] }])
    expect(polled.send().answer(succeededAt(2, 1)).poll().deployment).toMatchObject({
      status: 'failed',
      reason: 'unhealthy',
      message: `${instanceAt(1)}: it answers 500`,
    })
  })

  it('ends a rollback as succeeded once all reachable instances are rolled back, and names the others', () => {
    const all = miss(miss(backOn(4).serve(), 2), 3, 'instance_untagged')
    const ended = miss(all, 4, 'agent_too_old').poll()
    expect(ended.deployment).toMatchObject({
      status: 'succeeded',
      reason: 'deployed',
      message: `not on ${instanceAt(2)}, ${instanceAt(3)}, ${instanceAt(4)}`,
    })
  })

  it('fails a rollback where no instance can be reached', () => {
    const ended = miss(miss(backOn(2), 1), 2).poll()
    expect(ended.deployment).toMatchObject({ status: 'failed', reason: 'instance_offline' })
  })

  it('fails a rollback where an instance refuses it', () => {
    const refused = answerOf(instanceAt(2), 'refused', 'owned_by_other')
    expect(next(backOn(2).serve(), refused).poll().deployment).toMatchObject({
      status: 'failed',
      reason: 'owned_by_other',
    })
  })

  it('fails a rollback where an absent instance may have been reached by the first of two senders', () => {
    const second = backOn(2).serve().poll().at(20).poll()
    expect(second.command?.repeated).toBe(true)
    expect(second.send([absent(2)], null).poll().deployment).toMatchObject({
      status: 'failed',
      reason: 'instance_offline',
    })
  })

  it('lists why a rollback failed for each instance, behind the message of its opening', () => {
    const message = 'the recorded version of the secret shop is gone'
    const failed = next(backOn(2, { message }), failedAt(1, { reason: null, message: null }))
    expect(next(failed, failedAt(2)).poll().deployment).toMatchObject({
      status: 'failed',
      reason: 'no_answer',
      message: `${message}; ${instanceAt(1)}; ${instanceAt(2)}: it answers 500`,
    })
  })
})

describe('a rollback request with nothing left to do', () => {
  it('brings nothing back without a rollback request', () => {
    expect(three().rollbackTarget).toBeNull()
    expect(three().goBack().changed).toBe(false)
  })

  it('settles a rollback request once the restore of the live release has done all of it', () => {
    const gone = restored(rolling().say(rollback())).archive()
    expect(gone.rollback).toMatchObject({ generation: 4, refusal: null })
    expect(gone.goBack().rollback).toBeNull()
  })
})

describe('cancelling', () => {
  it('cancels the open deployment and quarantines nothing', () => {
    const asked = rolling().say(cancel)
    expect(asked.quarantine).toEqual([])
    expect(asked.rollbackTarget).toBeNull()
    const turned = asked.at(61).poll()
    expect(turned.cancelled).toEqual([{ target: firstTarget, operation: 'command-1' }])
    const ended = restored(asked)
    expect(ended.deployment).toMatchObject({ status: 'cancelled', message: 'by ada' })
    expect(ended.rollbackTarget).toBeNull()
  })

  it('cancels a deployment at once that has sent nothing', () => {
    const asked = three().open(openingOf(4, 1)).say(cancel)
    expect(asked.at(61).poll().deployment).toMatchObject({ status: 'cancelled', phase: 'ended' })
  })

  it('cancels a pending request', () => {
    const asked = live(1, 1, 2, 3).ask({ by: 'bob' })
    expect(asked.at(60).say(cancel).request).toMatchObject({ refusal: 'cancelled' })
  })

  it('cancels a pending rollback request, and the live release stays allowed', () => {
    const called = three().say(rollback()).say(cancel)
    expect(called.rollback).toMatchObject({ generation: 3, refusal: 'cancelled' })
    expect(called.quarantine).toEqual([])
    expect(called.notices.at(-1)).toMatchObject({ kind: 'not_rolled_back', reason: 'cancelled' })
    expect(called.say(rollback()).rollback).toMatchObject({ refusal: null })
  })

  it('refuses a cancellation while the open deployment is still to be taken back', () => {
    expect(rolling().say(rollback()).say(cancel).refused).toBe('request_pending')
  })

  it('cancels only the rollback request once the open deployment is taken back', () => {
    const called = restored(rolling().say(rollback())).archive().say(cancel)
    expect(called.rollback).toMatchObject({ generation: 4, refusal: 'cancelled' })
    expect(called.quarantine).toEqual([commitAt(4), digestAt(4)])
  })

  it('refuses a cancellation where nothing is open', () => {
    expect(three().say(cancel).refused).toBe('nothing_open')
    expect(three().ask({ by: 'bob' }).decline('nothing_live').say(cancel).refused).toBe(
      'nothing_open',
    )
    expect(three().say(rollback()).say(cancel).say(cancel).refused).toBe('nothing_open')
  })

  it('refuses a cancellation where the deployment has ended', () => {
    expect(three().open(openingOf(4, 0)).say(cancel).refused).toBe('nothing_open')
  })

  it('cancels a rollback request, and not a repair', () => {
    const repairing = live(1, 1, 2, 3).find([candidateAt(2)])
    expect(repairing.repair).not.toBeNull()
    expect(repairing.say(cancel).refused).toBe('nothing_open')
    expect(repairing.say(rollback()).say(cancel).rollback).toMatchObject({
      generation: 3,
      refusal: 'cancelled',
    })
  })
})

describe('the quarantine', () => {
  const digestsAt = (...indexes: readonly number[]) => indexes.map(digestAt)

  it('quarantines an image without a commit by its digest alone', () => {
    const { release } = openingOf(1, 1)
    const opening = openingOf(1, 1, { release: { ...release, commit: null } })
    expect(takeBack(begin(), opening).quarantine).toEqual([digestAt(1)])
  })

  it('keeps the newest 50 entries of the quarantine, each once', () => {
    const byDigest = (index: number, force = false): Opening => {
      const { release } = openingOf(index, 1)
      return openingOf(index, 1, { force, release: { ...release, commit: null } })
    }
    let core = begin()
    for (let index = 1; index <= 60; index += 1) core = takeBack(core, byDigest(index))
    expect(core.quarantine).toHaveLength(50)
    expect(core.quarantine.slice(0, 2)).toEqual(digestsAt(60, 59))
    expect(core.quarantine.at(-1)).toBe(digestAt(11))
    const again = takeBack(core, byDigest(40, true)).quarantine
    expect(again).toHaveLength(50)
    expect(again.slice(0, 2)).toEqual(digestsAt(40, 60))
    expect(again.at(-1)).toBe(digestAt(11))
  })

  it('keeps the newest three quarantined combinations of image and settings, and every image', () => {
    const withTry = (index: number): Opening => {
      const { release } = openingOf(1, 1)
      const settings = { ...lettings, env: { TRY: String(index) } }
      return openingOf(1, 1, { kind: 'redeploy', order: null, release: { ...release, settings } })
    }
    const combination = (index: number) => ({
      digest: digestAt(1),
      secretVersion: null,
      env: { TRY: String(index) },
    })
    let core = takeBack(live(1, 1), openingOf(9, 1))
    for (const index of [2, 3, 4, 5]) core = takeBack(core, withTry(index))
    const kept = [5, 4, 3].map(combination)
    expect(core.quarantine).toEqual([...kept, commitAt(9), digestAt(9)])
    expect(core.open(withTry(5)).refused).toBe('quarantined')
    expect(core.open(withTry(2)).refused).toBeNull()
    expect(core.open(openingOf(1, 1)).refused).toBeNull()
    const later = takeBack(takeBack(core, openingOf(6, 1)), openingOf(7, 1))
    expect(later.quarantine.slice(4)).toEqual([...kept, commitAt(9), digestAt(9)])
  })

  it('empties the quarantine once its only release is deployed by force', () => {
    const one = takeBack(begin(), openingOf(1, 1)).at(60)
    expect(one.open(openingOf(1, 1, { force: true })).quarantine).toEqual([])
  })
})
