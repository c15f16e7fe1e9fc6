import { secondsBetween, toInstant } from '../kernel/clock.ts'
import type { AppName } from '../kernel/id.ts'
import type { Event } from '../deployment/event.ts'
import type { Deployment, Intent } from '../deployment/deployment.ts'
import type { Head } from '../deployment/head.ts'
import { findTarget } from '../deployment/find-target.ts'
import type { Answer } from '../deployment/step.ts'
import { sendWithinSeconds } from '../deployment/deadline.ts'
import { decide, toActions, toNumberedReleases, type Action } from '../deployment/transition.ts'
import type { Observation } from '../deployment/observation.ts'
import { toOrder } from './order.ts'
import type { ReconcilePorts } from './ports.ts'
import { mostTries, updateHead, updateLoaded, type Decide } from './update.ts'

/** The page of a deployment's log filters by app and number, and shows the others. */
export const toLogFields = (app: AppName, { generation }: Deployment, intent: Intent) => {
  const { fence, purpose, target } = intent
  return { app, generation, fence, purpose, target }
}

/** Without its message: the history alone holds what a program printed. */
export const toLogAnswer = ({ id, outcome, reason }: Answer) => ({ id, outcome, reason })

/** Sends the command of the intent, within its time, and records the handle. */
const sendCommand = async (
  ports: ReconcilePorts,
  head: Head,
  deployment: Deployment,
  intent: Intent,
): Promise<void> => {
  const order = toOrder(head, deployment, intent)
  const settings = findTarget(order.settings, order.target)
  if (settings === null) return
  const now = toInstant(ports.clock())
  if (secondsBetween(intent.at, now) > sendWithinSeconds) return
  const started = await ports.toTarget(settings).start(order)
  const { operation, missing } = started
  ports.log.info('command sent', {
    ...toLogFields(head.app, deployment, intent),
    instances: intent.instances,
    operation,
    ...(missing.length > 0 && { missing: missing.map(toLogAnswer) }),
  })
  if (started.operation !== null)
    await ports.commands.recordCommand(started.operation, head.app, now)
  await writeAnyhow(ports, head.app, { kind: 'sent', fence: intent.fence, ...started })
}

const cancelCommand = async (
  ports: ReconcilePorts,
  head: Head,
  action: Action & { kind: 'cancel' },
) => {
  const { deployment } = head
  if (deployment === null) return
  const { release } = deployment
  const settings = findTarget(release.settings, action.target)
  if (settings === null) return
  await ports
    .toTarget(settings)
    .cancel(action.operation)
    .catch((error: unknown) => {
      ports.log.warn('failed to cancel command', { app: head.app, error: String(error) })
    })
}

const act = async (ports: ReconcilePorts, head: Head, events: readonly Event[]): Promise<void> => {
  for (const action of toActions(head, events)) {
    if (action.kind === 'send') await sendCommand(ports, head, action.deployment, action.intent)
    else await cancelCommand(ports, head, action)
  }
}

const toDecideObservation =
  (ports: ReconcilePorts, observation: Observation): Decide<null> =>
  async (head, now) => {
    const decided = decide(head, observation, now)
    if (!decided.ok) {
      ports.log.info('opening refused', { app: head.app, reason: decided.error })
      return { events: [], value: null }
    }
    // Before the head: one that names a release without its record would not be believed.
    for (const release of toNumberedReleases(head, decided.value))
      await ports.history.recordRelease(head.app, release)
    return { events: decided.value, value: null }
  }

/** Records the events of an observation. True where the head changed, by this run or by another. */
export type WriteHead = (head: Head, observation: Observation) => Promise<boolean>

export const createWrite =
  (ports: ReconcilePorts): WriteHead =>
  async (head, observation) => {
    const updated = await updateLoaded(ports, head, toDecideObservation(ports, observation))
    if (updated.kind === 'recorded') await act(ports, updated.head, updated.events)
    return updated.kind !== 'unchanged'
  }

/** For an observation that holds for any later head too: decided again until it is recorded. */
export const writeAnyhow = async (
  ports: ReconcilePorts,
  app: AppName,
  observation: Observation,
): Promise<void> => {
  const updated = await updateHead(ports, app, toDecideObservation(ports, observation))
  if (updated.kind === 'recorded') await act(ports, updated.head, updated.events)
  if (updated.kind === 'conflict')
    ports.log.error('failed to record head, too many conflicts', { app, mostTries })
}
