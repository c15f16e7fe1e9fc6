import type { Instant } from '../kernel/clock.ts'
import { isSameName } from '../kernel/id.ts'
import type { App } from './app.ts'

/** Which repository at GitHub an app's deliveries are of: its id stays over a rename and a transfer, its name does not. */
export interface KnownRepository {
  readonly id: number
  /** As in landfall.yml when the id was kept: another name there is another repository. */
  readonly name: string
  readonly keptAt: Instant
  /** What GitHub calls it now, where that is another name. */
  readonly renamed: { readonly name: string; readonly at: Instant } | null
  /** The newest delivery of another repository with the name. */
  readonly refused: { readonly id: number; readonly at: Instant } | null
}

/** The repository that a delivery, or GitHub's API, names; CircleCI tells no id. */
export interface SentRepository {
  readonly repository: string
  readonly repositoryId: number | null
}

/**
 * Whether a repository is the app's: the first of its name, the known one, the known one under another name, another one
 * that has the name now, or none that the app has to do with.
 */
export type Identity = 'first' | 'same' | 'renamed' | 'other' | 'unrelated'

/** What is known of the repository that landfall.yml names; another name or id there makes what was kept void. */
export const knownOf = (
  { repository, repositoryId }: App,
  known: KnownRepository | null,
): KnownRepository | null => {
  if (known === null || repository === null || !isSameName(known.name, repository)) return null
  return repositoryId === null || repositoryId === known.id ? known : null
}

/** What to ask GitHub for: the name of landfall.yml, or the newer one. */
export const nameAtGithub = (app: App, given: KnownRepository | null): string | null =>
  knownOf(app, given)?.renamed?.name ?? app.repository

/** @param given what was kept of the app's deliveries, under whatever name */
export const identifyRepository = (
  app: App,
  { repository, repositoryId }: SentRepository,
  given: KnownRepository | null,
): Identity => {
  if (app.repository === null) return 'unrelated'
  const known = knownOf(app, given)
  const isNamed = isSameName(repository, app.repository)
  if (repositoryId === null) {
    const now = nameAtGithub(app, known)
    return isNamed || (now !== null && isSameName(repository, now)) ? 'same' : 'unrelated'
  }
  const expected = app.repositoryId ?? known?.id ?? null
  if (expected === null) return isNamed ? 'first' : 'unrelated'
  if (expected !== repositoryId) return isNamed ? 'other' : 'unrelated'
  if (!isNamed) return 'renamed'
  return known?.id === repositoryId ? 'same' : 'first'
}
