import type { Instant } from '../kernel/clock.ts'
import { Fence, Generation } from '../kernel/id.ts'
import { emit, type Draft } from './apply.ts'
import { withdraw } from './close.ts'
import { isPast } from './deadline.ts'
import {
  assignsNumber,
  continuesOnFailure,
  type Deployment,
  type InstanceState,
  type Intent,
} from './deployment.ts'
import { findTarget } from './find-target.ts'
import { intentOf, type Head } from './head.ts'
import { isDrift, servesRelease } from './observed.ts'
import type { Answer } from './step.ts'
import { pauseAfter } from './wave.ts'

/** After a changed key, or a fence from before the table was restored, a command is repeated this often. */
const mostRetries = 2

/**
 * An instance's word is a stranger's: how far one answer raises a number, and the highest that any of them raises it to.
 * No restored table is so far behind its hosts, or the next answers raise it further; and beyond these, a million more
 * still fit the document and the keys of the journal (`src/journal/keys.ts`: 10 digits of a fence, 8 of a generation).
 */
const furthest = { fence: 1_000_000, generation: 10_000 } as const
const highest = { fence: 9_998_000_000, generation: 9_999_999 } as const

const isRepeatable = ({ reason }: Answer): boolean =>
  reason === 'key_changed' || reason === 'superseded_fence'

const withAnswer = (instance: InstanceState, answer: Answer) => ({
  ...instance,
  serving: answer.serving,
  reason: answer.reason,
  message: answer.message,
})

/** After an instance was asked what it serves: it is up to date, is to be repaired, or only its drift is reported. */
const afterProbe = (
  head: Head,
  { release }: Deployment,
  instance: InstanceState,
  answer: Answer,
): InstanceState => {
  if (servesRelease(answer.serving, release))
    return { ...withAnswer(instance, answer), status: 'succeeded' }
  const asked = { ...instance, status: 'pending', serving: answer.serving } as const
  const place = head.observed.find(
    ({ id, target }) => id === instance.id && target === instance.target,
  )
  if (!isDrift(head, place ?? null)) return asked
  return findTarget(release.settings, instance.target)?.drift === 'report'
    ? { ...asked, status: 'failed', reason: 'drifted' }
    : { ...asked, reason: 'drifted' }
}

const afterPrepare = (instance: InstanceState, answer: Answer): InstanceState => {
  const isDone = answer.outcome === 'succeeded'
  // Each repeated command may need one; an instance that never stays prepared fails.
  if (isDone || answer.reason === 'too_late')
    return instance.retries < 2 * mostRetries
      ? { ...instance, retries: instance.retries + 1 }
      : {
          ...withAnswer(instance, answer),
          status: 'failed',
          reason: isDone ? 'key_changed' : 'too_late',
        }
  return { ...withAnswer(instance, answer), status: 'failed', reason: answer.reason ?? 'no_answer' }
}

/** A command that was refused or not sent changed nothing; an earlier one under the same fence may have. */
const untouched = (instance: InstanceState, intent: Intent): InstanceState => ({
  ...instance,
  touched: instance.touched && intent.repeated,
})

const afterDeploy = (instance: InstanceState, answer: Answer, intent: Intent): InstanceState => {
  switch (answer.outcome) {
    case 'waiting':
      return instance
    case 'succeeded':
      return { ...withAnswer(instance, answer), status: 'succeeded' }
    case 'failed':
      return { ...withAnswer(instance, answer), status: 'failed' }
    case 'lost':
      return {
        ...withAnswer(instance, answer),
        status: 'lost',
        reason: answer.reason ?? 'no_answer',
      }
    case 'refused':
      return isRepeatable(answer) && instance.retries < mostRetries
        ? { ...untouched(instance, intent), retries: instance.retries + 1 }
        : { ...withAnswer(untouched(instance, intent), answer), status: 'failed' }
  }
}

const afterRestore = (instance: InstanceState, answer: Answer): InstanceState => {
  switch (answer.outcome) {
    case 'waiting':
      return instance
    case 'succeeded':
      return { ...instance, status: 'restored', serving: answer.serving }
    case 'refused':
      if (isRepeatable(answer) && instance.retries < mostRetries)
        return { ...instance, retries: instance.retries + 1 }
      return { ...withAnswer(instance, answer), status: 'unknown', reason: 'not_restored' }
    case 'failed':
    case 'lost':
      return { ...withAnswer(instance, answer), status: 'unknown', reason: 'not_restored' }
  }
}

/** After a command could not be sent to an instance. */
const afterMissing = (instance: InstanceState, answer: Answer, intent: Intent): InstanceState => {
  if (intent.purpose === 'restore') return afterRestore(instance, answer)
  const missed = withAnswer(untouched(instance, intent), answer)
  return { ...missed, status: missed.touched ? 'lost' : 'failed' }
}

const afterAnswer = (
  head: Head,
  deployment: Deployment,
  intent: Intent,
  instance: InstanceState,
  answer: Answer,
): InstanceState => {
  if (instance.status === 'unseen' && answer.outcome === 'succeeded')
    return afterProbe(head, deployment, instance, answer)
  const after = { prepare: afterPrepare, deploy: afterDeploy, restore: afterRestore }
  return after[intent.purpose](instance, answer, intent)
}

/** The answer of an instance; a missing one counts as lost once the command's time is over. */
const answerOf = (
  intent: Intent,
  answers: readonly Answer[],
  id: Answer['id'],
  now: Instant,
): Answer | null => {
  const answer = answers.find((one) => one.id === id)
  if (answer !== undefined && answer.outcome !== 'waiting') return answer
  const empty = {
    message: null,
    serving: null,
    fenceSeen: null,
    isKeyNew: false,
    steps: [],
    tail: [],
  }
  return isPast(intent.deadlineAt, now)
    ? { id, outcome: 'lost', reason: 'no_answer', ...empty }
    : null
}

/** The version must rise above every fence that a host has seen (after the table was restored from a backup). */
const raiseFence = (draft: Draft, answers: readonly Answer[]): Draft => {
  const { version } = draft.head
  const claimed = Math.max(0, ...answers.map((answer) => answer.fenceSeen ?? 0))
  const seen = Math.min(claimed, version + furthest.fence, highest.fence)
  return seen > version ? emit(draft, { kind: 'fence_seen', fence: Fence.parse(seen) }) : draft
}

/**
 * A number that an instance serves or has served already is another release's (again after the table was
 * restored): this release gets the next free number, and instances that have it under its first number are
 * deployed to again.
 */
const renumber = (draft: Draft, deployment: Deployment, answers: readonly Answer[]): Draft => {
  if (!assignsNumber(deployment)) return draft
  const served = answers
    .filter(({ outcome, reason }) => outcome === 'refused' && reason === 'superseded_fence')
    .map(({ serving }) => serving?.generation ?? 0)
  const { generation } = deployment
  const claimed = Math.max(0, ...served)
  if (claimed < generation) return draft
  const next = Math.min(claimed + 1, generation + furthest.generation, highest.generation)
  return next > generation
    ? emit(draft, { kind: 'release_renumbered', generation: Generation.parse(next) })
    : draft
}

/** What follows once every instance of the command has answered, or its time is over. */
const conclude = (draft: Draft, intent: Intent, now: Instant): Draft => {
  const settled = emit(draft, { kind: 'command_settled' })
  const { deployment } = settled.head
  if (deployment?.phase !== 'advancing') return settled
  const first = deployment.instances.find(({ status }) => status === 'failed' || status === 'lost')
  if (first !== undefined && !continuesOnFailure(deployment)) {
    const { id, message } = first
    const named = message === null ? id : `${id}: ${message}`
    const isOnly = deployment.instances.length === 1
    return withdraw(settled, first.reason ?? 'no_answer', isOnly ? message : named, now)
  }
  const until = pauseAfter(deployment, intent, now)
  return until === null ? settled : emit(settled, { kind: 'wave_paused', until })
}

/** A command that an instance has not answered, or not with what it serves, may still run there. */
const abandonMissed = (draft: Draft, intent: Intent, reported: readonly InstanceState[]): Draft => {
  const { target, operation } = intent
  const isMissed = reported.some(({ status }) => status === 'lost' || status === 'unknown')
  return isMissed && operation !== null
    ? emit(draft, { kind: 'command_abandoned', target, operation })
    : draft
}

const report = (draft: Draft, reported: readonly InstanceState[]): Draft =>
  reported.length === 0 ? draft : emit(draft, { kind: 'instances_reported', instances: reported })

/** A certificate that replaced another may be that of a stranger, so that people are told. */
const tellChanged = (draft: Draft, answers: readonly Answer[]): Draft => {
  const instances = answers.flatMap(({ id, isKeyNew }) => (isKeyNew ? [id] : []))
  return instances.length === 0 ? draft : emit(draft, { kind: 'certificates_changed', instances })
}

/** Takes in the answers to the command of `fence`. Answers to an earlier command change nothing. */
export const absorbAnswers = (
  draft: Draft,
  fence: Fence,
  answers: readonly Answer[],
  now: Instant,
): Draft => {
  const { head } = draft
  const { deployment } = head
  const intent = intentOf(head)
  if (deployment === null || intent?.fence !== fence) return draft
  const settled = intent.instances.flatMap((id) => answerOf(intent, answers, id, now) ?? [])
  if (settled.length < intent.instances.length) return draft
  const reported = deployment.instances.flatMap((instance) => {
    const answer = settled.find(({ id }) => id === instance.id)
    return answer === undefined ? [] : [afterAnswer(head, deployment, intent, instance, answer)]
  })
  // `prepare` carries no fence.
  const raised = intent.purpose === 'prepare' ? draft : raiseFence(draft, settled)
  const told = tellChanged(raised, settled)
  const taken = abandonMissed(report(told, reported), intent, reported)
  const numbered = intent.purpose === 'deploy' ? renumber(taken, deployment, settled) : taken
  return conclude(numbered, intent, now)
}

/**
 * Takes in that the command of `fence` is sent, and the instances that it did not go to. The first report
 * counts; a second sender's command under the same fence changes nothing.
 */
export const markSent = (
  draft: Draft,
  fence: Fence,
  operation: string | null,
  missing: readonly Answer[],
  now: Instant,
): Draft => {
  const { deployment } = draft.head
  const intent = intentOf(draft.head)
  if (deployment === null || intent?.fence !== fence || intent.operation !== null) return draft
  const missed = (id: Answer['id']) => missing.find((answer) => answer.id === id)
  const reported = deployment.instances.flatMap((instance) => {
    const answer = missed(instance.id)
    return answer === undefined ? [] : [afterMissing(instance, answer, intent)]
  })
  const instances = intent.instances.filter((id) => missed(id) === undefined)
  const sent = report(emit(draft, { kind: 'command_sent', operation, instances }), reported)
  return instances.length === 0 ? conclude(sent, { ...intent, operation, instances }, now) : sent
}
