import { addSeconds, secondsBetween, type Instant } from '../kernel/clock.ts'
import type { App } from './app.ts'
import { isPast } from './deadline.ts'
import type { Head } from './head.ts'
import type { CiEvidence, PushEvidence, PushOrder, Revision } from './revision.ts'

/** The events that hooks bring, by source. */
export const hookKinds = [
  'github:push',
  'github:workflow_run',
  'circleci:workflow-completed',
  'docker-hub:push',
] as const
export type HookKind = (typeof hookKinds)[number]

/** When an event of each kind was last taken for an app; a kind that never was is not in it. */
export type SeenHooks = Readonly<Record<string, Instant>>

/** After that long without one, a hook may well have been changed not to send them any more. */
const seenSeconds = 90 * 24 * 60 * 60

export const isSeen = (seen: SeenHooks, kind: HookKind, now: Instant): boolean => {
  const at = seen[kind]
  return at !== undefined && !isPast(addSeconds(at, seenSeconds), now)
}

/** GitHub makes the run of a push within seconds, and in its worst hours later. */
const usualSecondsToRun = 60
const mostSecondsToRun = 60 * 60

/**
 * Whether a run is of the newest push of its commit. One that is much younger was started by something
 * else: a tag of the branch's name, put on an old commit. One that is somewhat younger may be late; it
 * is not of that push where anything was opened that is newer, the commit itself by its own run included.
 */
const isOfPush = (
  push: PushEvidence,
  { createdAt }: CiEvidence,
  mark: PushOrder | null,
): boolean => {
  const age = secondsBetween(push.pushedAt, createdAt)
  if (age <= usualSecondsToRun) return true
  const isPassed = mark !== null && secondsBetween(push.pushedAt, mark.createdAt) >= 0
  return age <= mostSecondsToRun && !isPassed
}

/** The branch was pushed to this commit, and its GitHub runs are of that push. */
const isPushed = ({ push, ci }: Revision, mark: PushOrder | null): boolean =>
  push !== null &&
  Object.values(ci).every((run) => run.ci !== 'github' || isOfPush(push, run, mark))

/**
 * A run of GitHub names the branch by its name alone, which a tag may have too. Where `push` events
 * come in, they tell: without one of the branch, no run of GitHub counts for the commit.
 */
export const lacksPush = (
  { mark }: Pick<Head, 'mark'>,
  app: App,
  revision: Revision,
  seen: SeenHooks,
  now: Instant,
): boolean =>
  app.requires.some((required) => required.kind === 'ci' && required.ci === 'github') &&
  isSeen(seen, 'github:push', now) &&
  !isPushed(revision, mark)
