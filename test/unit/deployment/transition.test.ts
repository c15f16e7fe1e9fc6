import { describe, expect, it } from 'vitest'
import { Generation } from '../../../src/kernel/id.ts'
import {
  after,
  begin,
  deploymentOf,
  fenceOf,
  look,
  openedBy,
  openingOf,
  see,
  send,
  start,
} from '../../support/deployments.ts'

const request = { revision: null, force: false, by: 'ada', at: start, refusal: null }

describe('the heart', () => {
  it('raises the version by one where the head changes, and only there', () => {
    const opened = openedBy(begin({ version: fenceOf(41) }), openingOf(1, 1))
    expect(opened.head.version).toBe(42)
    const looked = look(opened, start)
    expect(looked.head.version).toBe(43)
    expect(look(looked, start)).toEqual({ head: looked.head, actions: [] })
  })

  it('sends what it has just intended, and not again when it hears that it is out', () => {
    const looked = look(openedBy(begin(), openingOf(1, 1)), start)
    expect(looked.actions.map(({ kind }) => kind)).toEqual(['send'])
    expect(send(looked, start).actions).toEqual([])
  })

  it('takes a request, and its refusal', () => {
    const asked = see(begin(), { kind: 'requested', request, id: 'r1' }, start)
    expect(asked.head.request).toEqual(request)
    const refused = see(asked, { kind: 'declined', reason: 'nothing_live' }, start)
    expect(refused.head.request).toEqual({ ...request, refusal: 'nothing_live' })
    const none = begin()
    expect(see(none, { kind: 'declined', reason: 'nothing_live' }, start).head).toBe(none.head)
  })

  it('lets an ended deployment go once it is in the history', () => {
    const ended = openedBy(begin(), openingOf(1, 0))
    const { generation } = deploymentOf(ended)
    const gone = see(ended, { kind: 'archived', generation, windowSeconds: null }, start)
    expect(gone.head).toMatchObject({ deployment: null, generation: 1 })
  })

  it('keeps an open one, another one, and does nothing without one', () => {
    const one = Generation.parse(1)
    const open = openedBy(begin(), openingOf(1, 1))
    expect(see(open, { kind: 'archived', generation: one, windowSeconds: null }, start).head).toBe(
      open.head,
    )
    const ended = openedBy(begin(), openingOf(1, 0))
    const other = Generation.parse(2)
    expect(
      see(ended, { kind: 'archived', generation: other, windowSeconds: null }, start).head,
    ).toBe(ended.head)
    const none = begin()
    expect(see(none, { kind: 'archived', generation: one, windowSeconds: null }, start).head).toBe(
      none.head,
    )
  })

  it('never changes an ending, whatever is still heard', () => {
    const ended = openedBy(begin(), openingOf(1, 0))
    const fence = ended.head.version
    const observations = [
      { kind: 'looked', prepared: [], by: 'ada' },
      { kind: 'sent', fence, operation: 'command-9', missing: [] },
      { kind: 'answered', fence, answers: [] },
      { kind: 'wanted', opening: openingOf(2, 1) },
    ] as const
    for (const observation of observations)
      expect(see(ended, observation, after(2000)).head).toBe(ended.head)
  })
})
