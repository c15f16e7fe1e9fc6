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

/**
 * Whether a run is of the newest push of its commit. GitHub makes it within seconds, in its worst hours
 * later. A run more than an hour younger was started by something else: a tag of the branch's name, put on
 * an old commit. One more than a minute younger may be late, or not be of that push: it is not where anything
 * newer was opened since, the commit itself by its own run included.
 */
const isOfPush = (
  push: PushEvidence,
  { createdAt }: CiEvidence,
  mark: PushOrder | null,
): boolean => {
  const age = secondsBetween(push.pushedAt, createdAt)
  if (age <= 60) return true
  const isPassed = mark !== null && secondsBetween(push.pushedAt, mark.createdAt) >= 0
  return age <= 60 * 60 && !isPassed
}

/**
 * A run of GitHub names the branch by its name alone, which a tag may have too. Where `push` events come
 * in, they decide: without one of the branch, no run of GitHub counts for the commit.
 */
export const lacksPush = (
  { mark }: Pick<Head, 'mark'>,
  app: App,
  { push, ci }: Revision,
  seen: SeenHooks,
  now: Instant,
): boolean => {
  const requiresGithub = app.requires.some((one) => one.kind === 'ci' && one.ci === 'github')
  const seenAt = seen['github:push']
  if (!requiresGithub || seenAt === undefined) return false
  // After 90 days without one, the hook may no longer be set to send it.
  if (isPast(addSeconds(seenAt, 90 * 24 * 60 * 60), now)) return false
  const githubRuns = Object.values(ci).filter((run) => run.ci === 'github')
  return push === null || !githubRuns.every((run) => isOfPush(push, run, mark))
}
