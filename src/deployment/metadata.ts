import type { App, TargetTraits, ReleaseSettings } from './app.ts'
import type { Candidate } from './deployment.ts'
import { findTarget } from './find-target.ts'
import { joinMessages } from './message.ts'

/**
 * For a target that does not name `metadata`. A new app is blocked, and stays so. An app that was live before, or takes over a
 * container started by hand, may depend on the instance's role without failing its health check: nothing is blocked.
 */
const inheritMetadata = (
  target: TargetTraits,
  live: ReleaseSettings | null,
): TargetTraits['metadata'] => {
  if (live === null) return target.replaces === null ? 'block' : null
  const same = findTarget(live, target.key)
  const before = same === null ? live.targets : [same]
  return before.every(({ metadata }) => metadata === 'block') ? 'block' : null
}

/** The settings that a new release freezes; `live` are those of the live release. */
export const settleMetadata = (
  settings: ReleaseSettings,
  live: ReleaseSettings | null,
): ReleaseSettings => ({
  ...settings,
  targets: settings.targets.map((target) =>
    target.metadata === null ? { ...target, metadata: inheritMetadata(target, live) } : target,
  ),
})

/** What to name in landfall.yml where settled settings name nothing; null where nothing is missing. */
export const describeUnnamed = ({ targets }: Pick<App, 'targets'>): string | null => {
  const unnamed = targets.flatMap(({ metadata }, index) => (metadata === null ? [index + 1] : []))
  if (unnamed.length === 0) return null
  return `the containers of target ${unnamed.join(', ')} may ask the metadata service for the instance's role: name metadata: block, or metadata: allow if the app needs it`
}

/** The first instance with a warning, and how many more have one. */
const describeWarned = (candidates: readonly Candidate[]): string | null => {
  const warned = candidates.filter(({ warning }) => warning !== null)
  const [first] = warned
  if (first === undefined) return null
  const rest = warned.length === 1 ? '' : `, and ${warned.length - 1} more; plan names them`
  return `${first.id}: ${first.warning}${rest}`
}

/** What to mend, told with a deployment from its beginning; it keeps none from opening. */
export const describeExposure = (
  candidates: readonly Candidate[],
  settings: ReleaseSettings,
): string | null => joinMessages([describeWarned(candidates), describeUnnamed(settings)])
