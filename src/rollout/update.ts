import type { Head } from '../deployment/head.ts'
import type { Transition } from '../deployment/transition.ts'
import { toInstant, type Clock, type Instant } from '../kernel/clock.ts'
import type { AppName } from '../kernel/id.ts'
import type { Heads } from './journal.ts'

export interface UpdatePorts {
  readonly heads: Pick<Heads, 'load' | 'record'>
  readonly clock: Clock
}

/** What is decided of a head, and what the caller is told of it. `step.head` is the same head where nothing changes. */
export interface Decision<Value> {
  readonly step: Transition
  readonly value: Value
}

export type Decide<Value> = (head: Head, now: Instant) => Decision<Value> | Promise<Decision<Value>>

/** `conflict`: the head was written by another meanwhile, and nothing by this one. */
export type Updated<Value> =
  ({ readonly kind: 'recorded' | 'unchanged' } & Decision<Value>) | { readonly kind: 'conflict' }

/** Enough for any race among the runs that one event wakes; each loss means that another one has decided. */
export const mostTries = 60

/** Decides once, of a head that was loaded before: what was observed of it may not hold for a later one. */
export const updateLoaded = async <Value>(
  { heads, clock }: UpdatePorts,
  head: Head,
  decide: Decide<Value>,
): Promise<Updated<Value>> => {
  const decided = await decide(head, toInstant(clock()))
  if (decided.step.head === head) return { kind: 'unchanged', ...decided }
  const written = await heads.record(decided.step.head, head.version)
  return written === 'conflict' ? { kind: 'conflict' } : { kind: 'recorded', ...decided }
}

/** The one update loop: load, decide, record; on a conflict the decision is taken anew, of the newer head. */
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
