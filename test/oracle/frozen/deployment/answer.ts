import type { Instant } from '../kernel/clock.ts'
import { Fence, Generation } from '../kernel/id.ts'
import { endGivenUp, giveUp } from './close.ts'
import { isPast } from './deadline.ts'
import { goesOn, type Deployment, type Head, type InstanceState, type Intent } from './head.ts'
import { isNumbering } from './open.ts'
import { hasDrifted, servesRelease } from './places.ts'
import { pauseAfter } from './pause.ts'
import type { Answer } from './step.ts'

/** A changed key is prepared for anew, a fence from before a restore raised: each at most this often. */
const mostRetries = 2
/** Each repeated command may need one; whoever is prepared again and again never stays it. */
const mostPrepares = 2 * mostRetries

const lost = (id: Answer['id']): Answer => ({
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

const told = (instance: InstanceState, answer: Answer) => ({
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
    return { ...told(instance, answer), status: 'succeeded' }
  const asked = { ...instance, status: 'pending', serving: answer.serving } as const
  if (!hasDrifted(head, instance)) return asked
  const settings = release.settings.targets[instance.target]
  return settings?.kind === 'ec2' && settings.drift === 'report'
    ? { ...asked, status: 'failed', reason: 'drifted' }
    : { ...asked, reason: 'drifted' }
}

const afterPrepare = (instance: InstanceState, answer: Answer): InstanceState => {
  const isDone = answer.outcome === 'succeeded'
  if (isDone || answer.reason === 'too_late')
    return instance.retries < mostPrepares
      ? { ...instance, retries: instance.retries + 1 }
      : { ...told(instance, answer), status: 'failed', reason: isDone ? 'key_changed' : 'too_late' }
  return { ...told(instance, answer), status: 'failed', reason: answer.reason ?? 'no_answer' }
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
      return { ...told(instance, answer), status: 'succeeded' }
    case 'failed':
      return { ...told(instance, answer), status: 'failed' }
    case 'lost':
      return { ...told(instance, answer), status: 'lost', reason: answer.reason ?? 'no_answer' }
    case 'refused':
      return isRepeatable(answer) && instance.retries < mostRetries
        ? { ...untouched(instance, intent), retries: instance.retries + 1 }
        : { ...told(untouched(instance, intent), answer), status: 'failed' }
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
      return { ...told(instance, answer), status: 'unknown', reason: 'not_restored' }
    case 'failed':
    case 'lost':
      return { ...told(instance, answer), status: 'unknown', reason: 'not_restored' }
  }
}

/** It could not be sent to: what it serves nobody has said. */
const afterMissing = (instance: InstanceState, answer: Answer, intent: Intent): InstanceState => {
  if (intent.purpose === 'restore') return afterRestore(instance, answer)
  const missed = told(untouched(instance, intent), answer)
  return { ...missed, status: missed.touched ? 'lost' : 'failed' }
}

const after = { prepare: afterPrepare, deploy: afterDeploy, restore: afterRestore }

/** An answer that came before this command's time to answer, or from nobody, counts as lost once it is over. */
const answerOf = (intent: Intent, answers: readonly Answer[], id: Answer['id'], now: Instant) => {
  const answer = answers.find((one) => one.id === id)
  if (answer !== undefined && answer.outcome !== 'waiting') return answer
  return isPast(intent.deadlineAt, now) ? lost(id) : null
}

/** The version must rise above every fence that a host has seen (a table restored to an earlier day). */
const aboveSeen = (head: Head, answers: readonly Answer[]): Head => {
  const seen = Math.max(0, ...answers.map((answer) => answer.fenceSeen ?? 0))
  return seen > head.version ? { ...head, version: Fence.parse(seen) } : head
}

/** No app comes to such a number by itself; what an instance says may not use the numbers up. */
const highestNumber = 9_999_999

type OpenHead = Head & { readonly deployment: Deployment }

/**
 * A number that is an instance's already, or was, is another release's (again the restored table): this
 * one gets the next number that is nobody's, and whoever has it under its first gets it anew.
 */
const aboveServed = (head: OpenHead, answers: readonly Answer[]): OpenHead => {
  const { deployment } = head
  if (!isNumbering(deployment)) return head
  const served = answers
    .filter(({ outcome, reason }) => outcome === 'refused' && reason === 'superseded_fence')
    .map(({ serving }) => serving?.generation ?? 0)
    .filter((number) => number <= highestNumber)
  const highest = Math.max(0, ...served)
  if (highest < deployment.generation) return head
  const generation = Generation.parse(highest + 1)
  const instances = deployment.instances.map((one) =>
    one.status === 'succeeded' ? { ...one, status: 'pending' as const } : one,
  )
  const release = { ...deployment.release, generation }
  return { ...head, generation, deployment: { ...deployment, generation, release, instances } }
}

/** Of several instances it is said which one failed. */
const messageOf = ({ instances }: Deployment, { id, message }: InstanceState): string | null => {
  if (instances.length === 1) return message
  return message === null ? id : `${id}: ${message}`
}

/** What follows once every instance of the command has answered, or its time is over. */
const conclude = (head: Head, deployment: Deployment, now: Instant): Head => {
  const { intent } = deployment
  const pausedUntil = intent === null ? null : pauseAfter(deployment, intent, now)
  const settled = { ...deployment, intent: null, pausedUntil }
  const first = settled.instances.find(({ status }) => status === 'failed' || status === 'lost')
  if (deployment.stage === 'restoring') return { ...head, deployment: settled }
  if (first === undefined || goesOn(deployment))
    return { ...head, deployment: settled, watch: pausedUntil === null ? head.watch : null }
  const message = messageOf(settled, first)
  return giveUp({ ...head, deployment: settled }, first.reason ?? 'no_answer', message, now)
}

/**
 * Takes in what the instances answered to the command of `fence`. Answers to any other command are
 * those of a superseded attempt and change nothing.
 */
export const absorb = (
  head: Head,
  fence: Fence,
  answers: readonly Answer[],
  now: Instant,
): Head => {
  const { deployment } = head
  if (deployment?.intent?.fence !== fence) return head
  const { intent } = deployment
  const settled = intent.instances.flatMap((id) => answerOf(intent, answers, id, now) ?? [])
  if (settled.length < intent.instances.length) return head
  const instances = deployment.instances.map((instance) => {
    const answer = settled.find(({ id }) => id === instance.id)
    if (!answer || intent.target !== instance.target) return instance
    return instance.status === 'unseen' && answer.outcome === 'succeeded'
      ? afterQuestion(head, deployment, instance, answer)
      : after[intent.purpose](instance, answer, intent)
  })
  const told = { ...aboveSeen(head, answers), deployment: { ...deployment, instances } }
  const numbered = intent.purpose === 'deploy' ? aboveServed(told, answers) : told
  return conclude(numbered, numbered.deployment, now)
}

/**
 * Takes in that the command of `fence` is out, and who it could not be sent to. The first sender who
 * says so counts; a second one's command under the same fence changes nothing.
 */
export const takeSent = (
  head: Head,
  fence: Fence,
  operation: string | null,
  missing: readonly Answer[],
  now: Instant,
): Head => {
  const { deployment } = head
  if (deployment?.intent?.fence !== fence || deployment.intent.operation !== null) return head
  const { intent } = deployment
  const missed = (id: Answer['id']) => missing.find((answer) => answer.id === id)
  const instances = deployment.instances.map((instance) => {
    const answer = instance.target === intent.target ? missed(instance.id) : undefined
    return answer === undefined ? instance : afterMissing(instance, answer, intent)
  })
  const reached = intent.instances.filter((id) => missed(id) === undefined)
  const sent = { ...intent, operation, instances: reached }
  const next = { ...deployment, instances, intent: sent }
  return reached.length === 0 ? conclude(head, next, now) : { ...head, deployment: next }
}

/** A restore is over when nobody is left to bring back: the deployment ends as the rollout did. */
export const endRestored = (head: Head, deployment: Deployment, now: Instant): Head => {
  const left = deployment.instances.filter(({ status }) => status === 'unknown')
  const why = left.length === 0 ? null : `not brought back: ${left.map(({ id }) => id).join(', ')}`
  const message = [deployment.message, why].filter((words) => words !== null).join('; ') || null
  return endGivenUp({ ...head, deployment }, deployment.reason ?? 'no_answer', message, now)
}
