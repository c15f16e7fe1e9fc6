import type { Instant } from '../kernel/clock.ts'
import type { Reason } from '../kernel/reason.ts'
import { freeze } from './alarm.ts'
import {
  keptFinished,
  keptReleases,
  liveRelease,
  type Deployment,
  type Finished,
  type Head,
  type InstanceState,
  type Serving,
} from './head.ts'
import { notePlaces } from './places.ts'
import { isSameContent } from './quarantine.ts'

export interface Ending {
  readonly status: 'succeeded' | 'failed' | 'cancelled' | 'rolled_back'
  readonly reason: Reason
  readonly message: string | null
}

/** How a deployment ends that was given up for this reason. */
const statusOf = (reason: Reason): Ending['status'] => {
  if (reason === 'cancelled') return 'cancelled'
  return reason === 'alarm_fired' || reason === 'rolled_back' ? 'rolled_back' : 'failed'
}

/** What an alarm will be judged by; nothing where nothing was sent, for then nothing is its fault. */
const toFinished = (head: Head, ended: Deployment, endedAt: Instant): readonly Finished[] => {
  const { generation, kind, status, release, firing, sentAt } = ended
  if (sentAt === null || kind === 'converge') return []
  const live = liveRelease(head)
  const changed = live === null || !isSameContent(live, release)
  const { commit, digest } = release
  return [{ generation, kind, status, commit, digest, changed, firing, sentAt, endedAt }]
}

const keepReleases = (head: Head, { release, status }: Deployment): Head['releases'] => {
  if (status !== 'succeeded') return head.releases
  const earlier = head.releases.filter(({ generation }) => generation !== release.generation)
  return [release, ...earlier].slice(0, keptReleases)
}

/** The deployment's ending is written in the head first and never changes there. */
export const end = (head: Head, ending: Ending, now: Instant): Head => {
  const { deployment } = head
  if (deployment === null) return head
  const rolledBackBy = ending.status === 'rolled_back' ? deployment.generation : null
  const ended: Deployment = {
    ...deployment,
    ...ending,
    rolledBackBy,
    stage: 'ended',
    intent: null,
    pausedUntil: null,
    endedAt: now,
  }
  const finished = [...toFinished(head, ended, now), ...head.finished].slice(0, keptFinished)
  const releases = keepReleases(head, ended)
  const places = notePlaces(head, ended, now)
  const next = { ...head, deployment: ended, releases, finished, places, watch: null }
  return ended.kind === 'rollback' && ended.status === 'failed'
    ? freeze(next, 'rollback_failed', ended.by, now)
    : next
}

/** Ends a convergence that is in the way; what of it still runs on an instance meets a higher fence. */
export const giveWay = (head: Head, now: Instant): Head =>
  end(head, { status: 'cancelled', reason: 'superseded', message: null }, now)

/** Ends a deployment that was given up for `reason`, now that nothing of it is left. */
export const endGivenUp = (
  head: Head,
  reason: Reason,
  message: string | null,
  now: Instant,
): Head => end(head, { status: statusOf(reason), reason, message }, now)

const isLive = (head: Head, serving: Serving | null): boolean =>
  (serving?.generation ?? null) === (liveRelease(head)?.generation ?? null)

/**
 * True for an instance that a failed rollout left on something else than the live release, or that
 * has not said what it serves.
 */
const needsRestore = (head: Head, instance: InstanceState): boolean => {
  if (!instance.touched) return false
  if (instance.status === 'failed') return !isLive(head, instance.serving)
  return instance.status !== 'restored' && instance.status !== 'unknown'
}

export const instancesToRestore = (
  head: Head,
  { instances }: Deployment,
): readonly InstanceState[] => instances.filter((instance) => needsRestore(head, instance))

/**
 * Ends a failed rollout where every touched instance has said that it serves the live release;
 * otherwise turns it to bringing that release back.
 */
export const giveUp = (head: Head, reason: Reason, message: string | null, now: Instant): Head => {
  const { deployment } = head
  if (deployment === null) return head
  const turned = {
    ...head,
    deployment: { ...deployment, reason, message, intent: null, pausedUntil: null },
  }
  if (instancesToRestore(head, deployment).length === 0)
    return endGivenUp(turned, reason, message, now)
  return { ...turned, deployment: { ...turned.deployment, stage: 'restoring' } }
}
