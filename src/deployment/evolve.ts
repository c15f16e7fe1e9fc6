import type { Instant } from '../kernel/clock.ts'
import { Fence } from '../kernel/id.ts'
import { apply } from './apply.ts'
import type { Event } from './event.ts'
import { oweFacts, toFacts } from './facts.ts'
import type { Head } from './head.ts'

/**
 * The head after these events, with what they make worth telling. The same head where there are none;
 * else its version is higher. Pure.
 */
export const evolve = (before: Head, events: readonly Event[], now: Instant): Head => {
  if (events.length === 0) return before
  const after = events.reduce(
    (head, event) => oweFacts(apply(head, event), toFacts(head, event, before.version, now)),
    before,
  )
  return { ...after, version: Fence.parse(after.version + 1) }
}
