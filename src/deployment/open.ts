import { addSeconds, type Instant } from '../kernel/clock.ts'
import { Generation } from '../kernel/id.ts'
import type { Reason } from '../kernel/reason.ts'
import { fail, succeed, type Result } from '../kernel/result.ts'
import { emit, type Draft } from './apply.ts'
import { firstBlocker } from './blockers.ts'
import { endDeployment, preempt } from './close.ts'
import { isRepair, type Advancing, type Deployment, type InstanceState } from './deployment.ts'
import { headBytes, listFitting, maxHeadBytes } from './head-size.ts'
import { headLimits, type Head } from './head.ts'
import { describeMeeting, keepOneTarget } from './meeting.ts'
import { cutMessage, joinMessages } from './message.ts'
import { describeExposure } from './metadata.ts'
import type { Opening } from './observation.ts'
import { entriesAgainst } from './quarantine.ts'
import { explainLongPauses, toInstances } from './wave.ts'

/** What makes it fail at once; unreachable instances do not block a rollback. */
const failureOf = (
  deployment: Deployment,
  { kind, obstacle, message, candidates, release }: Opening,
  selected: number,
): { readonly reason: Reason; readonly message: string | null } | null => {
  const { instances } = deployment
  if (obstacle !== null) return { reason: obstacle, message }
  if (selected === 0) return { reason: 'no_instances', message: null }
  const meeting = describeMeeting(candidates, release.settings)
  if (meeting !== null) return { reason: 'instance_in_two_targets', message: meeting }
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
  { generation: last, rollback }: Head,
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
    takesBack: kind === 'rollback' ? (rollback?.generation ?? null) : null,
    release: { ...release, generation: release.generation ?? generation },
    instances,
    phase: 'advancing',
    isStarted: false,
    intent: null,
    pausedUntil: null,
    message: cutMessage(message),
  }
}

/** The message of a rollback, with the instances that the head has no room for: it proceeds without them. */
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
 * With no instance, an unreachable one, one that two targets select, more than the head has room for in the
 * worst case, or pauses longer than its deadline, it is opened and ended at once, so that the failure stands in
 * the history and the mark keeps it from being tried again automatically. A rollback takes each instance under
 * one target, and those that there is room for; repairs follow for the others. An open repair ends first; the
 * next poll opens.
 */
export const open = (draft: Draft, gathered: Opening, now: Instant): Result<Draft, Reason> => {
  const { head } = draft
  const opening =
    gathered.kind === 'rollback'
      ? {
          ...gathered,
          candidates: keepOneTarget(gathered.candidates, head.observed, (first) => first),
        }
      : gathered
  const { kind, force, release, order, firing, candidates } = opening
  const blocker = firstBlocker(head, { kind, force, content: release })
  if (blocker !== null) return fail(blocker)
  if (isRepair(head.deployment)) return succeed(preempt(draft, now))
  const selected = toInstances(release.settings, candidates, opening.capacities)
  const instances = listFitting(head, release, selected, firing)
  const message = joinMessages([
    describeLeftOut(opening, instances.length, selected.length),
    describeExposure(candidates, release.settings),
  ])
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
  // Settings that alone outgrow the head cannot be recorded in it, not even as a failure. Notices leave it
  // within the hour: all that they may take is counted, not what they take now.
  return headBytes({ ...ended.head, notices: [] }) + headLimits.noticesBytes > maxHeadBytes
    ? fail('too_many_instances')
    : succeed(ended)
}
