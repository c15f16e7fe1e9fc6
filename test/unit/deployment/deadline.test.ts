import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  hostSecondsUntil,
  isPast,
  operationLimits,
  rollingEndsAt,
} from '../../../src/deployment/deadline.ts'
import type { Deployment } from '../../../src/deployment/head.ts'
import { secondsBetween } from '../../../src/kernel/clock.ts'
import {
  after,
  begin,
  deploymentOf,
  openedBy,
  openingOf,
  start,
} from '../../support/deployments.ts'

const lasting = (seconds: number): Deployment => ({
  ...deploymentOf(openedBy(begin(), openingOf(1, 1))),
  deadlineAt: after(seconds),
})

describe('the time of a deployment', () => {
  it.each([
    [900, 600],
    [3600, 3300],
    [300, 180],
    [180, 90],
    [60, 30],
  ])(
    'of %i s lets the rollout go on for %i s and keeps the rest for a restore',
    (whole, rolling) => {
      expect(rollingEndsAt(lasting(whole))).toBe(after(rolling))
    },
  )

  it('gives a deploy what is left of the rollout, less what its answer may need', () => {
    const limits = operationLimits(lasting(900), 'deploy', start)
    expect(limits).toEqual({ deadlineAt: after(600), hostSeconds: 525 })
  })

  it('gives a prepare 90 s at most', () => {
    const limits = operationLimits(lasting(900), 'prepare', start)
    expect(limits).toEqual({ deadlineAt: after(90), hostSeconds: 60 })
    expect(operationLimits(lasting(900), 'prepare', after(550))?.deadlineAt).toBe(after(600))
  })

  it('gives a restore all that is left', () => {
    const limits = operationLimits(lasting(900), 'restore', after(600))
    expect(limits).toEqual({ deadlineAt: after(900), hostSeconds: 225 })
  })

  it('begins nothing with less than 15 s for the host', () => {
    expect(operationLimits(lasting(900), 'deploy', after(577))).toEqual({
      deadlineAt: after(600),
      hostSeconds: 15,
    })
    expect(operationLimits(lasting(900), 'deploy', after(579))).toBeNull()
    expect(operationLimits(lasting(900), 'deploy', after(700))).toBeNull()
    expect(hostSecondsUntil(start, after(10))).toBeNull()
  })

  it("keeps the host below the documents' 1800 s", () => {
    expect(operationLimits(lasting(21_600), 'deploy', start)?.hostSeconds).toBe(1740)
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
          const limits = operationLimits(deployment, purpose, after(passed))
          expect(secondsBetween(rollingEndsAt(deployment), deployment.deadlineAt)).toBeGreaterThan(
            0,
          )
          if (limits === null) return
          const operation = secondsBetween(after(passed), limits.deadlineAt)
          expect(limits.hostSeconds).toBeGreaterThanOrEqual(15)
          expect(limits.hostSeconds).toBeLessThan(operation)
          expect(operation).toBeLessThanOrEqual(whole - passed)
        },
      ),
    )
  })

  it('is past at its very moment', () => {
    expect(isPast(after(1), start)).toBe(false)
    expect(isPast(after(1), after(1))).toBe(true)
  })
})
