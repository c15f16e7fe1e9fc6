import type { TargetKey } from '../kernel/id.ts'
import type { App, TargetSettings } from './app.ts'

type Targets = App['targets']

/** A target by its key, wherever it stands in landfall.yml. */
export const findTarget = ({ targets }: Pick<App, 'targets'>, key: TargetKey) =>
  targets.find((target) => target.key === key) ?? null

/** Of a target's kind, and of a key that the others do not have. */
const findUnmatched = (targets: Targets, others: Targets, kind: TargetSettings['kind']) =>
  targets.filter((one) => one.kind === kind && !others.some(({ key }) => key === one.key))

/**
 * The target of other settings of the same app that is the same place as the one of `key`: it has the
 * same key, or both are the only ones of their kind without a counterpart and select instances, as after
 * a renamed tag. Null where nothing of the other settings is there.
 */
export const findSamePlace = (own: App, other: App, key: TargetKey): TargetSettings | null => {
  const same = findTarget(other, key)
  const target = findTarget(own, key)
  if (same !== null || target === null || target.instances === null) return same
  const mine = findUnmatched(own.targets, other.targets, target.kind)
  const theirs = findUnmatched(other.targets, own.targets, target.kind)
  const [only = null] = theirs
  return mine.length === 1 && theirs.length === 1 ? only : null
}
