import { describe, expect, it } from 'vitest'
import { askedAgain, compareOrders, newerOrder } from '../../../src/deployment/revision.ts'
import { after, start } from '../../support/deployments.ts'

const at = (seconds: number, number: number) => ({ createdAt: after(seconds), number })

describe('the newer of two pushes', () => {
  it('takes the push whose run was made later as the newer, then the one with the higher number', () => {
    expect(compareOrders(at(0, 9), at(1, 1))).toBeLessThan(0)
    expect(compareOrders(at(1, 1), at(0, 9))).toBeGreaterThan(0)
    expect(compareOrders(at(0, 1), at(0, 2))).toBeLessThan(0)
    expect(compareOrders(at(0, 2), at(0, 2))).toBe(0)
  })

  it('takes a push as the newer one where it is the only one', () => {
    expect(newerOrder(at(0, 1), at(1, 1))).toEqual(at(1, 1))
    expect(newerOrder(at(1, 1), at(0, 1))).toEqual(at(1, 1))
    expect(newerOrder(null, at(1, 1))).toEqual(at(1, 1))
    expect(newerOrder(at(1, 1), null)).toEqual(at(1, 1))
    expect(newerOrder(null, null)).toBeNull()
  })
})

describe('a lookup in vain', () => {
  it('counts a lookup in vain, and does not repeat it before the time that was named', () => {
    const first = askedAgain(null, start, null)
    expect(first).toEqual({ at: start, count: 1, retryAt: null })
    expect(askedAgain(first, after(15), 30)).toEqual({
      at: after(15),
      count: 2,
      retryAt: after(45),
    })
  })
})
