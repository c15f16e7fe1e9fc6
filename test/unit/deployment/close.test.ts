import { describe, expect, it } from 'vitest'
import { end, giveUp, instancesToRestore } from '../../../src/deployment/close.ts'
import { draftOf } from '../../../src/deployment/draft.ts'
import type { Head, InstanceState } from '../../../src/deployment/head.ts'
import {
  after,
  begin,
  deploymentOf,
  live,
  openedBy,
  openingOf,
  servingOf,
} from '../../support/deployments.ts'

const withInstance = (changes: Partial<InstanceState>): Head => {
  const { head } = openedBy(live(1, 1), openingOf(2, 1))
  const deployment = deploymentOf({ head, actions: [] })
  const instances = deployment.instances.map((one) => ({ ...one, touched: true, ...changes }))
  return { ...head, deployment: { ...deployment, instances } }
}

describe('an instance of a failed rollout', () => {
  it.each([
    ['came up with the new release', { status: 'succeeded', serving: servingOf(2, 2) }, true],
    ['never answered', { status: 'lost' }, true],
    ['failed and serves the live release', { status: 'failed', serving: servingOf(1, 1) }, false],
    ['failed and serves something else', { status: 'failed', serving: servingOf(2, 2) }, true],
    ['failed and serves nothing', { status: 'failed', serving: null }, true],
    ['was sent to and is to be sent to again', { status: 'pending' }, true],
    ['was never sent to', { status: 'pending', touched: false }, false],
    ['refused', { status: 'failed', touched: false, serving: servingOf(2, 2) }, false],
    ['is back', { status: 'restored' }, false],
    ['was asked in vain', { status: 'unknown' }, false],
  ] as const)('that %s: is it to be brought back? %s', (_name, changes, isToRestore) => {
    const head = withInstance(changes)
    const left = instancesToRestore(head, deploymentOf({ head, actions: [] }))
    expect(left.length).toBe(isToRestore ? 1 : 0)
  })
})

describe('giving up', () => {
  it('ends where nobody is to be brought back', () => {
    const { head } = giveUp(
      draftOf(withInstance({ touched: false })),
      'unhealthy',
      'it says 500',
      after(7),
    )
    expect(head.deployment).toMatchObject({
      status: 'failed',
      stage: 'ended',
      reason: 'unhealthy',
      message: 'it says 500',
      rolledBackBy: null,
      endedAt: after(7),
    })
  })

  it('keeps why it did until the restore is over', () => {
    const { head } = giveUp(draftOf(withInstance({ status: 'lost' })), 'no_answer', null, after(7))
    expect(head.deployment).toMatchObject({
      stage: 'restoring',
      reason: 'no_answer',
      endedAt: null,
    })
  })
})

describe('the end', () => {
  const succeeded = { status: 'succeeded', reason: 'deployed', message: null } as const

  it('of a success makes its release the live one and keeps four before it', () => {
    let story = begin()
    for (let index = 1; index <= 7; index += 1) story = live(index, 1, story)
    expect(story.head.releases.map(({ generation }) => generation)).toEqual([7, 6, 5, 4, 3])
  })

  it('is remembered of the last ten that an alarm may be about', () => {
    let story = begin()
    for (let index = 1; index <= 12; index += 1) story = live((index % 9) + 1, 1, story)
    expect(story.head.finished.map(({ generation }) => generation)).toEqual([
      12, 11, 10, 9, 8, 7, 6, 5, 4, 3,
    ])
  })

  it('is not remembered of one that sent nothing: no alarm can be about it', () => {
    expect(openedBy(begin(), openingOf(1, 0)).head.finished).toEqual([])
  })

  it('of a way back moves the earlier release to the front and does not double it', () => {
    const opening = openingOf(1, 1, { kind: 'rollback' })
    const first = live(1, 1).head.releases[0]
    if (first === undefined) throw new Error('nothing live')
    const story = openedBy(live(2, 1, live(1, 1)), { ...opening, release: first })
    const { releases } = end(draftOf(story.head), succeeded, after(7)).head
    expect(releases.map(({ generation }) => generation)).toEqual([1, 2])
  })

  it('of a failure leaves what is live', () => {
    const { head } = openedBy(live(1, 1), openingOf(2, 1))
    const failed = { status: 'failed', reason: 'unhealthy', message: null } as const
    expect(end(draftOf(head), failed, after(7)).head.releases).toBe(head.releases)
  })

  it('is nothing where no deployment is open', () => {
    const { head } = begin()
    expect(end(draftOf(head), succeeded, after(7)).events).toEqual([])
    expect(giveUp(draftOf(head), 'no_answer', null, after(7)).events).toEqual([])
  })
})
