import type { App } from './app.ts'
import type { Candidate } from './deployment.ts'
import type { ObservedInstance } from './head.ts'

// An app runs once on an instance. A host has one container of it: a second target with the same `publish` would
// end as `already_live` with its settings ignored, and one with another would take the first one's port away.

const groupByInstance = (candidates: readonly Candidate[]) =>
  Map.groupBy(candidates, ({ id }) => id)

/** Names the first instance that more than one target selects; null where there is none. */
export const describeMeeting = (
  candidates: readonly Candidate[],
  { targets }: Pick<App, 'targets'>,
): string | null => {
  const meetings = [...groupByInstance(candidates)].filter(([, own]) => own.length > 1)
  const [first] = meetings
  if (first === undefined) return null
  const [id, own] = first
  const names = own.map(
    ({ target }) => `target ${targets.findIndex(({ key }) => key === target) + 1} (${target})`,
  )
  const rest = meetings.length === 1 ? '' : `; ${meetings.length} such instances in all`
  return `${id} is selected by ${names.join(' and ')}${rest}`
}

/**
 * One candidate for each instance. One that more than one target selects stays under the target that it is
 * known under; `otherwise` decides about an instance that is known under none of them.
 */
export const keepOneTarget = (
  candidates: readonly Candidate[],
  observed: readonly ObservedInstance[],
  otherwise: (first: Candidate) => Candidate,
): readonly Candidate[] =>
  [...groupByInstance(candidates).values()].flatMap((own) => {
    const [first, second] = own
    if (first === undefined || second === undefined) return own
    const known = own.find(({ id, target }) =>
      observed.some(
        (place) =>
          place.id === id && place.target === target && place.reason !== 'instance_in_two_targets',
      ),
    )
    return known ?? otherwise(first)
  })
