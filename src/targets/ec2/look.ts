import type { App, Ec2Settings } from '../../deployment/app.ts'
import type { Clock } from '../../kernel/clock.ts'
import type { Commit, Digest, InstanceId } from '../../kernel/id.ts'
import type { Reason } from '../../kernel/reason.ts'
import { explainLoss, isTerminal } from './loss.ts'
import { parseHostPlan, type HostPlan } from './plan-result.ts'
import type { Command, Commands, Ec2Stage, Fleet, FleetInstance, Invocation } from './ports.ts'
import { obstacleOf } from './reach.ts'
import { parseHostResult, toResultReason } from './result.ts'
import { listSelected } from './select.ts'
import { renderSettings } from './settings.ts'

export interface LookPorts {
  /** To look is all it can: nothing is read whole, nothing cancelled. */
  readonly commands: Pick<Commands, 'send' | 'invocations'>
  readonly fleet: Fleet
  readonly stage: Pick<Ec2Stage, 'owner' | 'proxyImage' | 'subnet'> & {
    readonly planDocument: string
  }
  readonly clock: Clock
  readonly sleep: (milliseconds: number) => Promise<void>
}

/** What a host said, or why it said nothing. */
export type LookResult =
  | { readonly kind: 'seen'; readonly host: HostPlan }
  | { readonly kind: 'unseen'; readonly reason: Reason; readonly message: string }

export interface InstanceSight {
  readonly instance: FleetInstance
  readonly sight: LookResult
}

export interface LookOrder {
  readonly app: App
  readonly settings: Ec2Settings
  readonly commit: Commit | null
  readonly digest: Digest | null
}

/** The function that waits has 60 s; what is asked before and after takes its part. */
const waitSeconds = 25
const lookAgainMilliseconds = 400
/** SSM delivers to no more at once, and refuses to wait for less long. */
const mostInstances = 50
const deliverySeconds = 30

const unseen = (reason: Reason, message: string): LookResult => ({
  kind: 'unseen',
  reason,
  message,
})

const toLookCommand = (ports: LookPorts, order: LookOrder, ids: readonly InstanceId[]): Command => {
  const { app, settings, commit, digest } = order
  const wanted = {
    kind: 'deploy' as const,
    release: { commit, digest },
    settings: app,
    hostSeconds: deliverySeconds,
    predeployOn: null,
    numberedAt: null,
    imageMegabytes: null,
  }
  const end = ports.clock().getTime() / 1000 + deliverySeconds
  return {
    document: ports.stage.planDocument,
    instances: ids,
    parameters: {
      App: app.name,
      Owner: ports.stage.owner,
      NotAfter: String(Math.floor(end)),
      Settings: renderSettings(wanted, settings, ports.stage),
    },
    comment: `landfall ${app.name} plan`,
    deliverySeconds,
  }
}

interface Sent {
  readonly command: string | null
  readonly instances: readonly InstanceId[]
  /** Why it was sent to none of them. */
  readonly failure: string
}

/** One instance that may not be sent to has the whole command refused: halved until it is named. */
const sendLook = async (
  ports: LookPorts,
  order: LookOrder,
  ids: readonly InstanceId[],
): Promise<readonly Sent[]> => {
  if (ids.length === 0) return []
  const half = Math.ceil(ids.length / 2)
  const sendHalves = async () => [
    ...(await sendLook(ports, order, ids.slice(0, half))),
    ...(await sendLook(ports, order, ids.slice(half))),
  ]
  if (ids.length > mostInstances) return sendHalves()
  const sent = await ports.commands.send(toLookCommand(ports, order, ids))
  if (sent.ok) return [{ command: sent.value, instances: ids, failure: '' }]
  if (ids.length > 1 && sent.error.kind !== 'throttled') return sendHalves()
  return [{ command: null, instances: ids, failure: sent.error.message }]
}

const waitForAnswers = async (
  ports: LookPorts,
  sent: readonly Sent[],
): Promise<readonly Invocation[]> => {
  const commands = sent.flatMap(({ command }) => (command === null ? [] : [command]))
  const expected = sent.flatMap(({ command, instances }) => (command === null ? [] : instances))
  const end = ports.clock().getTime() + waitSeconds * 1000
  for (;;) {
    const listed = await Promise.all(commands.map((command) => ports.commands.invocations(command)))
    const ended = listed.flat().filter(isTerminal)
    if (ended.length >= expected.length || ports.clock().getTime() >= end) return ended
    await ports.sleep(lookAgainMilliseconds)
  }
}

const toSight = (sent: Sent | undefined, invocation: Invocation | undefined): LookResult => {
  if (sent !== undefined && sent.command === null) return unseen('send_failed', sent.failure)
  if (invocation === undefined) return unseen('no_answer', `no answer within ${waitSeconds} s`)
  const host = parseHostPlan(invocation.output)
  if (host !== null) return { kind: 'seen', host }
  const result = parseHostResult(invocation.output)
  if (result !== null) return unseen(toResultReason(result.reason) ?? 'no_answer', result.message)
  const loss = explainLoss(invocation)
  return unseen(loss.reason, loss.message)
}

/**
 * Has every instance that can be reached look at itself, and waits for the answers. It changes nothing
 * there: the document it sends can do no more (`host/plan.sh`).
 */
export const lookAtInstances = async (
  ports: LookPorts,
  order: LookOrder,
): Promise<readonly InstanceSight[]> => {
  const fleet = await listSelected(ports.fleet, order.settings.instances)
  const reachable = fleet.filter((instance) => obstacleOf(instance) === null).map(({ id }) => id)
  const sent = await sendLook(ports, order, reachable)
  const invocations = await waitForAnswers(ports, sent)
  return fleet.map((instance) => {
    const obstacle = obstacleOf(instance)
    if (obstacle !== null) return { instance, sight: unseen(obstacle, '') }
    const own = sent.find(({ instances }) => instances.includes(instance.id))
    const invocation = invocations.find((one) => one.instance === instance.id)
    return { instance, sight: toSight(own, invocation) }
  })
}
