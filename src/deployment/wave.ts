import { addSeconds, secondsBetween, type Instant } from '../kernel/clock.ts'
import type { TargetKey } from '../kernel/id.ts'
import { isPast, rollingSeconds } from './deadline.ts'
import { findTarget } from './find-target.ts'
import { continuesOnFailure, type Advancing, type Deployment, type Intent } from './deployment.ts'

/** SSM takes at most 50 instances in one command. */
export const largestWave = 50

export interface Batch {
  readonly kind: 'count' | 'percent'
  readonly value: number
}

/**
 * The wave of each of `count` instances, in order: the first instance alone (it runs `predeploy` and
 * shows whether the release works at all), then batches of the given size, as far as `capacity`
 * instances go into one command.
 */
export const planWaves = (count: number, batch: Batch, capacity: number): readonly number[] => {
  const wished = batch.kind === 'count' ? batch.value : Math.ceil((count * batch.value) / 100)
  const size = Math.max(1, Math.min(largestWave, capacity, wished))
  return Array.from({ length: count }, (_, index) => Math.ceil(index / size))
}

/** Nobody sleeps through a pause: the clock, which looks once a minute, ends it. */
const clockSeconds = 60

/** How much of a deployment's time one pause may take, in seconds. */
export const longestPause = (pauseSeconds: number): number =>
  pauseSeconds === 0 ? 0 : pauseSeconds + clockSeconds

const pauseSecondsOf = ({ release }: Deployment, target: TargetKey): number =>
  findTarget(release.settings, target)?.rollout.pauseSeconds ?? 0

/**
 * Until when the next wave waits, now that every instance of `intent` has answered; null where none
 * follows on this target, or the wave is not through. What brings back what served before never waits.
 */
export const pauseAfter = (
  deployment: Deployment,
  { purpose, target, instances }: Intent,
  now: Instant,
): Instant | null => {
  const seconds = pauseSecondsOf(deployment, target)
  if (seconds === 0 || purpose !== 'deploy' || continuesOnFailure(deployment)) return null
  const left = deployment.instances.filter(
    (instance) => instance.target === target && instance.status === 'pending',
  )
  const isThrough = left.every(({ id }) => !instances.includes(id))
  return left.length > 0 && isThrough ? addSeconds(now, seconds) : null
}

export const isPausing = ({ pausedUntil }: Advancing, now: Instant): boolean =>
  pausedUntil !== null && !isPast(pausedUntil, now)

/** Says so where the pauses between a deployment's waves would outlast the time of its rollout. */
export const explainLongPauses = (deployment: Deployment): string | null => {
  if (continuesOnFailure(deployment)) return null
  const { instances, openedAt, deadlineAt, release } = deployment
  const pauses = release.settings.targets.flatMap(({ key, rollout }) => {
    const own = instances.filter(({ target }) => target === key)
    const count = new Set(own.map(({ wave }) => wave)).size - 1
    return Array.from({ length: Math.max(0, count) }, () => rollout.pauseSeconds)
  })
  const needed = pauses.reduce((sum, pause) => sum + longestPause(pause), 0)
  const rolling = rollingSeconds(secondsBetween(openedAt, deadlineAt))
  return needed < rolling
    ? null
    : `${pauses.length} pauses of rollout.pause may take ${needed} s (each up to a minute more than it says), and the rollout has ${Math.floor(rolling)} s of the deadline; a longer deadline, a shorter pause or a larger batch`
}
