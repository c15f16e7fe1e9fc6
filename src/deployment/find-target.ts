import { TargetKey } from '../kernel/id.ts'
import type { App, InstanceSelector, TargetSettings, ReleaseSettings } from './app.ts'
import type { InstanceKey } from './deployment.ts'

/** A target by its key, wherever it stands in landfall.yml. */
export const findTarget = ({ targets }: Pick<App, 'targets'>, key: TargetKey) =>
  targets.find((target) => target.key === key) ?? null

/** The targets of a kind with keys that the other settings do not have. */
const findUnmatched = (
  { targets }: ReleaseSettings,
  other: ReleaseSettings,
  kind: TargetSettings['kind'],
) => targets.filter((one) => one.kind === kind && findTarget(other, one.key) === null)

/**
 * The target of other settings of the same app that reaches, or reached, an instance: it has the same
 * key; or, where keys have changed and targets select instances, it is the one in the `known` place of the
 * instance, the one that selects it by its id, or the counterpart in the order of landfall.yml. Null where
 * the other settings have no such target.
 */
export const findSamePlace = (
  own: ReleaseSettings,
  other: ReleaseSettings,
  { id, target: key }: InstanceKey,
  known: readonly InstanceKey[],
): TargetSettings | null => {
  const same = findTarget(other, key)
  const target = findTarget(own, key)
  if (same !== null || target === null || target.instances === null) return same
  const mine = findUnmatched(own, other, target.kind)
  const theirs = findUnmatched(other, own, target.kind)
  return (
    theirs.find((one) => known.some((place) => place.id === id && place.target === one.key)) ??
    theirs.find(({ instances }) => instances?.kind === 'ids' && instances.ids.includes(id)) ??
    theirs[mine.indexOf(target)] ??
    null
  )
}

// A target's key tells where it deploys to, not how, so that it may move within landfall.yml.

/** The key has the tag, or the first of several ids, since more are usually written behind it. */
export const keyOfFleet = (instances: InstanceSelector): TargetKey =>
  TargetKey.parse(
    `ec2:${instances.kind === 'tag' ? `${instances.key}=${instances.value}` : instances.ids[0]}`,
  )

export const keyOfService = (service: string): TargetKey => TargetKey.parse(`render:${service}`)

export const keyOfHerokuApp = (app: string): TargetKey => TargetKey.parse(`heroku:${app}`)
