import { describe, expect, it } from 'vitest'
import { isConvergenceDue, type Called } from '../../../src/deployment/converge.ts'
import type { Head, Place } from '../../../src/deployment/head.ts'
import type { Candidate } from '../../../src/deployment/open.ts'
import { Generation } from '../../../src/kernel/id.ts'
import {
  after,
  begin,
  deploymentOf,
  instanceAt,
  lettings,
  live,
  openedBy,
  openingOf,
  placeAt,
  see,
  start,
  type Story,
} from '../../support/deployments.ts'
import { digestAt, ec2 } from '../../support/rollout-world.ts'
import { renderTarget, keyAt } from '../../support/targets.ts'

const one = Generation.parse(1)

const strayAt = (index: number, changes: Partial<Place> = {}): Place =>
  placeAt(index, { generation: null, tries: 1, reason: 'unhealthy', ...changes })

const candidateAt = (index: number, changes: Partial<Candidate> = {}): Candidate => ({
  id: instanceAt(index),
  target: keyAt(0),
  obstacle: null,
  ...changes,
})

/** Release 1 is live, and this is known of its instances. */
const known = (places: readonly Place[], changes: Partial<Head> = {}): Story => ({
  head: { ...live(1, 1).head, places, ...changes },
  actions: [],
})

const find = (
  story: Story,
  candidates: readonly Candidate[],
  at: string,
  called: Called | null = null,
) => see(story, { kind: 'found', candidates, capacities: [1], called }, at)

const askedOf = ({ head }: Story) => head.deployment?.instances.map(({ id }) => id) ?? []

const request = { revision: null, force: false, by: 'ada', at: start, refusal: null }
const takeBack = {
  kind: 'rollback',
  generation: one,
  to: null,
  reason: 'rolled_back',
  by: 'ada',
  at: start,
  refusal: null,
} as const

describe('who is there', () => {
  const called = { at: after(60), returned: [] }

  it('is looked at where somebody came, or a stray may be tried again', () => {
    const settled = known([placeAt(1)]).head
    expect(isConvergenceDue(settled, null, after(9999))).toBe(false)
    expect(isConvergenceDue(settled, called, after(60))).toBe(true)
    const astray = known([placeAt(1), strayAt(2)]).head
    expect(isConvergenceDue(astray, null, after(59))).toBe(false)
    expect(isConvergenceDue(astray, null, after(60))).toBe(true)
  })

  it.each<[string, () => Story]>([
    ['nothing is live', () => begin({ places: [strayAt(2)] })],
    ['what is live was to be left', () => known([strayAt(2)], { quarantine: [digestAt(1)] })],
    ['something is open', () => openedBy(known([strayAt(2)]), openingOf(2, 1))],
    ['a rollback is asked for', () => known([strayAt(2)], { takeBack })],
    ['a redeploy is asked for', () => known([strayAt(2)], { request })],
  ])('is not looked at, and nobody is asked, where %s', (_why, from) => {
    const { head } = from()
    expect(isConvergenceDue(head, called, after(60))).toBe(false)
    const story = find({ head, actions: [] }, [candidateAt(2)], after(60), called)
    expect(story.head).toBe(head)
  })

  it('is looked at again once what was asked for was refused', () => {
    const refusal = 'nothing_live' as const
    const changes = { takeBack: { ...takeBack, refusal }, request: { ...request, refusal } }
    expect(isConvergenceDue(known([], changes).head, called, after(60))).toBe(true)
  })
})

describe('an instance', () => {
  it('that nothing is known of is asked, by a convergence of the live release', () => {
    const story = find(known([placeAt(1)]), [candidateAt(1), candidateAt(2)], after(60))
    expect(deploymentOf(story)).toEqual({
      generation: 1,
      kind: 'converge',
      by: 'convergence',
      status: 'queued',
      stage: 'rolling',
      openedAt: after(60),
      deadlineAt: after(960),
      sentAt: null,
      endedAt: null,
      firing: [],
      takesBack: null,
      rolledBackBy: null,
      release: story.head.releases[0],
      instances: [
        {
          id: instanceAt(2),
          target: keyAt(0),
          wave: 0,
          status: 'unseen',
          touched: false,
          retries: 0,
          serving: null,
          reason: null,
          message: null,
        },
      ],
      intent: null,
      pausedUntil: null,
      reason: null,
      message: null,
    })
    expect(story.head.places).toEqual([placeAt(1)])
  })

  it('that serves what is live is asked after an hour, and not before', () => {
    const story = known([placeAt(1)])
    expect(find(story, [candidateAt(1)], after(3599)).head).toBe(story.head)
    expect(askedOf(find(story, [candidateAt(1)], after(3600)))).toEqual([instanceAt(1)])
  })

  it('that has come back is asked at once, unless it was since', () => {
    const returned = { at: after(60), returned: [instanceAt(1)] }
    const story = known([placeAt(1)])
    expect(askedOf(find(story, [candidateAt(1)], after(61), returned))).toEqual([instanceAt(1)])
    const since = known([placeAt(1, { at: after(60) })])
    expect(find(since, [candidateAt(1)], after(61), returned).head).toBe(since.head)
    const other = { at: after(60), returned: [instanceAt(2)] }
    expect(find(story, [candidateAt(1)], after(61), other).head).toBe(story.head)
  })

  it.each([
    [1, 60],
    [2, 120],
    [6, 1920],
    [7, 3600],
    [30, 3600],
  ])('that went wrong %i times is tried again after %i s', (tries, seconds) => {
    const story = known([strayAt(1, { tries })])
    expect(find(story, [candidateAt(1)], after(seconds - 1)).head).toBe(story.head)
    expect(askedOf(find(story, [candidateAt(1)], after(seconds)))).toEqual([instanceAt(1)])
  })

  it('that a deployment left astray is tried at once', () => {
    const story = known([strayAt(1, { tries: 0 })])
    expect(askedOf(find(story, [candidateAt(1)], start))).toEqual([instanceAt(1)])
  })

  it('that is left drifted is asked after an hour, however often it was', () => {
    const story = known([strayAt(1, { reason: 'drifted', tries: 1 })])
    expect(find(story, [candidateAt(1)], after(3599)).head).toBe(story.head)
    expect(askedOf(find(story, [candidateAt(1)], after(3600)))).toEqual([instanceAt(1)])
  })

  it('that serves another release than the live one is a stray', () => {
    const story = known([placeAt(1, { generation: Generation.parse(7) })])
    expect(askedOf(find(story, [candidateAt(1)], start))).toEqual([instanceAt(1)])
  })

  it('that cannot be reached is noted and tried again later; nothing is opened for it', () => {
    const offline = candidateAt(2, { obstacle: 'instance_offline' })
    const story = find(known([placeAt(1)]), [candidateAt(1), offline], after(60))
    expect(story.head.deployment).toBeNull()
    const noted = { generation: null, at: after(60), tries: 1, reason: 'instance_offline' } as const
    expect(story.head.places).toEqual([placeAt(1), placeAt(2, noted)])
    const again = find(story, [candidateAt(1), offline], after(120))
    expect(again.head.places).toEqual([
      placeAt(1),
      placeAt(2, { ...noted, at: after(120), tries: 2 }),
    ])
  })

  it('that is gone is forgotten', () => {
    const story = find(known([placeAt(1), placeAt(2)]), [candidateAt(1)], after(60))
    expect(story.head).toMatchObject({ places: [placeAt(1)], deployment: null })
  })

  it('is known in each target for itself', () => {
    const both = [candidateAt(1), candidateAt(1, { target: keyAt(1) })]
    const { head } = known([placeAt(1)])
    const settings = { ...lettings, targets: [ec2(), ec2({ key: keyAt(1) })] }
    const releases = head.releases.map((release) => ({ ...release, settings }))
    const story = find({ head: { ...head, releases }, actions: [] }, both, after(60))
    expect(deploymentOf(story).instances.map(({ target }) => target)).toEqual([keyAt(1)])
  })
})

describe('a hosted service', () => {
  const there = { target: renderTarget().key }
  const hosted = (places: readonly Place[]): Story => {
    const { head } = known(places)
    const settings = { ...lettings, targets: [renderTarget()] }
    const releases = head.releases.map((release) => ({ ...release, settings }))
    return { head: { ...head, releases }, actions: [] }
  }

  it('cannot be asked what it serves: it is left alone where nothing is known to be wrong', () => {
    for (const places of [[], [placeAt(1, there)]]) {
      const story = hosted(places)
      expect(find(story, [candidateAt(1, there)], after(9999)).head).toBe(story.head)
    }
  })

  it('is put right where it is known to be wrong, when its time has come', () => {
    const story = hosted([strayAt(1, there)])
    expect(find(story, [candidateAt(1, there)], after(59)).head).toBe(story.head)
    const tried = find(story, [candidateAt(1, there)], after(60))
    expect(deploymentOf(tried).instances).toMatchObject([{ id: instanceAt(1), status: 'pending' }])
  })
})
