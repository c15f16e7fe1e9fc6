import type { Instant } from '../kernel/clock.ts'
import type { Reason } from '../kernel/reason.ts'
import {
  keptReleases,
  type Deployment,
  type Head,
  type InstanceState,
  type Serving,
} from './head.ts'
import { liveRelease } from './head.ts'

export interface Ending {
  readonly status: 'succeeded' | 'failed' | 'cancelled'
  readonly reason: Reason
  readonly message: string | null
}

/** The deployment's ending is written in the head first and never changes there. */
export const end = (head: Head, ending: Ending, now: Instant): Head => {
  const { deployment } = head
  if (deployment === null) return head
  const ended: Deployment = { ...deployment, ...ending, stage: 'ended', intent: null, endedAt: now }
  if (ending.status !== 'succeeded') return { ...head, deployment: ended, watch: null }
  const earlier = head.releases.filter(
    (release) => release.generation !== deployment.release.generation,
  )
  const releases = [deployment.release, ...earlier].slice(0, keptReleases)
  return { ...head, deployment: ended, releases, watch: null }
}

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

export const instancesToRestore = (head: Head): readonly InstanceState[] =>
  (head.deployment?.instances ?? []).filter((instance) => needsRestore(head, instance))

/**
 * Ends a failed rollout where every touched instance has said that it serves the live release;
 * otherwise turns it to bringing that release back.
 */
export const giveUp = (head: Head, reason: Reason, message: string | null, now: Instant): Head => {
  const { deployment } = head
  if (deployment === null) return head
  const turned = { ...head, deployment: { ...deployment, reason, message, intent: null } }
  if (instancesToRestore(turned).length === 0)
    return end(turned, { status: 'failed', reason, message }, now)
  return { ...turned, deployment: { ...turned.deployment, stage: 'restoring' } }
}
