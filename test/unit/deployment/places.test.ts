import { describe, expect, it } from 'vitest'
import type { InstanceState, Place } from '../../../src/deployment/head.ts'
import { hasStrays, notePlaces } from '../../../src/deployment/places.ts'
import { Generation } from '../../../src/kernel/id.ts'
import {
  after,
  begin,
  deploymentOf,
  live,
  openedBy,
  openingOf,
  placeAt,
  servingOf,
} from '../../support/deployments.ts'
import { digestAt } from '../../support/rollout-world.ts'
import { keyAt } from '../../support/targets.ts'

/** Release 1 is live; release 2 ended so on the one instance, of which this was known before. */
const noted = (
  changes: Partial<InstanceState>,
  status: 'succeeded' | 'failed' = 'failed',
  kind: 'deploy' | 'converge' = 'deploy',
  places: readonly Place[] = [placeAt(1, { tries: 3 })],
) => {
  const { head } = openedBy(live(1, 1), openingOf(2, 1))
  const open = deploymentOf({ head, actions: [] })
  const instances = open.instances.map((instance) => ({ ...instance, touched: true, ...changes }))
  const release = kind === 'converge' ? head.releases[0] : open.release
  if (release === undefined) throw new Error('nothing is live')
  return notePlaces({ ...head, places }, { ...open, kind, status, release, instances }, after(9))
}

describe('what is known of an instance after a deployment', () => {
  it('is that it serves the new release, where that is live now', () => {
    expect(noted({ status: 'succeeded', serving: servingOf(2, 2) }, 'succeeded')).toEqual([
      placeAt(1, { generation: Generation.parse(2), at: after(9) }),
    ])
  })

  it('is that it serves what was live before, where that was brought back or never left', () => {
    for (const status of ['restored', 'failed'] as const)
      expect(noted({ status, serving: servingOf(1, 1), reason: 'unhealthy' })).toEqual([
        placeAt(1, { at: after(9) }),
      ])
  })

  it('is why it serves something else', () => {
    expect(noted({ status: 'failed', serving: servingOf(2, 2), reason: 'unhealthy' })).toEqual([
      placeAt(1, { generation: null, at: after(9), reason: 'unhealthy' }),
    ])
  })

  it('is that it serves something else, also where that is the same image', () => {
    const other = { ...servingOf(1, 1), generation: Generation.parse(9) }
    expect(noted({ status: 'failed', serving: other, reason: 'unhealthy' })).toMatchObject([
      { generation: null, reason: 'unhealthy' },
    ])
  })

  it('is why it serves what it does where nothing was ever live', () => {
    const { head } = openedBy(begin(), openingOf(1, 1))
    const open = deploymentOf({ head, actions: [] })
    const failed = { touched: true, status: 'failed', serving: servingOf(1, 1) } as const
    const instances = open.instances.map((one) => ({ ...one, ...failed }))
    expect(notePlaces(head, { ...open, status: 'failed', instances }, after(9))).toEqual([
      placeAt(1, { generation: null, at: after(9), reason: 'no_answer' }),
    ])
  })

  it('is that nobody has said what it serves', () => {
    const unknown = { status: 'unknown', serving: servingOf(1, 1), reason: 'not_restored' } as const
    const astray = { generation: null, at: after(9) }
    expect(noted(unknown)).toEqual([placeAt(1, { ...astray, reason: 'not_restored' })])
    expect(noted({ status: 'lost' })).toEqual([placeAt(1, { ...astray, reason: 'no_answer' })])
  })

  it('is what it was where nothing was sent to it', () => {
    for (const status of ['pending', 'failed'] as const)
      expect(noted({ touched: false, status })).toEqual([placeAt(1, { tries: 3 })])
  })

  it('leaves what is known of the others', () => {
    const others = [placeAt(2), placeAt(1, { target: keyAt(1) })]
    const serving = { status: 'restored', serving: servingOf(1, 1) } as const
    expect(noted(serving, 'failed', 'deploy', [placeAt(1), ...others])).toEqual([
      ...others,
      placeAt(1, { at: after(9) }),
    ])
  })
})

describe('what is known of an instance after a convergence', () => {
  it('is that it serves what is live, also where nothing had to be sent', () => {
    const asked = { status: 'succeeded', touched: false, serving: servingOf(1, 1) } as const
    expect(noted(asked, 'succeeded', 'converge')).toEqual([placeAt(1, { at: after(9) })])
  })

  it('is one try more where it does not', () => {
    const failed = { status: 'failed', touched: false, reason: 'tool_missing' } as const
    const astray = { generation: null, at: after(9), reason: 'tool_missing' } as const
    expect(noted(failed, 'failed', 'converge')).toEqual([placeAt(1, { ...astray, tries: 4 })])
    expect(noted(failed, 'failed', 'converge', [])).toEqual([placeAt(1, { ...astray, tries: 1 })])
  })

  it.each(['unseen', 'pending'] as const)('is what it was where it is still %s', (status) => {
    expect(noted({ status }, 'failed', 'converge')).toEqual([placeAt(1, { tries: 3 })])
  })
})

describe('an app has strays', () => {
  const astray = placeAt(2, { generation: null, reason: 'instance_offline' })

  it('where an instance does not serve what is live', () => {
    const { head } = live(1, 1)
    expect(hasStrays({ ...head, places: [placeAt(1)] })).toBe(false)
    expect(hasStrays({ ...head, places: [placeAt(1), astray] })).toBe(true)
  })

  it('but not where nothing is to be brought to anybody', () => {
    const quarantine = [digestAt(1)]
    expect(hasStrays(begin({ places: [astray], quarantine }).head)).toBe(false)
    const { head } = live(1, 1)
    expect(hasStrays({ ...head, places: [astray], quarantine })).toBe(false)
  })
})
