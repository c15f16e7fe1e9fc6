import type { Instant } from '../kernel/clock.ts'
import type { Commit, Digest, Generation } from '../kernel/id.ts'
import type { Reason } from '../kernel/reason.ts'
import type { DeploymentKind } from './deployment.ts'

/** Who is told. `event` is EventBridge's default bus, for everything else. */
export const channels = ['event', 'notice', 'github', 'sentry'] as const
export type Channel = (typeof channels)[number]

/** What a team wants to hear of; one fact is told to every channel that the app has. */
export const noticeKinds = [
  'started',
  'succeeded',
  'failed',
  'cancelled',
  'rolled_back',
  'frozen',
  'unfrozen',
  /** An alarm or a person asked for the way back, and there is none. */
  'not_rolled_back',
  /** An instance that served the live release was changed by hand. */
  'drifted',
] as const
export type NoticeKind = (typeof noticeKinds)[number]

/** The deployment that a fact is of, as far as it is told. */
export interface NoticeDeployment {
  readonly generation: Generation
  readonly kind: Exclude<DeploymentKind, 'repair'>
  readonly commit: Commit | null
  readonly digest: Digest
  readonly environment: string
  /** The generation that a rollback takes back. */
  readonly takesBack: Generation | null
  /** Whether what was gone back from ran a `predeploy`, such as a migration, that nothing undoes. */
  readonly afterPredeploy: boolean
}

/** Something that happened to an app. It holds all that is told of it: the deployment may be gone by then. */
export interface Notice {
  /** The same for the same fact, whoever tells it: `7:succeeded`, `frozen:41`. */
  readonly id: string
  readonly kind: NoticeKind
  readonly at: Instant
  readonly by: string
  readonly reason: Reason | null
  /** What came of it in a sentence, masked; at most 300 characters. */
  readonly message: string | null
  readonly deployment: NoticeDeployment | null
}

/** A fact that some channels have not been told yet. It lives in the head until they are, or its time is over. */
export interface PendingNotice extends Notice {
  readonly sentTo: readonly Channel[]
  readonly tries: number
  readonly dueAt: Instant
  /** Whoever claimed it tells it; after this anyone may. */
  readonly claimedUntil: Instant | null
}

/**
 * What came of telling a fact to one channel. `told`: it stands there, now or from an earlier try.
 * `later`: the same may go through later, not before `afterSeconds` where that is known. `refused`: it
 * never will. `why` names the host and the status, never a secret.
 */
export type SendResult =
  | { readonly kind: 'sent' }
  | { readonly kind: 'later'; readonly why: string; readonly afterSeconds: number | null }
  | { readonly kind: 'refused'; readonly why: string }
