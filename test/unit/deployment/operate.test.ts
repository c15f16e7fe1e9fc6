import { describe, expect, it } from 'vitest'
import type { OperatorWord } from '../../../src/deployment/operate.ts'
import type { ReleaseName } from '../../../src/deployment/take-back.ts'
import { releaseToBringBack } from '../../../src/deployment/take-back.ts'
import { Generation } from '../../../src/kernel/id.ts'
import {
  after,
  begin,
  deploymentOf,
  hear,
  instanceAt,
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
import { commitAt, digestAt } from '../../support/rollout-world.ts'
import { keyAt } from '../../support/targets.ts'

const say = (story: Story, word: OperatorWord, id = 'ticket-1', at = after(60)): Story =>
  see(story, { kind: 'operated', word, by: 'ada', id }, at)

const rollback = (to: ReleaseName | null = null): OperatorWord => ({ kind: 'rollback', to })

const three = (): Story => live(3, 1, live(2, 1, live(1, 1)))

/** Release 4 is on its way to the one instance. */
const rolling = (): Story => send(look(openedBy(three(), openingOf(4, 1)), start), start)

const refusal = ({ actions }: Story): unknown =>
  actions.flatMap((action) => (action.kind === 'refuse' ? [action.reason] : []))[0]

describe('rollback', () => {
  it('needs no version: it goes to the last release that was live and is not quarantined', () => {
    const { head } = say(three(), rollback())
    expect(head.takeBack).toEqual({
      kind: 'rollback',
      generation: 3,
      to: null,
      reason: 'rolled_back',
      by: 'ada',
      at: after(60),
      refusal: null,
    })
    expect(releaseToBringBack(head)?.generation).toBe(2)
    expect(head.quarantine).toEqual([commitAt(3), digestAt(3)])
    expect(head.mark?.createdAt).toBe(after(60))
  })

  it.each<[string, ReleaseName]>([
    ['number', Generation.parse(1)],
    ['commit', commitAt(1)],
    ['digest', digestAt(1)],
  ])('goes to the release of a %s', (_what, name) => {
    expect(releaseToBringBack(say(three(), rollback(name)).head)?.generation).toBe(1)
  })

  it('opens with the settings and the secret that the release had', () => {
    const said = say(three(), rollback())
    const release = releaseToBringBack(said.head)
    if (release === null) throw new Error('no release')
    const opened = openedBy(said, openingOf(0, 1, { kind: 'rollback', order: null, release }))
    expect(deploymentOf(opened)).toMatchObject({ generation: 4, takesBack: 3, release })
    expect(opened.head.takeBack).toBeNull()
  })

  it('is open to a frozen app', () => {
    const frozen = say(three(), { kind: 'freeze', reason: 'exams' }, 'ticket-0')
    const said = say(frozen, rollback())
    const release = releaseToBringBack(said.head)
    if (release === null) throw new Error('no release')
    const opened = openedBy(said, openingOf(0, 1, { kind: 'rollback', order: null, release }))
    expect(deploymentOf(opened).kind).toBe('rollback')
    expect(opened.head.freeze).not.toBeNull()
  })

  it('of what is on its way cancels it, quarantines it and restores what is live', () => {
    const said = say(rolling(), rollback())
    expect(said.head.quarantine).toEqual([commitAt(4), digestAt(4)])
    const turned = look(said, after(61))
    expect(turned.actions).toEqual([{ kind: 'cancel', target: keyAt(0), operation: 'command-1' }])
    const restoring = send(look(turned, after(61)), after(61), [], 'command-2')
    const back = hear(restoring, after(62), { ...succeededAt(1, 3), reason: 'restored' })
    const ended = look(back, after(62))
    expect(deploymentOf(ended)).toMatchObject({
      status: 'rolled_back',
      reason: 'rolled_back',
      message: 'by ada',
      rolledBackBy: 4,
    })
    expect(releaseToBringBack(ended.head)).toBeNull()
  })

  it('to an earlier release while something is on its way does both', () => {
    const said = say(rolling(), rollback(Generation.parse(2)))
    expect(releaseToBringBack(said.head)?.generation).toBe(2)
    expect(said.head.quarantine).toEqual([commitAt(4), digestAt(4), commitAt(3), digestAt(3)])
  })

  it('to what is live while something is on its way is its cancelling, by another name', () => {
    const { head } = say(rolling(), rollback(Generation.parse(3)))
    expect(head.takeBack).toMatchObject({ kind: 'rollback', generation: 4, to: null })
    expect(head.quarantine).toEqual([commitAt(4), digestAt(4)])
    expect(releaseToBringBack(head)).toBeNull()
  })

  it('of a redeploy of the very same on its way leaves nothing that could be at fault', () => {
    const again = openingOf(3, 1, { kind: 'redeploy', order: null })
    const said = say(send(look(openedBy(three(), again), start), start), rollback())
    expect(said.head.takeBack).toMatchObject({ generation: 4, refusal: null })
    expect(said.head.quarantine).toEqual([])
  })

  it('of what has the image of a release before, with other secrets, leaves that one allowed', () => {
    const { release } = openingOf(3, 1)
    const rotated = openingOf(3, 1, {
      kind: 'redeploy',
      order: null,
      release: { ...release, secretVersion: 'rotated' },
    })
    const { head } = say(send(look(openedBy(three(), rotated), start), start), rollback())
    expect(head.quarantine).toEqual([
      { digest: digestAt(3), secretVersion: 'rotated', env: release.settings.env },
    ])
  })

  it('of the first release on its way leaves nothing', () => {
    const first = send(look(openedBy(begin(), openingOf(1, 1)), start), start)
    const { head } = say(first, rollback())
    expect(head.takeBack).toMatchObject({ generation: 1, to: null, refusal: null })
    expect(head.quarantine).toEqual([commitAt(1), digestAt(1)])
  })

  it('to a release leaves all that came after it, so that no way back leads there', () => {
    const { head } = say(three(), rollback(Generation.parse(1)))
    expect(head.quarantine).toEqual([commitAt(3), digestAt(3), commitAt(2), digestAt(2)])
  })

  it('past a redeploy of the very same keeps what it goes back to', () => {
    const again = live(1, 1, live(1, 1))
    const { head } = say(live(2, 1, again), rollback(Generation.parse(1)))
    expect(head.quarantine).toEqual([commitAt(2), digestAt(2)])
    expect(releaseToBringBack(head)?.generation).toBe(1)
  })

  it.each<[string, () => Story, OperatorWord, string]>([
    ['nothing was ever live', () => begin(), rollback(), 'nothing_live'],
    ['nothing was live before', () => live(1, 1), rollback(), 'nothing_to_roll_back_to'],
    ['no release has that number', three, rollback(Generation.parse(9)), 'release_unknown'],
    ['that is what is live', three, rollback(Generation.parse(3)), 'already_live'],
    ['another one is not taken up', () => say(three(), rollback()), rollback(), 'request_pending'],
  ])('is refused where %s', (_why, from, word, reason) => {
    const before = from()
    const said = say(before, word, 'ticket-2')
    expect(refusal(said)).toBe(reason)
    expect(said.head).toBe(before.head)
  })

  it('is refused to what is quarantined, and while a rollback is open', () => {
    const quarantined = { head: { ...three().head, quarantine: [digestAt(2)] }, actions: [] }
    expect(refusal(say(quarantined, rollback(Generation.parse(2))))).toBe('quarantined')
    const said = say(three(), rollback())
    const release = releaseToBringBack(said.head)
    if (release === null) throw new Error('no release')
    const open = openedBy(said, openingOf(0, 1, { kind: 'rollback', order: null, release }))
    expect(refusal(say(open, rollback(), 'ticket-2'))).toBe('going_back')
    expect(refusal(say(open, { kind: 'cancel' }, 'ticket-2'))).toBe('going_back')
  })
})

describe('nothing is to be brought back', () => {
  it('where nothing is to be taken back, or where what is named is not kept', () => {
    expect(releaseToBringBack(three().head)).toBeNull()
    const { head } = say(three(), rollback(Generation.parse(1)))
    const cancelled = head.takeBack && { ...head.takeBack, kind: 'cancel' as const, to: null }
    expect(releaseToBringBack({ ...head, takeBack: cancelled })).toBeNull()
    const named = head.takeBack && { ...head.takeBack, to: Generation.parse(9) }
    expect(releaseToBringBack({ ...head, takeBack: named })).toBeNull()
  })
})

describe('cancel', () => {
  it('ends what is on its way and quarantines nothing', () => {
    const said = say(rolling(), { kind: 'cancel' })
    expect(said.head.quarantine).toEqual([])
    const turned = look(said, after(61))
    expect(turned.actions).toEqual([{ kind: 'cancel', target: keyAt(0), operation: 'command-1' }])
    const restoring = send(look(turned, after(61)), after(61), [], 'command-2')
    const ended = look(hear(restoring, after(62), succeededAt(1, 3)), after(62))
    expect(deploymentOf(ended)).toMatchObject({ status: 'cancelled', message: 'by ada' })
    expect(releaseToBringBack(ended.head)).toBeNull()
  })

  it('ends at once what has sent nothing', () => {
    const said = say(openedBy(three(), openingOf(4, 1)), { kind: 'cancel' })
    expect(deploymentOf(look(said, after(61)))).toMatchObject({ status: 'cancelled' })
  })

  it('takes a wish back that was not taken up yet', () => {
    const wish = { revision: null, force: false, by: 'bob', at: start, refusal: null }
    const asked = see(three(), { kind: 'requested', request: wish, id: 'ticket-0' }, start)
    expect(say(asked, { kind: 'cancel' }).head.request).toMatchObject({ refusal: 'cancelled' })
  })

  it('calls a rollback off that was not opened yet: what is live stays, and stays allowed', () => {
    const called = say(say(three(), rollback()), { kind: 'cancel' }, 'ticket-2')
    expect(called.head.takeBack).toMatchObject({ generation: 3, refusal: 'cancelled' })
    expect(called.head.quarantine).toEqual([])
    expect(called.head.owed.at(-1)).toMatchObject({ kind: 'not_rolled_back', reason: 'cancelled' })
    expect(say(called, rollback(), 'ticket-3').head.takeBack).toMatchObject({ refusal: null })
  })

  it('is refused while what is on its way is still to be taken back', () => {
    const said = say(rolling(), rollback())
    expect(refusal(say(said, { kind: 'cancel' }, 'ticket-2'))).toBe('request_pending')
  })

  it('after something on its way was taken back calls off no more than the word', () => {
    const turned = look(say(rolling(), rollback()), after(61))
    const restoring = send(look(turned, after(61)), after(61), [], 'command-2')
    const ended = look(hear(restoring, after(62), succeededAt(1, 3)), after(62))
    const { generation } = deploymentOf(ended)
    const gone = see(ended, { kind: 'archived', generation, windowSeconds: null }, after(62))
    const { head } = say(gone, { kind: 'cancel' }, 'ticket-2')
    expect(head.takeBack).toMatchObject({ generation: 4, refusal: 'cancelled' })
    expect(head.quarantine).toEqual([commitAt(4), digestAt(4)])
  })

  it('is refused where nothing is open', () => {
    expect(refusal(say(three(), { kind: 'cancel' }))).toBe('nothing_open')
    const wish = { revision: null, force: false, by: 'bob', at: start } as const
    const asked = {
      ...three().head,
      request: { ...wish, refusal: 'nothing_live' as const },
    }
    expect(refusal(say({ head: asked, actions: [] }, { kind: 'cancel' }))).toBe('nothing_open')
    const called = say(say(three(), rollback()), { kind: 'cancel' }, 'ticket-2')
    expect(refusal(say(called, { kind: 'cancel' }, 'ticket-3'))).toBe('nothing_open')
  })

  it('is refused, and a rollback too, while what is live is brought back already', () => {
    const lost = look(rolling(), after(600))
    expect(deploymentOf(lost).stage).toBe('restoring')
    expect(refusal(say(lost, { kind: 'cancel' }, 'ticket-2', after(601)))).toBe('going_back')
    expect(refusal(say(lost, rollback(), 'ticket-2', after(601)))).toBe('going_back')
  })

  it('leaves an ended deployment as it ended', () => {
    const ended = openedBy(three(), openingOf(4, 0))
    expect(refusal(say(ended, { kind: 'cancel' }))).toBe('nothing_open')
  })

  it('calls a rollback off while an instance is looked after: that is nobody’s deployment', () => {
    const { head } = three()
    const candidates = [{ id: instanceAt(2), target: keyAt(0), obstacle: null }]
    const found = { kind: 'found', candidates, capacities: [1], called: null } as const
    const converging = see({ head, actions: [] }, found, start)
    expect(refusal(say(converging, { kind: 'cancel' }))).toBe('nothing_open')
    const called = say(say(converging, rollback()), { kind: 'cancel' }, 'ticket-2')
    expect(called.head.takeBack).toMatchObject({ generation: 3, refusal: 'cancelled' })
  })
})

describe('freeze and unfreeze', () => {
  it('say who, why and since when, and let nothing out by itself', () => {
    const frozen = say(three(), { kind: 'freeze', reason: 'exams' })
    expect(frozen.head.freeze).toEqual({ reason: 'exams', by: 'ada', at: after(60) })
    expect(refusal(openedBy(frozen, openingOf(4, 1)))).toBe('app_frozen')
    const thawed = say(frozen, { kind: 'unfreeze' }, 'ticket-2')
    expect(thawed.head.freeze).toBeNull()
    expect(refusal(say(thawed, { kind: 'unfreeze' }, 'ticket-3'))).toBe('not_frozen')
  })
})

describe('an operation', () => {
  it('is heard once, however often its request id comes', () => {
    const once = say(three(), rollback())
    expect(say(once, rollback()).head).toBe(once.head)
    expect(say(once, { kind: 'freeze', reason: 'exams' }).head).toBe(once.head)
    const wish = { revision: null, force: false, by: 'bob', at: start, refusal: null }
    const asked = see(three(), { kind: 'requested', request: wish, id: 'ticket-9' }, start)
    const again = see(asked, { kind: 'requested', request: wish, id: 'ticket-9' }, after(5))
    expect(again.head).toBe(asked.head)
    expect(asked.head.operations).toEqual([
      { id: 'ticket-9', kind: 'redeploy', by: 'bob', at: start },
    ])
  })

  it('stands in the head with who and when, the last ten of them', () => {
    let story = three()
    for (let count = 1; count <= 12; count += 1)
      story = say(story, { kind: 'freeze', reason: 'exams' }, `ticket-${count}`, after(count))
    expect(story.head.operations).toHaveLength(10)
    expect(story.head.operations[0]).toEqual({
      id: 'ticket-12',
      kind: 'freeze',
      by: 'ada',
      at: after(12),
    })
  })
})
