import { joinOrigins, type Origin } from '../kernel/origin.ts'
import type { App } from './app.ts'
import { runsOf, type Revision } from './revision.ts'

/** What is known of a revision's commit: a push tells the most, then the runs, the one that orders first. */
export const originOf = (app: App | null, revision: Revision): Origin | null => {
  const { push, ci, image } = revision
  const required = app?.requires.flatMap((one) => (one.kind === 'ci' ? runsOf(revision, one) : []))
  const evidence = [push, ...(required ?? Object.values(ci)), image]
  return joinOrigins(evidence.map((one) => one?.origin ?? null))
}
