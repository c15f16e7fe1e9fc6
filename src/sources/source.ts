import * as z from 'zod'
import { secondsBetween, toInstant, type Instant } from '../kernel/clock.ts'
import type { AppName, Commit } from '../kernel/id.ts'
import type { Origin } from '../kernel/origin.ts'
import type { Redacted } from '../kernel/redacted.ts'
import type { Result } from '../kernel/result.ts'

export type SourceName = 'github' | 'circleci' | 'docker-hub'

/** One webhook request within the limits, not verified yet. */
export interface Delivery {
  /** Names in lower case; a header sent twice has its values joined by `,`. */
  readonly headers: ReadonlyMap<string, string>
  /** Media type in lower case, without parameters. */
  readonly contentType: string
  /** The raw bytes, which are signed. */
  readonly body: Uint8Array
  /** From `/hooks/docker-hub/{app}/{token}`; null for sources that sign. */
  readonly path: { readonly app: string; readonly token: Redacted } | null
}

/** The secret of a source with its rotation in Secrets Manager. */
export interface SourceSecrets {
  readonly current: Redacted
  /** The version labelled AWSPREVIOUS; removing the label ends its acceptance at once. */
  readonly previous: Redacted | null
  readonly currentCreatedAt: Instant
}

/** The previous secret is accepted until 24 h after the current one was created; an empty one never is. */
export const acceptedSecrets = (secrets: SourceSecrets, now: Instant): readonly string[] => {
  const isRotating = secondsBetween(secrets.currentCreatedAt, now) < 24 * 60 * 60
  return [secrets.current, isRotating ? secrets.previous : null].flatMap((secret) => {
    const value = secret?.reveal() ?? ''
    return value === '' ? [] : [value]
  })
}

/** A branch (or tag) was pushed to. */
export interface PushFacts {
  readonly kind: 'push'
  readonly repository: string
  /** GitHub's id of it. */
  readonly repositoryId: number
  /** `refs/heads/main`, `refs/tags/v1`. */
  readonly ref: string
  /** The commit that the ref names now; null where the push deleted the ref. */
  readonly commit: Commit | null
  readonly pushedAt: Instant | null
  readonly origin: Origin | null
}

/** A CI run ended. */
export interface CiRunFacts {
  readonly kind: 'ci_run'
  readonly ci: 'github' | 'circleci'
  readonly repository: string
  /** GitHub's id of it; null from CircleCI, which tells none. */
  readonly repositoryId: number | null
  readonly branch: string
  readonly commit: Commit
  /** Started by a push to the repository itself, not by a fork, a pull request, a schedule or a person. */
  readonly isPush: boolean
  readonly workflow: string
  /** The workflow's file in the repository, where the source names it. */
  readonly workflowPath: string | null
  /** CircleCI's project, of which a repository may have several. */
  readonly projectId: string | null
  readonly runId: string
  readonly runNumber: number
  readonly attempt: number
  /** Re-runs keep it. */
  readonly createdAt: Instant
  readonly conclusion: 'success' | 'failure'
  readonly origin: Origin | null
}

/** A tag of the app's image was pushed to a registry. */
export interface ImageFacts {
  readonly kind: 'image'
  readonly app: AppName
  /** `namespace/name`, without a registry. */
  readonly repository: string
  readonly tag: string
  readonly pushedAt: Instant | null
}

/** The fields of a verified delivery that Landfall uses. */
export type Parsed =
  | PushFacts
  | CiRunFacts
  | ImageFacts
  | { readonly kind: 'ping' }
  | { readonly kind: 'other'; readonly event: string }

export type RejectReason = 'signature_missing' | 'signature_invalid' | 'token_invalid' | 'malformed'

/**
 * A system that sends webhooks. Only verification returns a `Parsed`, so that no unverified delivery can
 * go further.
 */
export interface Source {
  readonly name: SourceName
  readonly contentTypes: readonly string[]
  /** Verifies the raw bytes before it parses them. Never throws. */
  verify(
    delivery: Delivery,
    secrets: SourceSecrets,
    now: Instant,
  ): Promise<Result<Parsed, RejectReason>>
}

/** From 1970 to 2100: the journal cannot read back a year that has more than four digits in UTC. */
const StorableMilliseconds = z
  .number()
  .min(0)
  .max(4_102_444_800_000)
  .transform((milliseconds) => toInstant(new Date(milliseconds)))

/** ISO 8601 with any offset, stored in UTC. */
export const SentInstant = z.iso
  .datetime({ offset: true })
  .transform((text) => Date.parse(text))
  .pipe(StorableMilliseconds)

/** Seconds since 1970; Docker Hub has sent fractions. */
export const SentEpochSeconds = z
  .number()
  .transform((seconds) => seconds * 1000)
  .pipe(StorableMilliseconds)

/** A text in a receipt, limited so that the item fits into the journal. */
export const SentText = z.string().max(1000)

/** A text for people only: one that is missing, or of another type, makes no body malformed. */
export const ToldText = z.string().nullish().catch(null)
