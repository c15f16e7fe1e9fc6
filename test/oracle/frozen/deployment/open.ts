import { addSeconds, type Instant } from '../kernel/clock.ts'
import { Generation, type InstanceId } from '../kernel/id.ts'
import type { Reason } from '../kernel/reason.ts'
import { fail, succeed, type Result } from '../kernel/result.ts'
import type { App } from './app.ts'
import { end, giveWay } from './close.ts'
import {
  hasPendingTakeBack,
  isConverging,
  type Deployment,
  type DeploymentKind,
  type Head,
  type InstanceState,
  type Release,
} from './head.ts'
import { isQuarantined, liftQuarantine } from './quarantine.ts'
import { newerOrder, type PushOrder } from './revision.ts'
import { explainLongPauses } from './pause.ts'
import { planWaves } from './wave.ts'

/** An instance that a target selected, and why nothing can be sent to it, if so. */
export interface Candidate {
  readonly id: InstanceId
  readonly target: number
  readonly obstacle: Reason | null
}

/** Everything that the write which opens a deployment fixes. */
export interface Opening {
  readonly kind: DeploymentKind
  readonly by: string
  /** The revision's place among the pushes; null for an operator's redeploy of what is live. */
  readonly order: PushOrder | null
  /** A rollback brings back an earlier release under its own generation; anything else gets a new one. */
  readonly release: Omit<Release, 'generation'> & { readonly generation: Generation | null }
  readonly candidates: readonly Candidate[]
  /** How many instances of each target one command can hold the release for. */
  readonly capacities: readonly number[]
  /** Alarms that fire already. */
  readonly firing: readonly string[]
  /** Said of the deployment from the beginning, such as that another secret had to do. */
  readonly message: string | null
  /** What makes it fail at once: a secret that is not there, a kind of target that is not built. */
  readonly obstacle: Reason | null
  readonly force: boolean
}

/** The instances of a deployment, each in its wave. */
export const toInstances = (
  { targets }: App,
  candidates: readonly Candidate[],
  capacities: readonly number[],
): readonly InstanceState[] =>
  targets.flatMap((settings, target) => {
    const own = candidates.filter((candidate) => candidate.target === target)
    const batch =
      settings.kind === 'ec2' ? settings.rollout.batch : { kind: 'count' as const, value: 1 }
    const waves = planWaves(own.length, batch, capacities[target] ?? Infinity)
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

/** Whether its release is a new one, under the number of this deployment. */
export const isNumbering = ({ kind, generation, release }: Deployment): boolean =>
  kind !== 'converge' && release.generation === generation

/** What stands in the way of opening anything now, whoever asks. */
export const openingObstacle = (head: Head, force: boolean): Reason | null => {
  if (head.deployment !== null && !isConverging(head.deployment)) return 'deployment_open'
  if (hasPendingTakeBack(head)) return 'going_back'
  if (head.freeze !== null && !force) return 'app_frozen'
  return null
}

/** The way back is open to a frozen app, and to nobody while something else is open. */
const obstacleOf = (head: Head, { kind, force, release }: Opening): Reason | null => {
  const { deployment } = head
  if (kind === 'rollback')
    return deployment === null || isConverging(deployment) ? null : 'deployment_open'
  const obstacle = openingObstacle(head, force)
  if (obstacle !== null || force) return obstacle
  return isQuarantined(head, release) ? 'quarantined' : null
}

/** What makes it fail at once; who cannot be reached keeps no rollback from the others. */
const failureOf = (
  deployment: Deployment,
  { kind, obstacle, message }: Opening,
): { readonly reason: Reason; readonly message: string | null } | null => {
  const { instances } = deployment
  if (obstacle !== null) return { reason: obstacle, message }
  if (instances.length === 0) return { reason: 'no_instances', message: null }
  const tooLong = explainLongPauses(deployment)
  if (tooLong !== null) return { reason: 'pauses_too_long', message: tooLong }
  const unreachable = instances.find(({ reason }) => reason !== null)
  return !unreachable?.reason || kind === 'rollback'
    ? null
    : { reason: unreachable.reason, message: unreachable.id }
}

/**
 * Opens a deployment: digest, secret version, settings and instances are fixed by this one write.
 * With no instance, one that cannot be reached, or pauses longer than its deadline, it is opened and
 * ended at once, so that the failure stands in the history and the mark keeps it from being tried again by itself. A convergence
 * gives way first; the next look opens.
 */
export const open = (head: Head, opening: Opening, now: Instant): Result<Head, Reason> => {
  const obstacle = obstacleOf(head, opening)
  if (obstacle !== null) return fail(obstacle)
  if (isConverging(head.deployment)) return succeed(giveWay(head, now))
  const generation = Generation.parse(head.generation + 1)
  const deployment: Deployment = {
    generation,
    kind: opening.kind,
    by: opening.by,
    status: 'queued',
    stage: 'rolling',
    openedAt: now,
    deadlineAt: addSeconds(now, opening.release.settings.deadlineSeconds),
    sentAt: null,
    endedAt: null,
    firing: opening.firing,
    takesBack: opening.kind === 'rollback' ? (head.takeBack?.generation ?? null) : null,
    rolledBackBy: null,
    release: { ...opening.release, generation: opening.release.generation ?? generation },
    instances: toInstances(opening.release.settings, opening.candidates, opening.capacities),
    intent: null,
    pausedUntil: null,
    reason: null,
    message: opening.message,
  }
  const opened = {
    ...(opening.force ? liftQuarantine(head, opening.release) : head),
    generation,
    deployment,
    request: opening.kind === 'redeploy' ? null : head.request,
    takeBack: opening.kind === 'rollback' ? null : head.takeBack,
    mark: newerOrder(head.mark, opening.order),
  }
  const failure = failureOf(deployment, opening)
  return succeed(failure === null ? opened : end(opened, { status: 'failed', ...failure }, now))
}
