import { describe, expect, it } from 'vitest'
import type { Candidate } from '../../../src/deployment/deployment.ts'
import { begin, bringLive, type Core } from '../../support/core.ts'
import {
  after,
  candidateAt,
  failedAt,
  firstTarget,
  instanceAt,
  lettings,
  openingOf,
  placeAt,
  secondTarget,
  twoFleets,
} from '../../support/deployments.ts'
import { ec2 } from '../../support/examples.ts'
import { keyAt } from '../../support/targets.ts'

const rollback = { kind: 'rollback', to: null } as const
const settings = { ...lettings, targets: twoFleets() }
const first = (index: number, changes: Partial<Candidate> = {}): Candidate =>
  candidateAt(index, { target: firstTarget, ...changes })
const second = (index: number, changes: Partial<Candidate> = {}): Candidate =>
  candidateAt(index, { target: secondTarget, ...changes })
const reason = 'instance_in_two_targets'

const openTo = (core: Core, index: number, ...candidates: readonly Candidate[]): Core =>
  core.open(openingOf(index, 0, { candidates }, settings))
const liveOn = (...candidates: readonly Candidate[]): Core =>
  bringLive(begin(), openingOf(1, 0, { candidates }, settings))
const placesOf = ({ instances }: Core) => instances.map(({ id, target }) => [id, target])

describe('an opening to an instance that two targets select', () => {
  it('fails at once, names the instance and both targets, and sends nothing', () => {
    const failed = openTo(begin(), 1, first(1), second(1), second(2))
    expect(failed.deployment).toMatchObject({
      status: 'failed',
      reason,
      message: `${instanceAt(1)} is selected by target 1 (${firstTarget}) and target 2 (${secondTarget})`,
      sentAt: null,
    })
    expect(failed.poll()).toMatchObject({ changed: false, sent: [] })
    expect(failed.observed).toEqual([])
  })

  it('counts the instances beside the one that it names', () => {
    const { deployment } = openTo(begin(), 1, first(1), first(2), first(3), second(2), second(3))
    expect(deployment?.message).toMatch(
      new RegExp(`^${instanceAt(2)} .*; 2 such instances in all$`),
    )
  })

  it('names the meeting before an instance that is offline', () => {
    const offline = { obstacle: 'instance_offline' } as const
    const failed = openTo(begin(), 1, first(1, offline), first(2), second(2))
    expect(failed.deployment?.reason).toBe(reason)
  })

  it('fails also by force', () => {
    const opening = openingOf(1, 0, { candidates: [first(1), second(1)], force: true }, settings)
    expect(begin().open(opening).deployment?.reason).toBe(reason)
  })

  it('goes on where each instance has one target', () => {
    expect(openTo(begin(), 1, first(1), second(2)).deployment?.status).toBe('queued')
  })
})

describe('an instance that a second target selects after the opening', () => {
  it('restores a failed deployment under the target of the opening', () => {
    const failed = openTo(liveOn(second(1)), 2, second(1))
      .dispatch()
      .answer(failedAt(1))
    expect(failed.poll().sent).toMatchObject([{ purpose: 'restore', target: secondTarget }])
  })

  it('is repaired under the target that it was deployed under', () => {
    const due = liveOn(second(1)).at(3600)
    expect(placesOf(due.find([first(1), second(1)]))).toEqual([[instanceAt(1), secondTarget]])
  })

  it('is left under its target where nothing is due', () => {
    expect(
      liveOn(second(1))
        .at(60)
        .find([first(1), second(1)]).changed,
    ).toBe(false)
  })

  it('goes back under the target that it was deployed under', () => {
    const two = bringLive(
      liveOn(second(1)),
      openingOf(2, 0, { candidates: [second(1)] }, settings),
    ).say(rollback)
    const back = two.openRollback(0, { candidates: [first(1), second(1)] })
    expect(placesOf(back)).toEqual([[instanceAt(1), secondTarget]])
    expect(back.finish().archive().history.at(-1)).toMatchObject({
      kind: 'rollback',
      status: 'succeeded',
    })
  })

  it('goes back under the first target of the earlier release where it is known under none', () => {
    const merged = { ...lettings, targets: [ec2({ key: keyAt(2) })] }
    const candidates = [candidateAt(1, { target: keyAt(2) })]
    const two = bringLive(liveOn(second(1)), openingOf(2, 0, { candidates }, merged))
    const back = two.say(rollback).openRollback(0, { candidates: [first(1), second(1)] })
    expect(placesOf(back)).toEqual([[instanceAt(1), firstTarget]])
  })

  it('fails the next opening', () => {
    expect(openTo(liveOn(second(1)), 2, first(1), second(1)).deployment?.reason).toBe(reason)
  })
})

describe('a new instance that two targets select', () => {
  const both = [first(1), first(2), second(2)]
  const noted = (): Core => liveOn(first(1)).at(60).find(both)

  it('is left alone, with the reason', () => {
    expect(noted()).toMatchObject({ isIdle: true, sent: [] })
    expect(noted().observed).toEqual([
      placeAt(1),
      placeAt(2, { generation: null, at: after(60), tries: 1, reason }),
    ])
  })

  it('is still left alone when it is looked at again', () => {
    const again = noted().at(120).find(both)
    expect(again.isIdle).toBe(true)
    expect(again.observed).toMatchObject([{ reason: null }, { tries: 2, reason }])
  })

  it('is deployed to once one target has it', () => {
    const settled = noted()
      .at(120)
      .find([first(1), second(2)])
    expect(placesOf(settled)).toEqual([[instanceAt(2), secondTarget]])
    expect(settled.finish().observed).toMatchObject([
      { id: instanceAt(1), generation: 1 },
      { id: instanceAt(2), target: secondTarget, generation: 1 },
    ])
  })
})
