import { addSeconds, type Instant } from '../kernel/clock.ts'
import type { AppName, Commit, Digest, RevisionId } from '../kernel/id.ts'
import type { Origin } from '../kernel/origin.ts'
import type { Reason } from '../kernel/reason.ts'

/**
 * Where a revision stands in the order of pushes: the creation of the push's run (kept over
 * re-runs), then the run's number.
 */
export interface PushOrder {
  readonly createdAt: Instant
  readonly number: number
}

/** One finished CI run for a commit, by a push to the app's branch of its repository. */
export interface CiEvidence {
  readonly kind: 'ci'
  readonly ci: 'github' | 'circleci'
  /** As landfall.yml names it. */
  readonly workflow: string
  /** What tells workflows of one name apart: GitHub's file, CircleCI's project. Null where the source or an old record does not say. */
  readonly workflowId: string | null
  readonly runId: string
  readonly runNumber: number
  readonly attempt: number
  /** Creation of the push's run; a time later than its receipt counts as the receipt. */
  readonly createdAt: Instant
  readonly conclusion: 'success' | 'failure'
  readonly origin: Origin | null
}

/**
 * The branch was pushed to this commit. It registers the revision, so that `status` shows what it still
 * lacks, and distinguishes the branch's runs from those of a tag of its name.
 */
export interface PushEvidence {
  readonly kind: 'push'
  readonly pushedAt: Instant
  readonly origin: Origin | null
}

/** A registry announced that the tag was pushed. A hint: the image lookup asks the registry itself. */
export interface ImageEvidence {
  readonly kind: 'image'
  readonly tag: string
  readonly seenAt: Instant
  /** Left out: a hook of Docker Hub told of it. */
  readonly source?: 'ecr'
  /** From the image's labels; null until they are read. */
  readonly origin: Origin | null
}

export type Evidence = CiEvidence | PushEvidence | ImageEvidence

/** Why no image is known, and how long the registry asks to wait. */
export interface ImageRefusal {
  readonly reason: Reason
  readonly retryAfterSeconds: number | null
  /** What puts it right, where more is known than the reason says. */
  readonly message?: string
}

/** When the registry was last asked and how often, for the growing gaps between lookups. */
export interface Asked {
  readonly at: Instant
  readonly count: number
  /** The registry's Retry-After. */
  readonly retryAt: Instant | null
}

/** An image that an index names, and whether the registry has it no longer. */
export interface PlatformImage {
  /** `linux/arm64`; the pipeline's words, cut. */
  readonly platform: string
  readonly digest: Digest
  readonly isGone: boolean
}

export type RevisionStatus = 'waiting' | 'deployed' | 'superseded' | 'refused' | 'expired'

/** A commit (or digest) that may be deployed, with the evidence gathered for it. */
export interface Revision {
  readonly app: AppName
  readonly id: RevisionId
  readonly commit: Commit | null
  readonly status: RevisionStatus
  /** Why it ended, or what it waits for. */
  readonly reason: Reason | null
  readonly firstSeenAt: Instant
  /** Since when it waits: its first evidence, or the one that brought it back from `refused` or `expired`. */
  readonly waitingSince: Instant
  /** The newest finished run of each workflow that a required one may be, `github:CI`: read by `runsOf`. */
  readonly ci: Readonly<Record<string, CiEvidence>>
  readonly push: PushEvidence | null
  readonly image: ImageEvidence | null
  /** The digest that the registry had under the tag when it was asked, or the one that was deployed. */
  readonly digest: Digest | null
  /** Null where evidence has come since. */
  readonly asked: Asked | null
  /** What the tag of a commit that was found names by now, where that is another image. */
  readonly moved: Digest | null
  /** When GitHub was last asked for evidence that its hooks have not brought, and why that failed. */
  readonly lookedUp: (Asked & { readonly trouble: string | null }) | null
  /** The evidence that an expired one lacked. */
  readonly lacked: readonly string[] | null
  /** Raised by every write; a status is written on condition that no other write came in between. */
  readonly version: number
}

/** Whether evidence has come since the image was found: its tag may name another one by now. */
export const isToCompare = ({ digest, asked }: Pick<Revision, 'digest' | 'asked'>): boolean =>
  digest !== null && (asked === null || asked.retryAt !== null)

export const ciKey = (ci: string, workflow: string): string => `${ci}:${workflow}`

/** The runs of a required workflow: more than one where several files have a workflow of its name. */
export const runsOf = (
  revision: Pick<Revision, 'ci'>,
  { ci, workflow }: Pick<CiEvidence, 'ci' | 'workflow'>,
): readonly CiEvidence[] =>
  Object.values(revision.ci).filter((run) => run.ci === ci && run.workflow === workflow)

/** Which source told of it first, as the `by` of what follows. */
export const sourceOf = ({ ci, image }: Revision): string => {
  const [run] = Object.values(ci)
  return run?.ci ?? (image === null ? 'github' : (image.source ?? 'docker-hub'))
}

/** The next entry after a lookup in vain. */
export const askedAgain = (
  asked: Asked | null,
  now: Instant,
  retryAfterSeconds: number | null,
): Asked => ({
  at: now,
  count: (asked?.count ?? 0) + 1,
  retryAt: retryAfterSeconds === null ? null : addSeconds(now, retryAfterSeconds),
})

/** Negative where `a` was pushed before `b`. */
export const compareOrders = (a: PushOrder, b: PushOrder): number =>
  Date.parse(a.createdAt) - Date.parse(b.createdAt) || a.number - b.number

export const newerOrder = (a: PushOrder | null, b: PushOrder | null): PushOrder | null => {
  if (a === null || b === null) return a ?? b
  return compareOrders(a, b) >= 0 ? a : b
}
