import { describe, expect, it } from 'vitest'
import { Generation } from '../../../src/kernel/id.ts'
import {
  after,
  begin,
  deploymentOf,
  failedAt,
  fenceOf,
  hear,
  instanceAt,
  intentOf,
  lettings,
  live,
  look,
  openedBy,
  openingOf,
  see,
  send,
  start,
  succeededAt,
  type Story,
} from '../../support/deployments.ts'
import { ec2 } from '../../support/rollout-world.ts'
import { keyAt } from '../../support/targets.ts'

const word = { kind: 'freeze', reason: 'exams' } as const
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

  it('does not send again because something else is written before it is out', () => {
    const looked = look(openedBy(begin(), openingOf(1, 1)), start)
    const frozen = see(looked, { kind: 'operated', word, by: 'ada', id: 'f1' }, after(1))
    expect(frozen.head.freeze).not.toBeNull()
    expect(intentOf(frozen).operation).toBeNull()
    expect(frozen.actions).toEqual([])
  })

  it('takes a request, and its refusal', () => {
    const asked = see(begin(), { kind: 'requested', request, id: 'r1' }, start)
    expect(asked.head.request).toEqual(request)
    expect(asked.actions).toEqual([])
    const refused = see(asked, { kind: 'declined', reason: 'nothing_live' }, start)
    expect(refused.head.request).toEqual({ ...request, refusal: 'nothing_live' })
    const none = begin()
    expect(see(none, { kind: 'declined', reason: 'nothing_live' }, start).head).toBe(none.head)
  })

  it('takes that nothing is left to bring back, and does nothing where nothing was to be', () => {
    const none = begin()
    expect(see(none, { kind: 'went_back' }, start).head).toBe(none.head)
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

describe('a command', () => {
  /** The first of two instances is told to serve the release; it is in both targets of the app. */
  const two = { ...lettings, targets: [ec2(), ec2({ key: keyAt(1) })] }
  const candidates = [
    { id: instanceAt(1), target: keyAt(0), obstacle: null },
    { id: instanceAt(2), target: keyAt(0), obstacle: null },
    { id: instanceAt(1), target: keyAt(1), obstacle: null },
  ]
  const told = () =>
    send(look(openedBy(begin(), openingOf(1, 3, { candidates }, two)), start), start)

  it('that was answered is not cancelled, whoever else has still to be told', () => {
    expect(hear(told(), after(5), succeededAt(1, 1)).actions).toEqual([])
  })

  it('that came to an end of its own is not cancelled because it failed', () => {
    const story = hear(told(), after(5), failedAt(1))
    expect(deploymentOf(story).reason).toBe('unhealthy')
    expect(story.actions).toEqual([])
  })

  it('that nobody sent has nothing that could be cancelled', () => {
    const story = look(look(openedBy(begin(), openingOf(1, 1)), start), after(600))
    expect(deploymentOf(story).reason).toBe('no_answer')
    expect(story.actions).toEqual([])
  })
})

describe('the alarms of a deployment', () => {
  const archived = (story: Story, windowSeconds: number) => {
    const { generation } = deploymentOf(story)
    return see(story, { kind: 'archived', generation, windowSeconds }, after(60)).head
  }

  it('are watched from its end on', () => {
    const story = hear(
      send(look(openedBy(begin(), openingOf(1, 1)), start), start),
      start,
      succeededAt(1, 1),
    )
    expect(archived(look(story, after(50)), 600).alarmsUntil).toBe(after(650))
  })

  it('are nobody’s business where nothing was ever sent', () => {
    expect(archived(openedBy(begin(), openingOf(1, 0)), 600).alarmsUntil).toBeNull()
  })

  it('are watched no longer because an instance was looked after', () => {
    const { head } = live(1, 1)
    const candidates = [{ id: instanceAt(2), target: keyAt(0), obstacle: null }]
    const found = { kind: 'found', candidates, capacities: [1], called: null } as const
    const story = see({ head: { ...head, alarmsUntil: after(600) }, actions: [] }, found, after(10))
    const asked = hear(send(look(story, after(10)), after(10)), after(20), succeededAt(2, 1))
    const over = look(asked, after(20))
    expect(deploymentOf(over)).toMatchObject({ kind: 'converge', stage: 'ended' })
    expect(archived(over, 3600)).toMatchObject({ deployment: null, alarmsUntil: after(600) })
  })
})
