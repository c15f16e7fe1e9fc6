import { addSeconds, type Instant } from '../kernel/clock.ts'
import { Generation } from '../kernel/id.ts'
import type { Reason } from '../kernel/reason.ts'
import { fail, succeed, type Result } from '../kernel/result.ts'
import type { App } from './app.ts'
import { firstBlocker } from './blockers.ts'
import { endDeployment, preempt } from './close.ts'
import { emit, type Draft } from './draft.ts'
import {
  isRepair,
  type Advancing,
  type Candidate,
  type Deployment,
  type DeploymentKind,
  type InstanceState,
  type Release,
} from './deployment.ts'
import type { Head } from './head.ts'
import { mostNoticesBytes } from './notices.ts'
import { headBytes, listFitting, maxHeadBytes } from './head-size.ts'
import { entriesAgainst } from './quarantine.ts'
import type { PushOrder } from './revision.ts'
import { explainLongPauses, planWaves } from './wave.ts'
import { cutMessage } from './message.ts'

/** Everything that the write which opens a deployment fixes. */
export interface Opening {
  readonly kind: Exclude<DeploymentKind, 'repair'>
  readonly by: string
  /** The revision's place among the pushes; null for an operator's redeploy of what is live. */
  readonly order: PushOrder | null
  /** A rollback brings back an earlier release under its own generation; anything else gets a new one. */
  readonly release: Omit<Release, 'generation'> & { readonly generation: Generation | null }
  readonly candidates: readonly Candidate[]
  /** How many instances of each target of the release, in their order, one command can hold it for. */
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

/** What makes it fail at once; who cannot be reached keeps no rollback from the others. */
const failureOf = (
  deployment: Deployment,
  { kind, obstacle, message }: Opening,
  selected: number,
): { readonly reason: Reason; readonly message: string | null } | null => {
  const { instances } = deployment
  if (obstacle !== null) return { reason: obstacle, message }
  if (selected === 0) return { reason: 'no_instances', message: null }
  if (instances.length === 0 || (instances.length < selected && kind !== 'rollback'))
    return {
      reason: 'too_many_instances',
      message: `${selected} instances; the app's record has room for ${instances.length}`,
    }
  const tooLong = explainLongPauses(deployment)
  if (tooLong !== null) return { reason: 'pauses_too_long', message: tooLong }
  const unreachable = instances.find(({ reason }) => reason !== null)
  return !unreachable?.reason || kind === 'rollback'
    ? null
    : { reason: unreachable.reason, message: unreachable.id }
}

const createDeployment = (
  { generation: last, rollback: takeBack }: Head,
  { kind, by, firing, release, message }: Opening,
  instances: readonly InstanceState[],
  now: Instant,
): Advancing => {
  const generation = Generation.parse(last + 1)
  return {
    generation,
    kind,
    by,
    openedAt: now,
    deadlineAt: addSeconds(now, release.settings.deadlineSeconds),
    sentAt: null,
    firing,
    takesBack: kind === 'rollback' ? (takeBack?.generation ?? null) : null,
    release: { ...release, generation: release.generation ?? generation },
    instances,
    phase: 'advancing',
    isStarted: false,
    intent: null,
    pausedUntil: null,
    message: cutMessage(message),
  }
}

/** A rollback goes on without the instances that the head has no room for, and says so. */
const describeLeftOut = (
  { kind, message }: Opening,
  fitting: number,
  selected: number,
): string | null => {
  if (kind !== 'rollback' || fitting === selected) return message
  const rest = `not on ${selected - fitting} of ${selected} instances: the app's record has no room for them; they follow`
  return message === null ? rest : `${rest}; ${message}`
}

/**
 * Opens a deployment: digest, secret version, settings and instances are fixed by this one write.
 * With no instance, one that cannot be reached, more than the head has room for whatever becomes of
 * them, or pauses longer than its deadline, it is opened and ended at once, so that the failure stands in
 * the history and the mark keeps it from being tried again by itself. A rollback takes those that there
 * is room for, and the others follow. A convergence gives way first; the next look opens.
 */
export const open = (draft: Draft, opening: Opening, now: Instant): Result<Draft, Reason> => {
  const { head } = draft
  const { kind, force, release, order, firing } = opening
  const blocker = firstBlocker(head, { kind, force, content: release })
  if (blocker !== null) return fail(blocker)
  if (isRepair(head.deployment)) return succeed(preempt(draft, now))
  const selected = toInstances(release.settings, opening.candidates, opening.capacities)
  const instances = listFitting(head, release, selected, firing)
  const message = describeLeftOut(opening, instances.length, selected.length)
  const deployment = createDeployment(head, { ...opening, message }, instances, now)
  const entries = force ? entriesAgainst(head, release) : []
  const opened = emit(
    draft,
    ...(entries.length === 0 ? [] : [{ kind: 'quarantine_lifted' as const, entries }]),
    ...(order === null ? [] : [{ kind: 'mark_raised' as const, order }]),
    { kind: 'deployment_opened', deployment },
  )
  const failure = failureOf(deployment, opening, selected.length)
  if (failure === null) return succeed(opened)
  const ended = endDeployment(opened, { status: 'failed', ...failure }, now)
  // Settings that outgrow the record by themselves cannot stand in it, not even to say so.
  return headBytes(ended.head) + mostNoticesBytes > maxHeadBytes
    ? fail('too_many_instances')
    : succeed(ended)
}
