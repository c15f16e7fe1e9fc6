import { addSeconds, secondsBetween, type Instant } from '../kernel/clock.ts'
import type { TargetTraits, ReleaseSettings } from './app.ts'
import { rollingSeconds } from './deadline.ts'
import {
  continuesOnFailure,
  type Candidate,
  type Deployment,
  type InstanceState,
  type Intent,
} from './deployment.ts'
import { findTarget } from './find-target.ts'

/** SSM takes at most 50 instances in one command. */
export const largestWave = 50

/**
 * The wave of each of `count` instances, in order: the first instance alone (it runs `predeploy` and
 * shows whether the release works at all), then batches of the given size, as far as `capacity`
 * instances go into one command.
 */
export const planWaves = (
  count: number,
  batch: TargetTraits['rollout']['batch'],
  capacity: number,
): readonly number[] => {
  const wished = batch.kind === 'count' ? batch.value : Math.ceil((count * batch.value) / 100)
  const size = Math.max(1, Math.min(largestWave, capacity, wished))
  return Array.from({ length: count }, (_, index) => Math.ceil(index / size))
}

/** The instances of a deployment, each in its wave. */
export const toInstances = (
  { targets }: ReleaseSettings,
  candidates: readonly Candidate[],
  capacities: readonly number[],
): readonly InstanceState[] =>
  targets.flatMap(({ key: target, rollout }, place) => {
    const own = candidates.filter((candidate) => candidate.target === target)
    const waves = planWaves(own.length, rollout.batch, capacities[place] ?? Infinity)
    return own.map(({ id, obstacle }, index) => ({
      id,
      target,
      wave: waves[index] ?? 0,
      status: obstacle === null ? ('pending' as const) : ('failed' as const),
      touched: false,
      retries: 0,
      serving: null,
      reason: obstacle,
      message: null,
    }))
  })

/** How much time one pause may take, in seconds: the schedule, which runs once a minute, ends it. */
export const longestPause = (pauseSeconds: number): number =>
  pauseSeconds === 0 ? 0 : pauseSeconds + 60

/**
 * Until when the next wave waits, now that every instance of `intent` has answered; null where none
 * follows on this target, or the wave is not through. A rollback and a repair never wait.
 */
export const pauseAfter = (
  deployment: Deployment,
  { purpose, target, instances }: Intent,
  now: Instant,
): Instant | null => {
  const seconds = findTarget(deployment.release.settings, target)?.rollout.pauseSeconds ?? 0
  if (seconds === 0 || purpose !== 'deploy' || continuesOnFailure(deployment)) return null
  const left = deployment.instances.filter(
    (instance) => instance.target === target && instance.status === 'pending',
  )
  const isThrough = left.every(({ id }) => !instances.includes(id))
  return left.length > 0 && isThrough ? addSeconds(now, seconds) : null
}

/** The message where the pauses between a deployment's waves would outlast the time of its rollout. */
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
