import { secondsBetween, toInstant } from '../kernel/clock.ts'
import type { AppName } from '../kernel/id.ts'
import type { Deployment, Head, Intent } from '../deployment/head.ts'
import type { Answer } from '../deployment/step.ts'
import { sendWithinSeconds } from '../deployment/deadline.ts'
import { transition, type Action, type Observation } from '../deployment/transition.ts'
import { toOrder } from './order.ts'
import type { ReconcilePorts } from './ports.ts'

/** Enough for any race among those whom one event wakes; each loss means that another has decided. */
const mostConflicts = 60

/** What the page of a deployment's log is filtered by, and what stands on it. */
export const toLogFields = (app: AppName, { generation }: Deployment, intent: Intent) => {
  const { fence, purpose, target } = intent
  return { app, generation, fence, purpose, target }
}

/** Without its words: what a program printed stands in the history only. */
export const toLogAnswer = ({ id, outcome, reason }: Answer) => ({ id, outcome, reason })

/** Sends what the intent says, within its time, and records the handle. */
const send = async (
  ports: ReconcilePorts,
  head: Head,
  deployment: Deployment,
  intent: Intent,
): Promise<void> => {
  const settings = toOrder(head, deployment, intent).settings.targets[intent.target]
  if (settings === undefined) return
  const now = toInstant(ports.clock())
  if (secondsBetween(intent.at, now) > sendWithinSeconds) return
  const started = await ports.toTarget(settings).start(toOrder(head, deployment, intent))
  const { operation, missing } = started
  ports.log.info('sent', {
    ...toLogFields(head.app, deployment, intent),
    instances: intent.instances,
    operation,
    ...(missing.length > 0 && { missing: missing.map(toLogAnswer) }),
  })
  if (started.operation !== null)
    await ports.commands.recordCommand(started.operation, head.app, now)
  await writeAnyhow(ports, head.app, { kind: 'sent', fence: intent.fence, ...started })
}

const cancel = async (ports: ReconcilePorts, head: Head, action: Action & { kind: 'cancel' }) => {
  const settings = head.deployment?.release.settings.targets[action.target]
  if (settings === undefined) return
  await ports
    .toTarget(settings)
    .cancel(action.operation)
    .catch((error: unknown) => {
      ports.log.warn('a command could not be cancelled', { app: head.app, error: String(error) })
    })
}

const act = async (ports: ReconcilePorts, head: Head, actions: readonly Action[]) => {
  for (const action of actions) {
    switch (action.kind) {
      case 'send':
        await send(ports, head, action.deployment, action.intent)
        break
      case 'cancel':
        await cancel(ports, head, action)
        break
      case 'refuse':
        ports.log.info('nothing opened', { app: head.app, reason: action.reason })
        break
    }
  }
}

/** True where the head moved, by us or by another: worth another look. */
export const createWrite =
  (ports: ReconcilePorts) =>
  async (head: Head, observation: Observation): Promise<boolean> => {
    const step = transition(head, observation, toInstant(ports.clock()))
    if (step.head === head) return false
    if ((await ports.heads.record(step.head, head.version)) === 'conflict') return true
    await act(ports, step.head, step.actions)
    return true
  }

/** For what is a fact whoever else has written meanwhile: loaded anew until it is taken in. */
export const writeAnyhow = async (
  ports: ReconcilePorts,
  app: AppName,
  observation: Observation,
): Promise<void> => {
  for (let tries = 0; tries < mostConflicts; tries += 1) {
    const head = await ports.heads.load(app)
    const step = transition(head, observation, toInstant(ports.clock()))
    if (step.head === head) return
    if ((await ports.heads.record(step.head, head.version)) === 'recorded')
      return act(ports, step.head, step.actions)
  }
  ports.log.error('too many conflicts on one head', { app, mostConflicts })
}
