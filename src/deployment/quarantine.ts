import { Commit, Digest, type RevisionId } from '../kernel/id.ts'
import type { Release } from './deployment.ts'
import {
  headLimits,
  liveRelease,
  type Head,
  type Quarantined,
  type QuarantinedSettings,
} from './head.ts'
import type { Revision } from './revision.ts'

type ReleaseContent = Pick<Release, 'digest' | 'secretVersion'> & {
  readonly settings: Pick<Release['settings'], 'env'>
}

/** A release, or the names that are known of one. */
export type Quarantinable =
  | (ReleaseContent & Pick<Release, 'commit'>)
  | Pick<Revision, 'commit' | 'digest'>

const isSameEnv = (
  one: Readonly<Record<string, string>>,
  other: Readonly<Record<string, string>>,
): boolean => {
  const names = Object.keys(one)
  return (
    names.length === Object.keys(other).length && names.every((name) => one[name] === other[name])
  )
}

/** Whether two releases run the same image with the same secrets and env. */
export const isSameContent = (one: ReleaseContent, other: ReleaseContent): boolean =>
  one.digest === other.digest &&
  one.secretVersion === other.secretVersion &&
  isSameEnv(one.settings.env, other.settings.env)

const isSettings = (entry: Quarantined): entry is QuarantinedSettings => typeof entry !== 'string'

const isAgainst = (entry: Quarantined, release: Quarantinable): boolean =>
  isSettings(entry)
    ? 'settings' in release && isSameContent({ ...entry, settings: { env: entry.env } }, release)
    : entry === release.commit || entry === release.digest

/** Whether a release, or a revision as far as it is known, may go out only by force. */
export const isQuarantined = (head: Head, release: Quarantinable): boolean =>
  head.quarantine.some((entry) => isAgainst(entry, release))

/** The release that every instance has to serve; null where nothing is live, or the live release is quarantined. */
export const desiredRelease = (head: Head): Release | null => {
  const live = liveRelease(head)
  return live === null || isQuarantined(head, live) ? null : live
}

export const namesOf = (revision: RevisionId): Pick<Revision, 'commit' | 'digest'> => ({
  commit: Commit.safeParse(revision).data ?? null,
  digest: Digest.safeParse(revision).data ?? null,
})

/** The entries against a release; without them it may go out like any other. */
export const entriesAgainst = (head: Head, release: Quarantinable): readonly Quarantined[] =>
  head.quarantine.filter((entry) => isAgainst(entry, release))

/** Adds entries in front; an entry that is there already moves to the front. */
export const addQuarantined = (head: Head, added: readonly Quarantined[]): Head => {
  const names = new Set<unknown>(added)
  const entries = [...added, ...head.quarantine.filter((entry) => !names.has(entry))]
  const settings = entries.filter(isSettings).slice(0, headLimits.quarantinedSettings)
  const kept = entries.filter((entry) => !isSettings(entry) || settings.includes(entry))
  return { ...head, quarantine: kept.slice(0, headLimits.quarantined) }
}

/**
 * The entries that quarantine a release that is taken back. Where an earlier one of `releases` has the
 * same digest, the image is not at fault: only its combination of digest, secrets and env.
 */
export const entriesFor = (
  releases: readonly Release[],
  { generation, commit, digest, secretVersion, settings }: Release,
): readonly Quarantined[] => {
  const at = releases.findIndex((release) => release.generation === generation)
  const shares = releases.slice(at + 1).some((release) => release.digest === digest)
  if (shares) return [{ digest, secretVersion, env: settings.env }]
  return commit === null ? [digest] : [commit, digest]
}
