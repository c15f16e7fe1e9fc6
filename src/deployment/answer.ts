import type { Instant } from '../kernel/clock.ts'
import { Fence, Generation } from '../kernel/id.ts'
import { endWithdrawn, withdraw } from './close.ts'
import { isPast } from './deadline.ts'
import { emit, type Draft } from './draft.ts'
import { findTarget } from './find-target.ts'
import {
  continuesOnFailure,
  assignsNumber,
  type Deployment,
  type InstanceState,
  type Intent,
  type Withdrawing,
} from './deployment.ts'
import { intentOf, type Head } from './head.ts'
import { hasDrifted, servesRelease } from './observed.ts'
import { pauseAfter } from './wave.ts'
import type { Answer } from './step.ts'

/** A changed key is prepared for anew, a fence from before a restore raised: each at most this often. */
const mostRetries = 2
/** Each repeated command may need one; whoever is prepared again and again never stays it. */
const mostPrepares = 2 * mostRetries

const lostAnswer = (id: Answer['id']): Answer => ({
  id,
  outcome: 'lost',
  reason: 'no_answer',
  message: null,
  serving: null,
  fenceSeen: null,
  steps: [],
  tail: [],
})

const isRepeatable = ({ reason }: Answer): boolean =>
  reason === 'key_changed' || reason === 'superseded_fence'

const withAnswer = (instance: InstanceState, answer: Answer) => ({
  ...instance,
  serving: answer.serving,
  reason: answer.reason,
  message: answer.message,
})

/** Asked what it serves: it is where it should be, has to get there, or is only to be told of. */
const afterQuestion = (
  head: Head,
  { release }: Deployment,
  instance: InstanceState,
  answer: Answer,
): InstanceState => {
  if (servesRelease(answer.serving, release))
    return { ...withAnswer(instance, answer), status: 'succeeded' }
  const asked = { ...instance, status: 'pending', serving: answer.serving } as const
  if (!hasDrifted(head, instance)) return asked
  return findTarget(release.settings, instance.target)?.drift === 'report'
    ? { ...asked, status: 'failed', reason: 'drifted' }
    : { ...asked, reason: 'drifted' }
}

const afterPrepare = (instance: InstanceState, answer: Answer): InstanceState => {
  const isDone = answer.outcome === 'succeeded'
  if (isDone || answer.reason === 'too_late')
    return instance.retries < mostPrepares
      ? { ...instance, retries: instance.retries + 1 }
      : {
          ...withAnswer(instance, answer),
          status: 'failed',
          reason: isDone ? 'key_changed' : 'too_late',
        }
  return { ...withAnswer(instance, answer), status: 'failed', reason: answer.reason ?? 'no_answer' }
}

/** Nothing was changed by a command that was refused or not sent, but perhaps by one under the same fence before it. */
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

/** It could not be sent to: what it serves nobody has said. */
const afterMissing = (instance: InstanceState, answer: Answer, intent: Intent): InstanceState => {
  if (intent.purpose === 'restore') return afterRestore(instance, answer)
  const missed = withAnswer(untouched(instance, intent), answer)
  return { ...missed, status: missed.touched ? 'lost' : 'failed' }
}

const after = { prepare: afterPrepare, deploy: afterDeploy, restore: afterRestore }

/** An answer that came before this command's time to answer, or from nobody, counts as lost once it is over. */
const answerOf = (intent: Intent, answers: readonly Answer[], id: Answer['id'], now: Instant) => {
  const answer = answers.find((one) => one.id === id)
  if (answer !== undefined && answer.outcome !== 'waiting') return answer
  return isPast(intent.deadlineAt, now) ? lostAnswer(id) : null
}

/** The version must rise above every fence that a host has seen (a table restored to an earlier day). */
const raiseFence = (draft: Draft, answers: readonly Answer[]): Draft => {
  const seen = Math.max(0, ...answers.map((answer) => answer.fenceSeen ?? 0))
  return seen > draft.head.version
    ? emit(draft, { kind: 'fence_seen', fence: Fence.parse(seen) })
    : draft
}

/** No app comes to such a number by itself; what an instance says may not use the numbers up. */
const highestNumber = 9_999_999

/**
 * A number that is an instance's already, or was, is another release's (again the restored table): this
 * one gets the next number that is nobody's, and whoever has it under its first gets it anew.
 */
const renumber = (draft: Draft, deployment: Deployment, answers: readonly Answer[]): Draft => {
  if (!assignsNumber(deployment)) return draft
  const served = answers
    .filter(({ outcome, reason }) => outcome === 'refused' && reason === 'superseded_fence')
    .map(({ serving }) => serving?.generation ?? 0)
    .filter((number) => number <= highestNumber)
  const highest = Math.max(0, ...served)
  if (highest < deployment.generation) return draft
  return emit(draft, { kind: 'release_renumbered', generation: Generation.parse(highest + 1) })
}

/** Of several instances it is said which one failed. */
const messageOf = ({ instances }: Deployment, { id, message }: InstanceState): string | null => {
  if (instances.length === 1) return message
  return message === null ? id : `${id}: ${message}`
}

/** What follows once every instance of the command has answered, or its time is over. */
const conclude = (draft: Draft, intent: Intent, now: Instant): Draft => {
  const settled = emit(draft, { kind: 'command_settled' })
  const { deployment } = settled.head
  if (deployment?.phase !== 'advancing') return settled
  const first = deployment.instances.find(({ status }) => status === 'failed' || status === 'lost')
  if (first !== undefined && !continuesOnFailure(deployment))
    return withdraw(settled, first.reason ?? 'no_answer', messageOf(deployment, first), now)
  const until = pauseAfter(deployment, intent, now)
  return until === null ? settled : emit(settled, { kind: 'wave_paused', until })
}

const afterAnswer = (
  head: Head,
  deployment: Deployment,
  intent: Intent,
  instance: InstanceState,
  answer: Answer,
): InstanceState =>
  instance.status === 'unseen' && answer.outcome === 'succeeded'
    ? afterQuestion(head, deployment, instance, answer)
    : after[intent.purpose](instance, answer, intent)

/** A command that an instance has not answered, or not said what it serves, may still run there. */
const abandonMissed = (draft: Draft, intent: Intent, reported: readonly InstanceState[]): Draft => {
  const { target, operation } = intent
  const isMissed = reported.some(({ status }) => status === 'lost' || status === 'unknown')
  return isMissed && operation !== null
    ? emit(draft, { kind: 'command_abandoned', target, operation })
    : draft
}

const report = (draft: Draft, reported: readonly InstanceState[]): Draft =>
  reported.length === 0 ? draft : emit(draft, { kind: 'instances_reported', instances: reported })

/**
 * Takes in what the instances answered to the command of `fence`. Answers to any other command are
 * those of a superseded attempt and change nothing.
 */
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
    return answer === undefined || intent.target !== instance.target
      ? []
      : [afterAnswer(head, deployment, intent, instance, answer)]
  })
  const told = abandonMissed(report(raiseFence(draft, answers), reported), intent, reported)
  const numbered = intent.purpose === 'deploy' ? renumber(told, deployment, answers) : told
  return conclude(numbered, intent, now)
}

/**
 * Takes in that the command of `fence` is out, and who it could not be sent to. The first sender who
 * says so counts; a second one's command under the same fence changes nothing.
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
    const answer = instance.target === intent.target ? missed(instance.id) : undefined
    return answer === undefined ? [] : [afterMissing(instance, answer, intent)]
  })
  const instances = intent.instances.filter((id) => missed(id) === undefined)
  const sent = report(emit(draft, { kind: 'command_sent', operation, instances }), reported)
  return instances.length === 0 ? conclude(sent, { ...intent, operation, instances }, now) : sent
}

/** A restore is over when nobody is left to bring back: the deployment ends as the rollout did. */
export const endRestored = (
  draft: Draft,
  { reason, message: cause }: Withdrawing,
  now: Instant,
): Draft => {
  const instances = draft.head.deployment?.instances ?? []
  const left = instances.filter(({ status }) => status === 'unknown')
  const why = left.length === 0 ? null : `not brought back: ${left.map(({ id }) => id).join(', ')}`
  const message = [cause, why].filter((words) => words !== null).join('; ') || null
  return endWithdrawn(draft, reason, message, now)
}
