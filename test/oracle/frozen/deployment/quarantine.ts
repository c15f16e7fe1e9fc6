import type { Commit, Digest } from '../kernel/id.ts'
import type { Head, Quarantined, QuarantinedSettings, Release } from './head.ts'

/** The oldest are forgotten: by then they are far below the mark. */
const mostQuarantined = 50
/** Each holds an env. */
const mostSettings = 3

type Content = Pick<Release, 'digest' | 'secretVersion'> & {
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
export const isSameContent = (one: Content, other: Content): boolean =>
  one.digest === other.digest &&
  one.secretVersion === other.secretVersion &&
  isSameEnv(one.settings.env, other.settings.env)

const isSettings = (entry: Quarantined): entry is QuarantinedSettings => typeof entry !== 'string'

const toContent = ({ digest, secretVersion, env }: QuarantinedSettings): Content => ({
  digest,
  secretVersion,
  settings: { env },
})

type Candidate = Content & { readonly commit: Commit | null }

const isAgainst = (entry: Quarantined, release: Candidate): boolean =>
  isSettings(entry)
    ? isSameContent(toContent(entry), release)
    : entry === release.commit || entry === release.digest

/** Whether a release may go out only by force. */
export const isQuarantined = (head: Head, release: Candidate): boolean =>
  head.quarantine.some((entry) => isAgainst(entry, release))

/** A person wants it all the same: from now on it is a release like any other. */
export const liftQuarantine = (head: Head, release: Candidate): Head =>
  isQuarantined(head, release)
    ? { ...head, quarantine: head.quarantine.filter((entry) => !isAgainst(entry, release)) }
    : head

const limit = (entries: readonly Quarantined[]): readonly Quarantined[] => {
  const settings = entries.filter(isSettings).slice(0, mostSettings)
  const kept = entries.filter((entry) => !isSettings(entry) || settings.includes(entry))
  return kept.slice(0, mostQuarantined)
}

const add = (head: Head, added: readonly Quarantined[]): Head => {
  const names = new Set<unknown>(added)
  const rest = head.quarantine.filter((entry) => !names.has(entry))
  return { ...head, quarantine: limit([...added, ...rest]) }
}

/** Quarantines an image that never was live, or that no release to go back to shares. */
export const quarantineImage = (head: Head, commit: Commit | null, digest: Digest): Head =>
  add(head, commit === null ? [digest] : [commit, digest])

/**
 * Quarantines a release that is left. Where one that was live before has the same digest, it is not
 * the image that is at fault: only its combination of digest, secrets and env.
 */
export const quarantineRelease = (head: Head, left: Release): Head => {
  const at = head.releases.findIndex(({ generation }) => generation === left.generation)
  const shares = head.releases.slice(at + 1).some(({ digest }) => digest === left.digest)
  if (!shares) return quarantineImage(head, left.commit, left.digest)
  const { digest, secretVersion, settings } = left
  return add(head, [{ digest, secretVersion, env: settings.env }])
}
