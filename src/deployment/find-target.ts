import { type InstanceId, TargetKey } from '../kernel/id.ts'
import type { App, TargetSettings, InstanceSelector } from './app.ts'

type Targets = App['targets']

/** A target by its key, wherever it stands in landfall.yml. */
export const findTarget = ({ targets }: Pick<App, 'targets'>, key: TargetKey) =>
  targets.find((target) => target.key === key) ?? null

/** Of a target's kind, and of a key that the others do not have. */
const findUnmatched = (targets: Targets, others: Targets, kind: TargetSettings['kind']) =>
  targets.filter((one) => one.kind === kind && !others.some(({ key }) => key === one.key))

/** What is known of an instance: the places that the journal keeps. */
type Known = readonly { readonly id: InstanceId; readonly target: TargetKey }[]

const selectsById = ({ instances }: TargetSettings, id: InstanceId): boolean =>
  instances?.kind === 'ids' && instances.ids.includes(id)

/**
 * The target of other settings of the same app by which an instance is, or was, reached: it has the same
 * key; or, where keys have changed and targets select instances, it is the one by which the instance is
 * known, the one that names it, or the counterpart in the order of landfall.yml. Null where nothing of
 * the other settings is there.
 */
export const findSamePlace = (
  own: App,
  other: App,
  { id, target: key }: Known[number],
  known: Known,
): TargetSettings | null => {
  const same = findTarget(other, key)
  const target = findTarget(own, key)
  if (same !== null || target === null || target.instances === null) return same
  const mine = findUnmatched(own.targets, other.targets, target.kind)
  const theirs = findUnmatched(other.targets, own.targets, target.kind)
  const isKnownBy = (one: TargetSettings): boolean =>
    known.some((place) => place.id === id && place.target === one.key)
  return (
    theirs.find(isKnownBy) ??
    theirs.find((one) => selectsById(one, id)) ??
    theirs[mine.indexOf(target)] ??
    null
  )
}

// What a target is known by, wherever it stands in landfall.yml: where it deploys to, not how.

/** By the tag; of several ids by the first written, since more are written behind it. */
export const keyOfFleet = (instances: InstanceSelector): TargetKey =>
  TargetKey.parse(
    `ec2:${instances.kind === 'tag' ? `${instances.key}=${instances.value}` : instances.ids[0]}`,
  )

export const keyOfService = (service: string): TargetKey => TargetKey.parse(`render:${service}`)

export const keyOfHerokuApp = (app: string): TargetKey => TargetKey.parse(`heroku:${app}`)
