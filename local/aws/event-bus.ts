import { randomUUID } from 'node:crypto'
import * as z from 'zod'
import type { Account } from './account.ts'
import type { AwsEvent } from './event-pattern.ts'
import { matchPattern } from './event-pattern.ts'
import type { Faults } from './faults.ts'
import { createTimers } from './timers.ts'
import { operation, type Operations } from './operation.ts'

export interface EventRule {
  readonly name: string
  readonly pattern: unknown
  readonly targets: readonly EventTarget[]
}

/** A Lambda function that a rule wakes; `input` replaces the event where the rule says so. */
export interface EventTarget {
  readonly functionName: string
  readonly input: unknown
}

export interface EventBus {
  /** To every target of every rule that matches. Best effort, like the service's own events. */
  emit(event: AwsEvent): void
  operations: Operations
  stop(): void
}

/** The parts of an event that its emitter knows; the rest is the bus's. */
export type EventFacts = Pick<AwsEvent, 'detail-type' | 'source' | 'resources' | 'detail'>

const toSeconds = (date: Date): string => date.toISOString().replace(/\.\d{3}Z$/, 'Z')

export const toEvent = (account: Account, facts: EventFacts, at: Date = new Date()): AwsEvent => ({
  version: '0',
  id: randomUUID(),
  'detail-type': facts['detail-type'],
  source: facts.source,
  account: account.id,
  time: toSeconds(at),
  region: account.region,
  resources: facts.resources,
  detail: facts.detail,
})

const PutEvents = z.object({
  Entries: z
    .array(
      z.object({
        Source: z.string(),
        DetailType: z.string(),
        Detail: z.string(),
        Resources: z.array(z.string()).default([]),
        Time: z.number().optional(),
      }),
    )
    .min(1)
    .max(10),
})

const Detail = z.record(z.string(), z.unknown())

const parseDetail = (text: string): z.infer<typeof Detail> | null => {
  try {
    return Detail.parse(JSON.parse(text))
  } catch {
    return null
  }
}

/** `PutEvents` may play the events of AWS's own services here; AWS itself refuses the `aws.` sources. */
export const createEventBus = (
  account: Account,
  rules: readonly EventRule[],
  faults: Faults,
  wake: (target: EventTarget, event: AwsEvent) => void,
): EventBus => {
  const timers = createTimers()
  const deliver = (event: AwsEvent): void => {
    for (const rule of rules) {
      if (!matchPattern(rule.pattern, event)) continue
      for (const target of rule.targets) wake(target, event)
    }
  }
  const emit = (event: AwsEvent): void => {
    const fate = faults.onEvent(event)
    if (fate === 'lose') return
    if (typeof fate === 'object') return timers.after(fate.milliseconds, () => deliver(event))
    deliver(event)
    if (fate === 'double') deliver(event)
  }
  const putEvents = operation(PutEvents, ({ Entries }) => {
    const answers = Entries.map((entry) => {
      const detail = parseDetail(entry.Detail)
      if (!detail) return { ErrorCode: 'MalformedDetail', ErrorMessage: 'Detail is malformed.' }
      const facts = {
        'detail-type': entry.DetailType,
        source: entry.Source,
        resources: entry.Resources,
        detail,
      }
      const at = entry.Time === undefined ? new Date() : new Date(entry.Time * 1000)
      const event = toEvent(account, facts, at)
      emit(event)
      return { EventId: event.id }
    })
    const failed = answers.filter((answer) => 'ErrorCode' in answer).length
    return { FailedEntryCount: failed, Entries: answers }
  })
  return { emit, operations: { PutEvents: putEvents }, stop: () => timers.clear() }
}
