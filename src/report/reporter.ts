import type { App } from '../deployment/app.ts'
import type { Fact } from '../deployment/report.ts'

/**
 * What came of telling a fact. `told`: it stands there, now or from an earlier try. `later`: the same
 * may go through later, not before `afterSeconds` where that is known. `refused`: it never will.
 * `why` names the host and the status, never a secret.
 */
export type Telling =
  | { readonly kind: 'told' }
  | { readonly kind: 'later'; readonly why: string; readonly afterSeconds: number | null }
  | { readonly kind: 'refused'; readonly why: string }

/**
 * Tells one fact to one channel. It may be called again for the same fact, also after an answer that
 * was lost, and must not tell it twice where the other side lets it find out. Ends within 10 s and
 * throws only what is a bug.
 */
export type Reporter = (fact: Fact, app: App) => Promise<Telling>

/**
 * Whether what the fact tells of is live from now on. A rollback that came through is told as
 * `rolled_back`; of any other deployment that says that it was taken back while it was open.
 */
export const isLive = ({ kind, deployment }: Fact): boolean =>
  kind === 'succeeded' || (kind === 'rolled_back' && deployment?.kind === 'rollback')

export const told: Telling = { kind: 'told' }

/** For all requests of one telling; what is left of the 10 s is for ourselves. */
export const mostMilliseconds = 9_000
