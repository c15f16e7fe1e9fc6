import { describe, expect, it } from 'vitest'
import { blockers, firstBlocker, hasWork, type Attempt } from '../../../src/deployment/blockers.ts'
import type { Head } from '../../../src/deployment/head.ts'
import { begin, bringLive, live, takeBack, type Core } from '../../support/core.ts'
import { after, candidateAt, openingOf, placeAt } from '../../support/deployments.ts'
import { commitAt, digestAt } from '../../support/examples.ts'

const freeze = { kind: 'freeze', reason: 'exams' } as const
const content = { commit: commitAt(9), digest: digestAt(9) }

/** Everything that can be in the way at once: release 9 is open and is to be taken back. */
const blocked = (): Core =>
  live(1, 1).open(openingOf(9, 1)).ask().say(freeze).say({ kind: 'rollback', to: null })
const reasonsFor = ({ stored }: Core, kind: Attempt['kind'], force = false) =>
  blockers(stored, { kind, force, content }).map(({ reason }) => reason)

describe('the blockers of an app', () => {
  it('lists the blockers of an automatic deployment, the most important first', () => {
    const all = ['going_back', 'deployment_open', 'request_pending', 'app_frozen', 'quarantined']
    expect(reasonsFor(blocked(), 'deploy')).toEqual(all)
    expect(reasonsFor(blocked(), 'request')).toEqual(all)
  })

  it('does not list the request that is taken up as a blocker', () => {
    const others = ['going_back', 'deployment_open', 'app_frozen', 'quarantined']
    expect(reasonsFor(blocked(), 'redeploy')).toEqual(others)
  })

  it('lists no freeze and no quarantine as a blocker with force', () => {
    const left = ['going_back', 'deployment_open', 'request_pending']
    expect(reasonsFor(blocked(), 'request', true)).toEqual(left)
  })

  it('lists an open deployment as the only blocker of a rollback', () => {
    expect(reasonsFor(blocked(), 'rollback')).toEqual(['deployment_open'])
  })

  it('does not list a refused request or rollback request as a blocker', () => {
    const alarm = { alarm: 'shop-5xx', at: after(1), from: 'OK' } as const
    const core = bringLive(takeBack(begin(), openingOf(9, 1)), openingOf(1, 1))
      .alarm(alarm, 60)
      .open(openingOf(2, 1))
      .ask()
      .decline('nothing_live')
      .say(freeze)
    expect(core.rollback).toMatchObject({ refusal: 'nothing_to_roll_back_to' })
    expect(reasonsFor(core, 'deploy')).toEqual(['deployment_open', 'app_frozen', 'quarantined'])
  })

  it('does not list a repair as a blocker, since it gives way', () => {
    const repairing = live(1, 1).find([candidateAt(2)])
    expect(repairing.repair).not.toBeNull()
    expect(reasonsFor(repairing, 'deploy')).toEqual([])
  })

  it('lists each blocker with what is in the way', () => {
    const core = blocked()
    const { deployment, rollback: request, freeze: frozen } = core.stored
    expect(blockers(core.stored, { kind: 'deploy', force: false, content })).toEqual([
      { reason: 'going_back', request },
      { reason: 'deployment_open', deployment },
      { reason: 'request_pending' },
      { reason: 'app_frozen', freeze: frozen },
      { reason: 'quarantined' },
    ])
  })

  it('lists no blocker for an idle app', () => {
    expect(firstBlocker(begin().stored, { kind: 'deploy', force: false, content })).toBeNull()
    expect(firstBlocker(blocked().stored, { kind: 'deploy', force: false, content })).toBe(
      'going_back',
    )
  })
})

describe('the work of an app, which the schedule looks for', () => {
  /** Release 1 is live on the one instance, and nothing is left to be done or told. */
  const idle = () => ({ ...live(1, 1).stored, notices: [], alarmsUntil: null })
  const asked = () => begin().ask().stored.request
  const takenBack = () => live(1, 1, 2).say({ kind: 'rollback', to: null }).stored.rollback

  it('is none for a new app, and none for one whose live release is on each instance', () => {
    expect(hasWork(begin().stored)).toBe(false)
    expect(hasWork(idle())).toBe(false)
  })

  const works: readonly (readonly [string, () => Partial<Head>])[] = [
    ['an open deployment', () => ({ deployment: begin().open(openingOf(1, 1)).stored.deployment })],
    [
      'an ended deployment',
      () => ({ deployment: begin().open(openingOf(1, 0)).stored.deployment }),
    ],
    ['a request to deploy', () => ({ request: asked() })],
    ['a request to roll back', () => ({ rollback: takenBack() })],
    ['a notice to send', () => ({ notices: begin().open(openingOf(1, 0)).stored.notices })],
    ['an open alarm window', () => ({ alarmsUntil: after(60) })],
    ['an outdated instance', () => ({ observed: [placeAt(2, { generation: null })] })],
  ]
  it.each(works)('is %s by itself', (_, changesOf) => {
    expect(hasWork({ ...idle(), ...changesOf() })).toBe(true)
  })

  it('is no refused request, no freeze and no quarantine', () => {
    const [request, rollback] = [asked(), takenBack()]
    const refusal = 'nothing_live' as const
    const refused = {
      request: request && { ...request, refusal },
      rollback: rollback && { ...rollback, refusal },
    }
    const { freeze: frozen } = begin().say(freeze).stored
    const quarantine = [content.commit, content.digest]
    expect(hasWork({ ...idle(), ...refused, freeze: frozen, quarantine })).toBe(false)
  })
})
