import { describe, expect, it } from 'vitest'
import { blockers, firstBlocker, type Wish } from '../../../src/deployment/blockers.ts'
import type { Head } from '../../../src/deployment/head.ts'
import { Generation } from '../../../src/kernel/id.ts'
import { begin, live, openedBy, openingOf, placeAt, see, start } from '../../support/deployments.ts'
import { commitAt, digestAt } from '../../support/rollout-world.ts'
import { keyAt } from '../../support/targets.ts'

const by = { by: 'ada', at: start }
const takeBack = {
  ...by,
  kind: 'rollback',
  generation: Generation.parse(1),
  to: null,
  reason: 'rolled_back',
  refusal: null,
} as const
const request = { ...by, revision: null, force: false, refusal: null }
const freeze = { ...by, reason: 'exams' }
const content = { commit: commitAt(1), digest: digestAt(1) }

/** Everything that can be in the way at once. */
const blocked: Head = {
  ...openedBy(begin(), openingOf(1, 1)).head,
  takeBack,
  request,
  freeze,
  quarantine: [commitAt(1)],
}
const reasonsFor = (head: Head, kind: Wish['kind'], force = false) =>
  blockers(head, { kind, force, content }).map(({ reason }) => reason)

describe('the blockers of an app', () => {
  it('come in one order, the most important first, for a revision that goes out by itself', () => {
    const all = ['going_back', 'deployment_open', 'request_pending', 'app_frozen', 'quarantined']
    expect(reasonsFor(blocked, 'deploy')).toEqual(all)
    expect(reasonsFor(blocked, 'request')).toEqual(all)
  })

  it('do not include the request that is taken up', () => {
    expect(reasonsFor(blocked, 'redeploy')).not.toContain('request_pending')
  })

  it('are less with force: a freeze and a quarantine count no more', () => {
    const left = ['going_back', 'deployment_open', 'request_pending']
    expect(reasonsFor(blocked, 'request', true)).toEqual(left)
  })

  it('of a rollback are an open deployment and nothing else', () => {
    expect(reasonsFor(blocked, 'rollback')).toEqual(['deployment_open'])
  })

  it('do not include a request or a rollback that was refused', () => {
    const refusal = 'cancelled' as const
    const head = {
      ...blocked,
      request: { ...request, refusal },
      takeBack: { ...takeBack, refusal },
    }
    expect(reasonsFor(head, 'deploy')).toEqual(['deployment_open', 'app_frozen', 'quarantined'])
  })

  it('do not include the repair of an instance, which gives way', () => {
    const { head } = live(1, 1)
    const candidates = [{ id: placeAt(2).id, target: keyAt(0), obstacle: null }]
    const found = { kind: 'found', candidates, capacities: [1], called: null } as const
    const repairing = see({ head, actions: [] }, found, start).head
    expect(repairing.deployment?.kind).toBe('converge')
    expect(reasonsFor(repairing, 'deploy')).toEqual([])
  })

  it('are none for an app with nothing in its way', () => {
    expect(firstBlocker(begin().head, { kind: 'deploy', force: false, content })).toBeNull()
    expect(firstBlocker(blocked, { kind: 'deploy', force: false, content })).toBe('going_back')
  })
})
