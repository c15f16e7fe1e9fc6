import * as z from 'zod'
import { addSeconds, secondsBetween, type Instant } from '../kernel/clock.ts'
import type { AppName, Commit } from '../kernel/id.ts'
import type { Redacted } from '../kernel/redacted.ts'
import type { Result } from '../kernel/result.ts'

export const sourceNames = ['github', 'circleci', 'docker-hub'] as const
export type SourceName = (typeof sourceNames)[number]

/** One webhook request as received, within the limits. Nothing in it is to be believed yet. */
export interface Delivery {
  /** Names in lower case; a header sent twice has its values joined by `,`. */
  readonly headers: ReadonlyMap<string, string>
  /** Media type in lower case, without parameters. */
  readonly contentType: string
  /** The raw bytes: what is signed. */
  readonly body: Uint8Array
  /** Of `/hooks/docker-hub/{app}/{token}`; null for sources that sign. */
  readonly path: { readonly app: string; readonly token: Redacted } | null
}

/** The secret of a source as Secrets Manager keeps it through a rotation. */
export interface SourceSecrets {
  readonly current: Redacted
  /** What AWSPREVIOUS names; null where the label is gone, which ends its acceptance at once. */
  readonly previous: Redacted | null
  readonly currentCreatedAt: Instant
}

const previousAcceptedSeconds = 24 * 60 * 60

/** The previous secret is good for 24 h after the current one was created. Never an empty one. */
export const acceptedSecrets = (secrets: SourceSecrets, now: Instant): readonly string[] => {
  const isRotating = secondsBetween(secrets.currentCreatedAt, now) < previousAcceptedSeconds
  return [secrets.current, isRotating ? secrets.previous : null].flatMap((secret) => {
    const value = secret?.reveal() ?? ''
    return value === '' ? [] : [value]
  })
}

/** A branch (or tag) was pushed to. */
export interface PushFacts {
  readonly kind: 'push'
  readonly repository: string
  /** `refs/heads/main`, `refs/tags/v1`. */
  readonly ref: string
  /** What the ref names now; null where the push deleted it. */
  readonly commit: Commit | null
  readonly pushedAt: Instant | null
}

/** A CI run ended. */
export interface CiRunFacts {
  readonly kind: 'ci_run'
  readonly ci: 'github' | 'circleci'
  readonly repository: string
  readonly branch: string
  readonly commit: Commit
  /** By a push to the repository itself: not a fork, a pull request, a schedule or a person. */
  readonly isPush: boolean
  readonly workflow: string
  /** The workflow's file in the repository, where the source tells. */
  readonly workflowPath: string | null
  readonly runId: string
  readonly runNumber: number
  readonly attempt: number
  /** Kept over re-runs. */
  readonly createdAt: Instant
  readonly conclusion: 'success' | 'failure'
}

/** A registry says that a tag of the app's image was pushed. */
export interface ImageFacts {
  readonly kind: 'image'
  readonly app: AppName
  /** `namespace/name`, without a registry. */
  readonly repository: string
  readonly tag: string
  readonly pushedAt: Instant | null
}

/** What a verified delivery says: only the fields that Landfall uses. */
export type Parsed =
  | PushFacts
  | CiRunFacts
  | ImageFacts
  | { readonly kind: 'ping' }
  | { readonly kind: 'other'; readonly event: string }

export type RejectReason = 'signature_missing' | 'signature_invalid' | 'token_invalid' | 'malformed'

/**
 * A system that sends webhooks. Verification returns the event: there is no other way to a `Parsed`,
 * so nothing downstream can be handed an unverified delivery.
 */
export interface Source {
  readonly name: SourceName
  readonly contentTypes: readonly string[]
  /** Checks the raw bytes first and parses them only when they are the sender's. Never throws. */
  verify(
    delivery: Delivery,
    secrets: SourceSecrets,
    now: Instant,
  ): Promise<Result<Parsed, RejectReason>>
}

const epoch: Instant = '1970-01-01T00:00:00.000Z'
/** 2100-01-01, far inside of what a date can hold. */
const latestSeconds = 4_102_444_800

const isStorable = (text: string): boolean => {
  const seconds = Date.parse(text) / 1000
  return seconds >= 0 && seconds <= latestSeconds
}

/**
 * ISO 8601 with any offset, as senders write it; kept in UTC. Within the years that ISO 8601 writes
 * with four digits in UTC too: what the journal could not read back is not let in.
 */
export const SentInstant = z.iso
  .datetime({ offset: true })
  .refine(isStorable)
  .transform((text) => addSeconds(text, 0))

/** Seconds since 1970; Docker Hub has sent fractions. */
export const SentEpochSeconds = z
  .number()
  .min(0)
  .max(latestSeconds)
  .transform((seconds) => addSeconds(epoch, seconds))

/** Any text that stands in a receipt: bounded, so that no item outgrows the journal. */
export const SentText = z.string().max(1000)
