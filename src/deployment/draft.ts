import { apply } from './apply.ts'
import type { Event } from './event.ts'
import type { Head } from './head.ts'

/** What is decided so far, and the head that it leads to: the next decision is taken from that. */
export interface Draft {
  readonly head: Head
  readonly events: readonly Event[]
}

export const draftOf = (head: Head): Draft => ({ head, events: [] })

export const emit = ({ head, events }: Draft, ...added: readonly Event[]): Draft => ({
  head: added.reduce(apply, head),
  events: [...events, ...added],
})
