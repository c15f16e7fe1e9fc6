import type { Event } from '../deployment/event.ts'
import type { Head } from '../deployment/head.ts'
import { evolve } from '../deployment/transition.ts'
import { toInstant, type Clock, type Instant } from '../kernel/clock.ts'
import type { AppName } from '../kernel/id.ts'
import type { Heads } from './journal.ts'

export interface UpdatePorts {
  readonly heads: Pick<Heads, 'load' | 'record'>
  readonly clock: Clock
}

/** The events that a head's change consists of, none where nothing changes, and the caller's result. */
export interface Decision<Value> {
  readonly events: readonly Event[]
  readonly value: Value
}

export type Decide<Value> = (head: Head, now: Instant) => Decision<Value> | Promise<Decision<Value>>

/** `conflict`: another run has written the head meanwhile, and this one has not. */
export type Updated<Value> =
  | ({ readonly kind: 'recorded' | 'unchanged'; readonly head: Head } & Decision<Value>)
  | { readonly kind: 'conflict' }

/** Enough for any race among the runs that one event wakes: each conflict means that another run has decided. */
export const mostTries = 60

/** Decides once, about a head that was loaded before: an observation of it may not hold for a later head. */
export const updateLoaded = async <Value>(
  { heads, clock }: UpdatePorts,
  head: Head,
  decide: Decide<Value>,
): Promise<Updated<Value>> => {
  const now = toInstant(clock())
  const decided = await decide(head, now)
  const next = evolve(head, decided.events, now)
  if (next === head) return { kind: 'unchanged', head, ...decided }
  const written = await heads.record(next, head.version)
  return written === 'conflict'
    ? { kind: 'conflict' }
    : { kind: 'recorded', head: next, ...decided }
}

/** The one update loop: load, decide, record; on a conflict, decide again about the newer head. */
export const updateHead = async <Value>(
  ports: UpdatePorts,
  app: AppName,
  decide: Decide<Value>,
): Promise<Updated<Value>> => {
  for (let tries = 0; tries < mostTries; tries += 1) {
    const updated = await updateLoaded(ports, await ports.heads.load(app), decide)
    if (updated.kind !== 'conflict') return updated
  }
  return { kind: 'conflict' }
}
