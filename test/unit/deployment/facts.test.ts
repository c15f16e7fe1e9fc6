import { describe, expect, it } from 'vitest'
import { dueFact } from '../../../src/deployment/facts.ts'

import type { Answer } from '../../../src/deployment/step.ts'
import { evolve, type Observation } from '../../../src/deployment/transition.ts'
import {
  after,
  begin,
  deploymentOf,
  failedAt,
  hear,
  instanceAt,
  lettings,
  live,
  look,
  openedBy,
  openingOf,
  see,
  send,
  servingOf,
  start,
  succeededAt,
  type Story,
} from '../../support/deployments.ts'
import { answerOf } from '../../support/hosts.ts'
import { commitAt, digestAt, ec2 } from '../../support/rollout-world.ts'
import { renderTarget, keyAt } from '../../support/targets.ts'

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

/** Release 2 is out on the one instance and is taken back, which then serves release 1 again. */
const takenBack = (from: Story, kind: 'cancel' | 'rollback', settings = lettings): Story => {
  const opened = openedBy(from, openingOf(2, 1, {}, settings))
  const sent = send(look(opened, start), start)
  const word = kind === 'cancel' ? { kind } : { kind, to: null }
  const said = see(sent, { kind: 'operated', word, by: 'ada', id: '1' }, after(1))
  const restoring = send(look(look(said, after(1)), after(1)), after(1), [], 'command-2')
  return look(hear(restoring, after(2), succeededAt(1, 1)), after(2))
}

/** A person takes back what is live, and the release before comes up again. */
const rolledBack = (from: Story): Story => {
  const word = { kind: 'rollback', to: null } as const
  const said = see(from, { kind: 'operated', word, by: 'ada', id: '1' }, after(1))
  const release = said.head.releases[1]
  if (release === undefined) throw new Error('no release')
  const opening = openingOf(1, 1, { kind: 'rollback', by: 'ada', order: null, release })
  const sent = send(look(openedBy(said, opening, after(2)), after(2)), after(2))
  return look(hear(sent, after(3), succeededAt(1, 1)), after(3))
}

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

  it('is a freeze in a person’s words, also where they are a reason’s code', () => {
    const word = { kind: 'freeze', reason: 'rollback_failed' } as const
    const frozen = see(begin(), { kind: 'operated', word, by: 'ada', id: '1' }, after(1))
    expect(frozen.head.owed).toEqual([
      {
        id: 'frozen:0',
        kind: 'frozen',
        at: after(1),
        by: 'ada',
        reason: null,
        message: 'rollback_failed',
        deployment: null,
        told: [],
        tries: 0,
        dueAt: after(1),
        claimedUntil: null,
      },
    ])
    const thaw = { kind: 'unfreeze' } as const
    const thawed = see(frozen, { kind: 'operated', word: thaw, by: 'bob', id: '2' }, after(2))
    expect(thawed.head.owed.slice(1)).toMatchObject([
      { id: 'unfrozen:1', at: after(2), reason: null, message: null, deployment: null },
    ])
  })

  it('is nothing where a frozen app sees something else', () => {
    const freeze = { reason: 'exams', by: 'ada', at: start }
    const request = { revision: null, force: false, by: 'ada', at: start, refusal: null }
    const story = see(begin({ freeze }), { kind: 'requested', request, id: '1' }, start)
    expect(ids(story)).toEqual([])
  })

  it('is what became of the way back', () => {
    const story = rolledBack(live(2, 1, live(1, 1)))
    expect(story.head.owed.slice(-2)).toMatchObject([
      { id: '3:started', kind: 'started', by: 'ada', reason: null },
      { id: '3:rolled_back', kind: 'rolled_back', reason: 'deployed', message: null },
    ])
  })

  it('is that the way back itself failed, beside the freeze that follows', () => {
    const word = { kind: 'rollback', to: null } as const
    const said = see(
      live(2, 1, live(1, 1)),
      { kind: 'operated', word, by: 'ada', id: '1' },
      after(1),
    )
    expect(ids(said)).toEqual(ids(live(2, 1, live(1, 1))))
    const release = said.head.releases[1]
    if (release === undefined) throw new Error('no release')
    const opening = openingOf(1, 0, { kind: 'rollback', order: null, release })
    const failed = openedBy(said, opening, after(2))
    expect(failed.head.owed.slice(-2)).toMatchObject([
      { id: '3:failed', kind: 'failed', reason: 'no_instances' },
      { kind: 'frozen', reason: 'rollback_failed' },
    ])
  })

  it('is that an open deployment was cancelled or taken back', () => {
    for (const [kind, status] of [
      ['cancel', 'cancelled'],
      ['rollback', 'rolled_back'],
    ] as const) {
      const story = takenBack(live(1, 1), kind)
      expect(story.head.owed.at(-1)).toMatchObject({
        id: `2:${status}`,
        kind: status,
        message: 'by ada',
        deployment: { generation: 2, kind: 'deploy' },
      })
    }
  })

  it('is that what ran before the switch is not undone, only where something ran', () => {
    const told = (story: Story) => story.head.owed.at(-1)?.deployment?.afterPredeploy
    const without = { ...lettings, targets: [ec2({ predeploy: null })] }
    expect(told(takenBack(live(1, 1), 'rollback'))).toBe(true)
    expect(told(takenBack(live(1, 1), 'rollback', without))).toBe(false)
    const mixed = { ...lettings, targets: [ec2({ predeploy: null }), ec2()] }
    expect(told(takenBack(live(1, 1), 'rollback', mixed))).toBe(true)
    const word = { kind: 'rollback', to: null } as const
    const queued = openedBy(live(1, 1), openingOf(2, 1))
    const said = see(queued, { kind: 'operated', word, by: 'ada', id: '1' }, after(1))
    expect(told(look(said, after(1)))).toBe(false)
    expect(told(live(2, 1, live(1, 1)))).toBe(false)
    const { head } = live(2, 1, live(1, 1))
    const releases = head.releases.map((release) => ({ ...release, settings: without }))
    expect(told(rolledBack({ head: { ...head, releases }, actions: [] }))).toBe(false)
    const hosted = { ...lettings, targets: [renderTarget()] }
    expect(told(takenBack(live(1, 1), 'rollback', hosted))).toBe(false)
  })

  it('is told in 300 characters at most', () => {
    const message = 'x'.repeat(400)
    const sent = send(look(openedBy(begin(), openingOf(1, 1)), start), start)
    const failed = hear(sent, start, failedAt(1, { message }))
    expect(failed.head.owed.at(-1)?.message).toBe('x'.repeat(300))
  })

  it('is that there is no way back, each time that somebody asks in vain', () => {
    const request = { kind: 'requested', id: '1' } as const
    const wish = { revision: null, force: false, by: 'bob', at: start, refusal: null }
    const transition = { alarm: 'oc-lettings-5xx', at: after(1), from: 'OK' } as const
    const alarmed = see(live(1, 1), { kind: 'alarmed', transition, windowSeconds: 60 }, after(1))
    expect(alarmed.head.owed.at(-1)).toMatchObject({
      id: `1:not_rolled_back:${alarmed.head.version - 1}`,
      kind: 'not_rolled_back',
      at: after(1),
      by: 'alarm oc-lettings-5xx',
      reason: 'nothing_to_roll_back_to',
      message: null,
      deployment: null,
    })
    const other = see(alarmed, { ...request, request: wish }, after(2))
    expect(ids(other)).toEqual(ids(alarmed))
    const { takeBack } = other.head
    if (takeBack === null) throw new Error('no rollback was refused')
    const refused = { kind: 'rollback_refused', takeBack, reason: 'cancelled' } as const
    expect(evolve(other.head, [refused], after(3)).owed).toHaveLength(other.head.owed.length + 1)
  })

  it('is kept to the newest twenty', () => {
    let story = begin()
    for (let count = 1; count <= 30; count += 1) {
      const word = { kind: 'freeze', reason: `${count}` } as const
      story = see(story, { kind: 'operated', word, by: 'ada', id: `${count}` }, after(count))
    }
    expect(story.head.owed).toHaveLength(20)
    expect(story.head.owed[0]).toMatchObject({ message: '11' })
    expect(story.head.owed.at(-1)).toMatchObject({ message: '30' })
  })
})

describe('what is owed of an instance that was changed by hand', () => {
  const hour = after(3600)

  /** Release 1 was live on the instances; they are asked what they serve after an hour. */
  const asked = (instances: number, drift: 'repair' | 'report' = 'repair'): Story => {
    const { head } = live(1, instances)
    const settings = { ...lettings, targets: [ec2({ drift })] }
    const releases = head.releases.map((release) => ({ ...release, settings }))
    const candidates = Array.from({ length: instances }, (_, index) => ({
      id: instanceAt(index + 1),
      target: keyAt(0),
      obstacle: null,
    }))
    const found = { kind: 'found', candidates, capacities: [1], called: null } as const
    const story = see({ head: { ...head, releases, owed: [] }, actions: [] }, found, hour)
    return send(look(story, hour), hour)
  }
  const changed = (index: number) =>
    answerOf(instanceAt(index), 'succeeded', null, { serving: servingOf(9, 9) })
  const drifted = ({ head }: Story) =>
    head.owed.flatMap(({ kind, message }) => (kind === 'drifted' ? [message] : []))

  it('is that it was put right', () => {
    const out = send(look(hear(asked(1), hour, changed(1)), hour), hour)
    const story = look(hear(out, hour, succeededAt(1, 1)), hour)
    expect(story.head.owed).toMatchObject([
      {
        id: `drifted:${story.head.version - 1}`,
        kind: 'drifted',
        by: 'convergence',
        reason: 'drifted',
        message: `${instanceAt(1)} was put right`,
        deployment: null,
      },
    ])
  })

  it('is that it is left as it is, where the app asks for no more', () => {
    const story = look(hear(asked(1, 'report'), hour, changed(1)), hour)
    expect(drifted(story)).toEqual([`${instanceAt(1)} is left as it is (drift: report)`])
  })

  it('is why it could not be put right, of each for itself', () => {
    const failing = (story: Story, index: number, changes: Partial<Answer>) => {
      const out = send(look(hear(story, hour, changed(index)), hour), hour)
      return look(hear(out, hour, failedAt(index, changes)), hour)
    }
    const first = send(failing(asked(2), 1, { reason: 'tool_missing' }), hour)
    expect(drifted(failing(first, 2, { reason: null }))).toEqual([
      `${instanceAt(1)} could not be put right (tool_missing); ${instanceAt(2)} could not be put right (no_answer)`,
    ])
  })

  it('is told once, whatever else is written before it is out of the way', () => {
    const left = look(hear(asked(1, 'report'), hour, changed(1)), hour)
    const out = send(look(hear(asked(1), hour, changed(1)), hour), hour)
    const right = look(hear(out, hour, succeededAt(1, 1)), hour)
    const word = { kind: 'freeze', reason: 'exams' } as const
    for (const over of [left, right]) {
      const frozen = see(over, { kind: 'operated', word, by: 'ada', id: '1' }, hour)
      expect(deploymentOf(frozen)).toMatchObject({ kind: 'converge', stage: 'ended' })
      expect(frozen.head.owed.map(({ kind }) => kind)).toEqual(['drifted', 'frozen'])
    }
  })

  it('is told in 300 characters at most', () => {
    const { head } = hear(asked(1, 'report'), hour, changed(1))
    const deployment = deploymentOf({ head, actions: [] })
    const many = [1, 2, 3, 4, 5, 6, 7, 8, 9]
    const instances = many.flatMap((index) =>
      deployment.instances.map((one) => ({ ...one, id: instanceAt(index) })),
    )
    const places = many.flatMap((index) =>
      head.places.map((place) => ({ ...place, id: instanceAt(index) })),
    )
    const story = {
      head: { ...head, places, deployment: { ...deployment, instances } },
      actions: [],
    }
    expect(drifted(look(story, hour))[0]).toHaveLength(300)
  })

  it('is one sentence for each', () => {
    const one = hear(asked(2), hour, changed(1))
    const right = hear(send(look(one, hour), hour), hour, succeededAt(1, 1))
    const two = hear(send(look(right, hour), hour), hour, changed(2))
    const story = look(hear(send(look(two, hour), hour), hour, failedAt(2)), hour)
    expect(drifted(story)).toEqual([
      `${instanceAt(1)} was put right; ${instanceAt(2)} could not be put right (unhealthy)`,
    ])
  })

  it('is nothing where it serves what it should, nor where that could not be asked', () => {
    expect(drifted(look(hear(asked(1), hour, succeededAt(1, 1)), hour))).toEqual([])
    const failed = failedAt(1, { reason: 'tool_missing' })
    expect(drifted(look(hear(asked(1), hour, failed), hour))).toEqual([])
  })

  it('is told once, however often it is met', () => {
    const told = look(hear(asked(1, 'report'), hour, changed(1)), hour)
    const { generation } = deploymentOf(told)
    const later = after(7200)
    const gone = see(told, { kind: 'archived', generation, windowSeconds: null }, later)
    const candidates = [{ id: instanceAt(1), target: keyAt(0), obstacle: null }]
    const found = { kind: 'found', candidates, capacities: [1], called: null } as const
    const again = send(look(see(gone, found, later), later), later)
    const met = look(hear(again, later, changed(1)), later)
    expect(deploymentOf(met)).toMatchObject({ kind: 'converge', stage: 'ended' })
    expect(drifted(met)).toEqual([])
  })

  it('is that something else came before it was put right', () => {
    const story = openedBy(hear(asked(1), hour, changed(1)), openingOf(2, 1), hour)
    expect(drifted(story)).toEqual([`${instanceAt(1)} could not be put right (superseded)`])
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

  it('waits for no other than its own', () => {
    const first = claimed(live(1, 1), '1:started', start)
    const word = { kind: 'freeze', reason: 'exams' } as const
    const frozen = see(first, { kind: 'operated', word, by: 'ada', id: '1' }, after(1))
    expect(dueFact(frozen.head, after(1))).toMatchObject({ kind: 'frozen' })
    const other = see(started(), { kind: 'operated', word, by: 'ada', id: '1' }, start)
    const telling = claimed(other, ids(other).at(-1) ?? '', start)
    expect(dueFact(telling.head, start)).toMatchObject({ id: '1:started' })
    const both = live(2, 1, first)
    expect(dueFact(both.head, after(1))).toMatchObject({ id: '2:started' })
  })

  it('that is not owed is neither claimed nor told, and one that is not due not claimed', () => {
    const story = started()
    expect(claimed(story, '9:started', start).head).toBe(story.head)
    expect(told(story, start, { id: '9:started', isDone: true }).head).toBe(story.head)
    const one = told(claimed(story, '1:started', start), start)
    expect(one.head.owed[0]).toMatchObject({ tries: 1, claimedUntil: null, dueAt: after(15) })
    expect(dueFact(one.head, after(14))).toBeNull()
    expect(claimed(one, '1:started', after(14)).head).toBe(one.head)
    expect(claimed(one, '1:started', after(15)).head.owed[0]).toMatchObject({ tries: 2 })
  })

  it('leaves the others as they are', () => {
    const one = claimed(live(1, 1), '1:succeeded', start)
    expect(one.head.owed).toMatchObject([
      { id: '1:started', tries: 0 },
      { id: '1:succeeded', tries: 1 },
    ])
    expect(ids(told(one, start, { id: '1:succeeded', isDone: true }))).toEqual(['1:started'])
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
    expect(look(idle, after(3599)).head).toBe(idle.head)
    expect(ids(look(idle, after(3600)))).toEqual([])
    const busy = told(claimed(started(), '1:started', start), start, { afterSeconds: 3599 })
    expect(ids(busy)).toEqual(['1:started'])
    const never = told(claimed(started(), '1:started', start), start, { afterSeconds: 3600 })
    expect(ids(never)).toEqual([])
  })
})
