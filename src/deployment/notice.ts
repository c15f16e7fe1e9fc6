import type { Instant } from '../kernel/clock.ts'
import type { Commit, Digest, Generation } from '../kernel/id.ts'
import type { Origin } from '../kernel/origin.ts'
import type { Reason } from '../kernel/reason.ts'
import type { Promotion } from './app.ts'

/** `event` is EventBridge's default bus, for everything else. */
export const channels = ['event', 'notice', 'github', 'sentry'] as const
export type Channel = (typeof channels)[number]

/** What a team wants to know; a notice is sent to every channel of the app. */
export const noticeKinds = [
  'started',
  'succeeded',
  'failed',
  'cancelled',
  'rolled_back',
  'frozen',
  'unfrozen',
  /** An alarm or a person asked for a rollback, and no release is left to go back to. */
  'not_rolled_back',
  /** A commit waits for what only a person can mend, such as the right to read a secret. */
  'held',
  /** A commit with a green CI run lacked something else for longer than `waitFor`. */
  'expired',
  /** An instance that served the live release was changed by hand. */
  'drifted',
  /** Instances answered other sealing certificates than those that they were known by. */
  'certificate_changed',
] as const
export type NoticeKind = (typeof noticeKinds)[number]

/** The deployment that a notice is about. */
export interface NoticeDeployment {
  readonly generation: Generation
  readonly kind: 'deploy' | 'redeploy' | 'rollback'
  readonly commit: Commit | null
  readonly digest: Digest
  readonly environment: string
  /** The generation that a rollback takes back. */
  readonly takesBack: Generation | null
  /** Whether the release taken back ran a `predeploy`, such as a migration, that a rollback does not undo. */
  readonly afterPredeploy: boolean
  readonly origin: Origin | null
  readonly promotedFrom: Promotion | null
}

/** Something that happened to an app, with all that is sent: the deployment may have left the head by then. */
export interface Notice {
  /** The same for the same fact, whichever run sends it: `7:succeeded`, `frozen:41`. */
  readonly id: string
  readonly kind: NoticeKind
  readonly at: Instant
  readonly by: string
  readonly reason: Reason | null
  /** The outcome in a sentence, masked; at most 300 characters. */
  readonly message: string | null
  readonly deployment: NoticeDeployment | null
}

/** A notice that some channels do not have yet. It stays in the head until they have it, or its time is over. */
export interface PendingNotice extends Notice {
  readonly sentTo: readonly Channel[]
  readonly tries: number
  readonly dueAt: Instant
  /** The run that claimed it sends it; after this any run may. */
  readonly claimedUntil: Instant | null
}

/**
 * The result of sending a notice to one channel. `sent`: the channel has it, now or from an earlier try.
 * `later`: a retry may succeed, not before `afterSeconds` where that is known. `refused`: none will. `why`
 * names the host and the status, never a secret.
 */
export type SendResult =
  | { readonly kind: 'sent' }
  | { readonly kind: 'later'; readonly why: string; readonly afterSeconds: number | null }
  | { readonly kind: 'refused'; readonly why: string }
