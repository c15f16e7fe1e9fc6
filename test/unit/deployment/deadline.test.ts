import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { hostSecondsUntil, isPast } from '../../../src/deployment/deadline.ts'
import { secondsBetween } from '../../../src/kernel/clock.ts'
import { begin, type Core } from '../../support/core.ts'
import { after, lettings, openingOf, start } from '../../support/deployments.ts'

/** A deployment that was opened at `start` and has so many seconds. */
const lasting = (seconds: number): Core =>
  begin().open(openingOf(1, 1, {}, { ...lettings, deadlineSeconds: seconds }))

describe('the deadline of a deployment', () => {
  it.each([
    [900, 600],
    [3600, 3300],
    [300, 180],
    [180, 90],
    [60, 30],
  ])(
    'lets the rollout of a deployment of %i s go on for %i s and keeps the rest for a restore',
    (whole, rolling) => {
      expect(lasting(whole).rollingEndsAt()).toBe(after(rolling))
    },
  )

  it('gives a deploy what is left of the rollout, less what its answer may need', () => {
    const limits = lasting(900).limits('deploy')
    expect(limits).toEqual({ deadlineAt: after(600), hostSeconds: 525 })
  })

  it('gives a prepare 90 s at most', () => {
    const limits = lasting(900).limits('prepare')
    expect(limits).toEqual({ deadlineAt: after(90), hostSeconds: 60 })
    expect(lasting(900).at(550).limits('prepare')?.deadlineAt).toBe(after(600))
  })

  it('gives a restore all that is left', () => {
    const limits = lasting(900).at(600).limits('restore')
    expect(limits).toEqual({ deadlineAt: after(900), hostSeconds: 225 })
  })

  it('begins nothing with less than 15 s for the host', () => {
    expect(lasting(900).at(577).limits('deploy')).toEqual({
      deadlineAt: after(600),
      hostSeconds: 15,
    })
    expect(lasting(900).at(579).limits('deploy')).toBeNull()
    expect(lasting(900).at(700).limits('deploy')).toBeNull()
    expect(hostSecondsUntil(start, after(10))).toBeNull()
  })

  it("keeps the host below the documents' 1800 s", () => {
    expect(lasting(21_600).limits('deploy')?.hostSeconds).toBe(1740)
  })

  it('always orders host < operation < deployment, and rollout < deployment', () => {
    const purposes = fc.constantFrom('prepare' as const, 'deploy' as const, 'restore' as const)
    fc.assert(
      fc.property(
        fc.integer({ min: 60, max: 21_600 }),
        fc.nat({ max: 22_000 }),
        purposes,
        (whole, passed, purpose) => {
          const deployment = lasting(whole)
          const limits = deployment.at(passed).limits(purpose)
          expect(secondsBetween(deployment.rollingEndsAt(), after(whole))).toBeGreaterThan(0)
          if (limits === null) return
          const operation = secondsBetween(after(passed), limits.deadlineAt)
          expect(limits.hostSeconds).toBeGreaterThanOrEqual(15)
          expect(limits.hostSeconds).toBeLessThan(operation)
          expect(operation).toBeLessThanOrEqual(whole - passed)
        },
      ),
    )
  })

  it('takes a deadline as past at its very moment', () => {
    expect(isPast(after(1), start)).toBe(false)
    expect(isPast(after(1), after(1))).toBe(true)
  })
})
