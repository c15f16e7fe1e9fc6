import type { Ec2Settings } from '../../deployment/app.ts'
import type { Clock } from '../../kernel/clock.ts'
import type { InstanceId } from '../../kernel/id.ts'
import { toPlainLine } from '../../kernel/plain-line.ts'
import type { Reason } from '../../kernel/reason.ts'
import { maxMessageLength } from '../answers.ts'
import type { LookOrder } from '../target.ts'
import type { Command, Commands, Ec2Stage, Fleet, FleetInstance, Invocation } from './ports.ts'
import { explainLoss } from './loss.ts'
import {
  isTerminal,
  parseHostPlan,
  parseHostResult,
  toResultReason,
  type HostPlan,
} from './result.ts'
import { listSelected, obstacleOf } from './select.ts'
import { renderSettings } from './settings.ts'

export interface LookPorts {
  /** Looking needs no more: it reads no output whole and cancels nothing. */
  readonly commands: Pick<Commands, 'send' | 'invocations'>
  readonly fleet: Fleet
  readonly stage: Pick<Ec2Stage, 'name' | 'owner' | 'subnet'> & {
    readonly planDocument: string
  }
  readonly clock: Clock
  readonly sleep: (milliseconds: number) => Promise<void>
}

/** An instance, with what its host answered or why it did not answer. */
export interface InstanceSight {
  readonly instance: FleetInstance
  readonly sight:
    | { readonly kind: 'seen'; readonly host: HostPlan }
    | { readonly kind: 'unseen'; readonly reason: Reason; readonly message: string }
}

/** The function lives for 60 s; the calls before and after take their part. */
const waitSeconds = 25
/** The shortest that SSM takes. */
const deliverySeconds = 30

const toLookCommand = (
  { stage, clock }: LookPorts,
  settings: Ec2Settings,
  { app, commit, digest, envNames }: LookOrder,
  instances: readonly InstanceId[],
): Command => {
  const wanted = {
    kind: 'deploy' as const,
    release: { commit, digest },
    settings: app,
    hostSeconds: deliverySeconds,
    predeployOn: null,
    numberedAt: null,
    imageMegabytes: null,
    envNames: settings.replaces === null ? null : (envNames ?? null),
  }
  return {
    document: stage.planDocument,
    instances,
    parameters: {
      App: app.name,
      Owner: stage.owner,
      NotAfter: String(Math.floor(clock().getTime() / 1000 + deliverySeconds)),
      // It looks at the proxy that runs, and starts none.
      Settings: renderSettings(wanted, settings, { subnet: stage.subnet, proxyImage: null }),
    },
    comment: `landfall ${app.name} plan`,
    deliverySeconds,
  }
}

interface Sent {
  readonly command: string | null
  readonly instances: readonly InstanceId[]
  /** Why no command was sent to them. */
  readonly failure: string
}

/** SSM refuses a whole command for one forbidden instance, so a refused list is halved until that one is found. */
const sendLook = async (
  send: (ids: readonly InstanceId[]) => ReturnType<Commands['send']>,
  ids: readonly InstanceId[],
): Promise<readonly Sent[]> => {
  if (ids.length === 0) return []
  const half = Math.ceil(ids.length / 2)
  const sendHalves = async () => [
    ...(await sendLook(send, ids.slice(0, half))),
    ...(await sendLook(send, ids.slice(half))),
  ]
  // SSM delivers one command to 50 instances at most.
  if (ids.length > 50) return sendHalves()
  const sent = await send(ids)
  if (sent.ok) return [{ command: sent.value, instances: ids, failure: '' }]
  if (ids.length > 1 && sent.error.kind !== 'throttled') return sendHalves()
  return [{ command: null, instances: ids, failure: sent.error.message }]
}

const waitForAnswers = async (
  { commands, clock, sleep }: LookPorts,
  sent: readonly Sent[],
): Promise<readonly Invocation[]> => {
  const all = sent.flatMap(({ command }) => command ?? [])
  const expected = sent.flatMap(({ command, instances }) => (command === null ? [] : instances))
  const end = clock().getTime() + waitSeconds * 1000
  for (;;) {
    const listed = await Promise.all(all.map((command) => commands.invocations(command)))
    const ended = listed.flat().filter(isTerminal)
    if (ended.length >= expected.length || clock().getTime() >= end) return ended
    await sleep(400)
  }
}

const toSight = (
  sent: Sent | undefined,
  invocation: Invocation | undefined,
): InstanceSight['sight'] => {
  if (sent !== undefined && sent.command === null)
    return { kind: 'unseen', reason: 'send_failed', message: sent.failure }
  if (invocation === undefined)
    return { kind: 'unseen', reason: 'no_answer', message: `no answer within ${waitSeconds} s` }
  const host = parseHostPlan(invocation.output)
  if (host !== null) return { kind: 'seen', host }
  const result = parseHostResult(invocation.output)
  if (result === null) {
    const loss = explainLoss(invocation)
    return { kind: 'unseen', ...loss, message: toPlainLine(loss.message, maxMessageLength) }
  }
  const reason = toResultReason(result.reason) ?? 'no_answer'
  return { kind: 'unseen', reason, message: toPlainLine(result.message, maxMessageLength) }
}

/**
 * Sends `host/plan.sh`, which changes nothing, to every instance that can be reached, and waits for the
 * answers.
 */
export const lookAtInstances = async (
  ports: LookPorts,
  settings: Ec2Settings,
  order: LookOrder,
): Promise<readonly InstanceSight[]> => {
  const { name: stage } = ports.stage
  const { selected } = await listSelected(ports.fleet, settings.instances, stage)
  const isReachable = (one: FleetInstance) => obstacleOf(one, stage) === null
  const reachable = selected.filter(isReachable).map(({ id }) => id)
  const send = (ids: readonly InstanceId[]) =>
    ports.commands.send(toLookCommand(ports, settings, order, ids))
  const sent = await sendLook(send, reachable)
  const invocations = await waitForAnswers(ports, sent)
  return selected.map((instance) => {
    const obstacle = obstacleOf(instance, stage)
    if (obstacle !== null)
      return { instance, sight: { kind: 'unseen', reason: obstacle, message: '' } }
    const own = sent.find(({ instances }) => instances.includes(instance.id))
    const invocation = invocations.find((one) => one.instance === instance.id)
    return { instance, sight: toSight(own, invocation) }
  })
}
