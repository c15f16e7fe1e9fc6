import { describe, expect, it } from 'vitest'
import { dueFact } from '../../../src/deployment/facts.ts'
import type { Observation } from '../../../src/deployment/transition.ts'
import {
  after,
  begin,
  failedAt,
  hear,
  live,
  look,
  openedBy,
  openingOf,
  see,
  send,
  start,
  type Story,
} from '../../support/deployments.ts'
import { commitAt, digestAt } from '../../support/rollout-world.ts'

const ids = ({ head }: Story): readonly string[] => head.owed.map(({ id }) => id)

const claimed = (story: Story, id: string, at: string): Story =>
  see(story, { kind: 'claimed', id }, at)

const told = (
  story: Story,
  at: string,
  changes: Partial<Extract<Observation, { kind: 'told' }>['told']> = {},
): Story =>
  see(
    story,
    {
      kind: 'told',
      told: { id: '1:started', told: [], isDone: false, afterSeconds: null, ...changes },
    },
    at,
  )

describe('what is owed', () => {
  it('is that a deployment has begun, and how it ended, each once', () => {
    const story = live(1, 2)
    expect(ids(story)).toEqual(['1:started', '1:succeeded'])
    expect(story.head.owed[1]).toMatchObject({
      kind: 'succeeded',
      by: 'github',
      reason: 'deployed',
      deployment: {
        generation: 1,
        kind: 'deploy',
        commit: commitAt(1),
        digest: digestAt(1),
        environment: 'production',
        takesBack: null,
      },
      told: [],
      tries: 0,
      dueAt: start,
    })
  })

  it('tells why a deployment failed', () => {
    const sent = send(look(openedBy(begin(), openingOf(1, 1)), start), start)
    const failed = hear(sent, start, failedAt(1))
    expect(failed.head.owed.at(-1)).toMatchObject({
      id: '1:failed',
      reason: 'unhealthy',
      message: 'it answers 500',
    })
    expect(ids(openedBy(begin(), openingOf(1, 0)))).toEqual(['1:failed'])
  })

  it('tells that the app was frozen, by whom and why, and that it no longer is', () => {
    const word = { kind: 'freeze', reason: 'exams' } as const
    const frozen = see(begin(), { kind: 'operated', word, by: 'ada', id: '1' }, after(1))
    expect(frozen.head.owed).toMatchObject([{ kind: 'frozen', by: 'ada', message: 'exams' }])
    const thaw = { kind: 'unfreeze' } as const
    const thawed = see(frozen, { kind: 'operated', word: thaw, by: 'bob', id: '2' }, after(2))
    expect(thawed.head.owed.at(-1)).toMatchObject({ kind: 'unfrozen', by: 'bob' })
  })

  it('says of a rollback what it takes back, and that migrations are not undone', () => {
    const word = { kind: 'rollback', to: null } as const
    const said = see(
      live(2, 1, live(1, 1)),
      { kind: 'operated', word, by: 'ada', id: '1' },
      after(1),
    )
    const release = said.head.releases[1]
    if (release === undefined) throw new Error('no release')
    const opening = openingOf(1, 1, { kind: 'rollback', order: null, release })
    const begun = look(openedBy(said, opening, after(2)), after(2))
    expect(begun.head.owed.at(-1)).toMatchObject({
      id: '3:started',
      deployment: { kind: 'rollback', takesBack: 2, afterPredeploy: true },
    })
  })

  it('tells the reason of a freeze that no person asked for', () => {
    const said = see(
      live(2, 1, live(1, 1)),
      { kind: 'operated', word: { kind: 'rollback', to: null }, by: 'ada', id: '1' },
      after(1),
    )
    const release = said.head.releases[1]
    if (release === undefined) throw new Error('no release')
    const opening = openingOf(1, 1, {
      kind: 'rollback',
      order: null,
      release,
      obstacle: 'secret_missing',
    })
    expect(openedBy(said, opening, after(2)).head.owed.at(-1)).toMatchObject({
      kind: 'frozen',
      reason: 'rollback_failed',
      message: null,
    })
  })

  it('is kept to the newest twenty', () => {
    let story = begin()
    for (let count = 1; count <= 30; count += 1) {
      const word = { kind: 'freeze', reason: `${count}` } as const
      story = see(story, { kind: 'operated', word, by: 'ada', id: `${count}` }, after(count))
    }
    expect(story.head.owed).toHaveLength(20)
    expect(story.head.owed.at(-1)).toMatchObject({ message: '30' })
  })
})

describe('a fact', () => {
  const started = () => look(openedBy(begin(), openingOf(1, 1)), start)

  it('is told by whoever claims it, and by nobody else for 30 s', () => {
    expect(dueFact(started().head, start)).toMatchObject({ id: '1:started' })
    const one = claimed(started(), '1:started', start)
    expect(one.head.owed[0]).toMatchObject({ tries: 1, claimedUntil: after(30) })
    expect(dueFact(one.head, after(29))).toBeNull()
    expect(claimed(one, '1:started', after(29)).head).toBe(one.head)
    expect(dueFact(one.head, after(30))).toMatchObject({ id: '1:started' })
  })

  it('waits while another one of its deployment is being told', () => {
    const both = claimed(live(1, 1), '1:started', start)
    expect(ids(both)).toEqual(['1:started', '1:succeeded'])
    expect(dueFact(both.head, after(29))).toBeNull()
    const one = told(both, after(2), { isDone: true })
    expect(dueFact(one.head, after(2))).toMatchObject({ id: '1:succeeded' })
  })

  it('is gone once every channel was told', () => {
    const one = told(claimed(started(), '1:started', start), start, { isDone: true })
    expect(ids(one)).toEqual([])
    expect(told(one, after(1), { isDone: true }).head).toBe(one.head)
  })

  it('remembers who was told, and is tried again after 15, 30, 60 … 300 s', () => {
    let story = started()
    const gaps: number[] = []
    for (let tries = 0; tries < 7; tries += 1) {
      const at = story.head.owed[0]?.dueAt ?? start
      story = told(claimed(story, '1:started', at), at, { told: ['event'] })
      gaps.push((Date.parse(story.head.owed[0]?.dueAt ?? '') - Date.parse(at)) / 1000)
    }
    expect(gaps).toEqual([15, 30, 60, 120, 240, 300, 300])
    expect(story.head.owed[0]?.told).toEqual(['event'])
  })

  it('waits as long as a channel asks for', () => {
    const story = told(claimed(started(), '1:started', start), start, { afterSeconds: 100 })
    expect(story.head.owed[0]?.dueAt).toBe(after(100))
  })

  it('is let go after an hour', () => {
    const late = told(claimed(started(), '1:started', after(3590)), after(3590))
    expect(ids(late)).toEqual([])
    const waiting = told(claimed(started(), '1:started', start), start)
    expect(ids({ ...waiting, head: { ...waiting.head, deployment: null } })).toEqual(['1:started'])
    const idle = { ...waiting, head: { ...waiting.head, deployment: null } }
    expect(ids(look(idle, after(3601)))).toEqual([])
  })
})
