import { addSeconds, type Instant } from '../kernel/clock.ts'

const day = 86_400

/**
 * How long a record stays after its instant, in seconds. DynamoDB removes it up to days later: no decision
 * depends on that, and no read hides an expired record.
 */
export const lifetimes = {
  endedRevision: 90 * day,
  deployment: 365 * day,
  step: 90 * day,
  operation: 365 * day,
  alarm: 90 * day,
  command: 7 * day,
  // Recent for 30 days (`src/targets/ec2/ec2.ts`); afterwards the next one is still compared with it.
  certificate: 365 * day,
  carry: 30 * day,
  herokuDeploy: 365 * day,
  herokuRelease: 365 * day,
  signInLink: 7 * day,
  pageSession: 7 * day,
} as const

/** The TTL attribute: epoch seconds. */
export const expiresAt = (from: Instant, record: keyof typeof lifetimes): number =>
  toExpiry(addSeconds(from, lifetimes[record]))

export const toExpiry = (instant: Instant): number => Math.floor(Date.parse(instant) / 1000)
