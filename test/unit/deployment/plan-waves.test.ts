import { describe, expect, it } from 'vitest'
import { planWaves } from '../../../src/deployment/wave.ts'

describe('the waves of a rollout', () => {
  it.each([
    ['no instance', 0, { kind: 'count', value: 1 }, []],
    ['one by one', 3, { kind: 'count', value: 1 }, [0, 1, 2]],
    ['the first alone, then two at a time', 5, { kind: 'count', value: 2 }, [0, 1, 1, 2, 2]],
    ['half of them, rounded up', 5, { kind: 'percent', value: 50 }, [0, 1, 1, 1, 2]],
    ['all of them', 3, { kind: 'percent', value: 100 }, [0, 1, 1]],
    ['at least one at a time', 3, { kind: 'percent', value: 1 }, [0, 1, 2]],
  ] as const)('cuts waves: %s', (_name, count, batch, waves) => {
    expect(planWaves(count, batch, Infinity)).toEqual(waves)
  })

  it('cuts waves of at most the 50 instances that one command takes', () => {
    const waves = planWaves(102, { kind: 'percent', value: 100 }, Infinity)
    const sizes = [0, 1, 2, 3].map((wave) => waves.filter((one) => one === wave).length)
    expect(sizes).toEqual([1, 50, 50, 1])
  })

  it('cuts waves as small as their envelope makes them, and none empty', () => {
    const all = { kind: 'percent', value: 100 } as const
    expect(planWaves(6, all, 2)).toEqual([0, 1, 1, 2, 2, 3])
    expect(planWaves(3, all, 0)).toEqual([0, 1, 2])
  })
})
