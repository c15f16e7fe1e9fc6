import type { Instant } from '../kernel/clock.ts'
import type { Generation, RevisionId } from '../kernel/id.ts'
import { firstBlocker } from '../deployment/blockers.ts'
import { liveRelease, type Head } from '../deployment/head.ts'
import type { OperatorCommand } from '../deployment/observation.ts'
import { openDeployment, releaseToBringBack } from '../deployment/operate.ts'
import { decide, evolve } from '../deployment/transition.ts'

/** The operators' functions that the page calls. */
export const pageFunctions = ['redeploy', 'rollback', 'freeze', 'unfreeze', 'cancel'] as const
export type PageFunction = (typeof pageFunctions)[number]

/** Something that a person may do to an app now, with both its ends. */
export interface PageAction {
  readonly name: PageFunction
  /** The deployment that it takes back or cancels, or the live one that it deploys again. */
  readonly from: Generation | null
  /** What serves afterwards; null where that is nothing, or stays. */
  readonly to: Generation | null
  readonly revision: RevisionId | null
}

/** Judged by the core as the function judges it; null where it would be refused. */
const foresee = (head: Head, command: OperatorCommand, now: Instant): Head | null => {
  const operated = { kind: 'operated', command, by: 'page', id: 'page' } as const
  const decided = decide(head, operated, now)
  return decided.ok ? evolve(head, decided.value, now) : null
}

/** @param to a kept release; null for the last good one */
export const findRollback = (
  head: Head,
  to: Generation | null,
  now: Instant,
): PageAction | null => {
  const next = foresee(head, { kind: 'rollback', to }, now)
  if (next === null) return null
  const aim = openDeployment(next) === null ? releaseToBringBack(next) : liveRelease(next)
  const aimed = to ?? aim?.generation ?? null
  return { name: 'rollback', from: next.rollback?.generation ?? null, to: aimed, revision: null }
}

const simple = (
  head: Head,
  command: Extract<OperatorCommand, { kind: 'freeze' | 'unfreeze' | 'cancel' }>,
  now: Instant,
): readonly PageAction[] => {
  if (foresee(head, command, now) === null) return []
  const from = command.kind === 'cancel' ? (openDeployment(head)?.generation ?? null) : null
  return [{ name: command.kind, from, to: null, revision: null }]
}

const listRedeploys = (head: Head): readonly PageAction[] => {
  const live = liveRelease(head)
  const blocker = firstBlocker(head, { kind: 'request', force: false, content: live })
  return live === null || blocker !== null
    ? []
    : [{ name: 'redeploy', from: live.generation, to: null, revision: null }]
}

/** What may be done to the app now, the most urgent first. */
export const listActions = (head: Head, now: Instant): readonly PageAction[] => {
  const rollback = findRollback(head, null, now)
  return [
    ...(rollback === null ? [] : [rollback]),
    ...simple(head, { kind: 'cancel' }, now),
    ...listRedeploys(head),
    ...(head.freeze === null ? simple(head, { kind: 'freeze', reason: 'x' }, now) : []),
    ...simple(head, { kind: 'unfreeze' }, now),
  ]
}

/** What the form of an action names, and is good for. */
export const toEnds = ({ name, from, to, revision }: PageAction): readonly string[] => [
  name,
  String(from),
  String(to),
  String(revision),
]

/** The input of its function, beside `app`, `by` and `requestId`. */
export const toActionInput = (
  { name, to, revision }: PageAction,
  reason: string,
): Readonly<Record<string, string | number>> => {
  if (name === 'rollback' && to !== null) return { to }
  if (name === 'redeploy' && revision !== null) return { revision }
  return name === 'freeze' ? { reason } : {}
}
