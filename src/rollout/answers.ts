import { isLastLook, isPast } from '../deployment/deadline.ts'
import { findTarget } from '../deployment/find-target.ts'
import type { Deployment, Intent } from '../deployment/deployment.ts'
import type { Head } from '../deployment/head.ts'
import { servesRelease } from '../deployment/observed.ts'
import type { Answer } from '../deployment/step.ts'
import type { Observation } from '../deployment/observation.ts'
import { toInstant, type Instant } from '../kernel/clock.ts'
import { toOrder } from './order.ts'
import type { Nudge, ReconcilePorts } from './ports.ts'

/** An unreachable target delays nothing beyond the command's deadline. */
const toNothingPast =
  (ports: ReconcilePorts, head: Head, deadlineAt: Instant) =>
  (error: unknown): readonly Answer[] => {
    if (!isPast(deadlineAt, toInstant(ports.clock()))) throw error
    ports.log.error('failed to read answers before the deadline', {
      app: head.app,
      error: String(error),
    })
    return []
  }

export const isAnswered = ({ outcome }: Answer): boolean => outcome !== 'waiting'

/** An instance that was only asked, and serves the release, leaves no record: it is asked every hour. */
const isWorthKeeping = ({ kind, release }: Deployment, { purpose }: Intent, answer: Answer) =>
  isAnswered(answer) &&
  !(kind === 'repair' && purpose === 'prepare' && servesRelease(answer.serving, release))

/** Whether this run is the head's poller. */
export const isPolling = (head: Head, by: string, now: Date): boolean =>
  head.deployment !== null &&
  head.poller?.by === by &&
  Date.parse(head.poller.until) > now.getTime()

type SentIntent = Intent & { readonly operation: string }

const observeTarget = async (
  ports: ReconcilePorts,
  head: Head,
  deployment: Deployment,
  intent: SentIntent,
) => {
  const order = toOrder(head, deployment, intent)
  const settings = findTarget(order.settings, order.target)
  const target = settings === null ? null : ports.toTarget(settings)
  const answers = await target
    ?.observe(order, intent.operation)
    .catch(toNothingPast(ports, head, intent.deadlineAt))
  return answers ?? []
}

const toStepRecord = ({ generation }: Deployment, intent: Intent, at: Instant, answer: Answer) => {
  const { id, outcome, reason, message, steps, tail } = answer
  const { fence, purpose } = intent
  return { generation, instance: id, fence, purpose, at, outcome, reason, message, steps, tail }
}

/**
 * Reads the answers to the command in flight; each is in the history before the head has it. While instances
 * still work, every event wakes a run that sees all answers so far: only the poller and the ticks record
 * them, so that the writes grow with the instances and not with their square. One run records an answer once.
 */
export const createReadAnswers = (ports: ReconcilePorts, { by, isTick }: Nudge) => {
  const written = new Set<string>()
  return async (
    head: Head,
    deployment: Deployment,
    intent: SentIntent,
  ): Promise<Observation & { kind: 'answered' }> => {
    const at = toInstant(ports.clock())
    const answers = await observeTarget(ports, head, deployment, intent)
    const keyOf = ({ id }: Answer): string => `${intent.operation} ${id}`
    const isOver = answers.every(isAnswered) || isLastLook(intent.deadlineAt, at)
    const isMine = isOver || isTick || isPolling(head, by, ports.clock())
    const told = answers.filter(
      (answer) =>
        isMine && isWorthKeeping(deployment, intent, answer) && !written.has(keyOf(answer)),
    )
    if (told.length > 0)
      await ports.history.recordSteps(
        head.app,
        told.map((answer) => toStepRecord(deployment, intent, at, answer)),
      )
    for (const answer of told) written.add(keyOf(answer))
    return { kind: 'answered', fence: intent.fence, answers }
  }
}

export type ReadAnswers = ReturnType<typeof createReadAnswers>
