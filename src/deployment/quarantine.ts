import { Commit, Digest, type RevisionId } from '../kernel/id.ts'
import type { Release } from './deployment.ts'
import type { Head, Quarantined, QuarantinedSettings } from './head.ts'

/** The oldest are forgotten: by then they are far below the mark. */
export const mostQuarantined = 50
/** Each holds an env. */
export const mostSettings = 3

type ReleaseContent = Pick<Release, 'digest' | 'secretVersion'> & {
  readonly settings: Pick<Release['settings'], 'env'>
}

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

const toContent = ({ digest, secretVersion, env }: QuarantinedSettings): ReleaseContent => ({
  digest,
  secretVersion,
  settings: { env },
})

/** What a revision is called; its digest where that is known. */
export interface Names {
  readonly commit: Commit | null
  readonly digest: Digest | null
}

type QuarantineCandidate = ReleaseContent & { readonly commit: Commit | null }

/** A release, or the names that are known of one. */
export type Quarantinable = QuarantineCandidate | Names

const isAgainst = (entry: Quarantined, release: Quarantinable): boolean =>
  isSettings(entry)
    ? 'settings' in release && isSameContent(toContent(entry), release)
    : entry === release.commit || entry === release.digest

/** Whether a release, or a revision as far as it is known, may go out only by force. */
export const isQuarantined = (head: Head, release: Quarantinable): boolean =>
  head.quarantine.some((entry) => isAgainst(entry, release))

export const namesOf = (revision: RevisionId): Names => ({
  commit: Commit.safeParse(revision).data ?? null,
  digest: Digest.safeParse(revision).data ?? null,
})

/** The entries that are against a release: lifted, it is a release like any other. */
export const entriesAgainst = (head: Head, release: QuarantineCandidate): readonly Quarantined[] =>
  head.quarantine.filter((entry) => isAgainst(entry, release))

const limit = (entries: readonly Quarantined[]): readonly Quarantined[] => {
  const settings = entries.filter(isSettings).slice(0, mostSettings)
  const kept = entries.filter((entry) => !isSettings(entry) || settings.includes(entry))
  return kept.slice(0, mostQuarantined)
}

/** The newest first; what is there already moves to the front. */
export const addQuarantined = (head: Head, added: readonly Quarantined[]): Head => {
  const names = new Set<unknown>(added)
  const rest = head.quarantine.filter((entry) => !names.has(entry))
  return { ...head, quarantine: limit([...added, ...rest]) }
}

/**
 * What quarantines a release that is left. Where an earlier one of `releases` has the same digest, it
 * is not the image that is at fault: only its combination of digest, secrets and env.
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
