import { addSeconds, toInstant } from '../../kernel/clock.ts'
import type { InstanceId } from '../../kernel/id.ts'
import type { Reason } from '../../kernel/reason.ts'
import { succeed } from '../../kernel/result.ts'
import { Retryable } from '../../kernel/retryable.ts'
import type { Ec2Settings } from '../../deployment/app.ts'
import { findTarget } from '../../deployment/find-target.ts'
import type { Answer } from '../../deployment/step.ts'
import { toAbsence } from '../absence.ts'
import type { Order, Started, Target } from '../target.ts'
import type { Certificate, Certificates } from './certificates.ts'
import { observeCommand } from './observe.ts'
import type {
  Command,
  Commands,
  Ec2Stage,
  MaskOutput,
  MeasureImage,
  SealEnvelope,
} from './ports.ts'
import { obstacleOf } from './reach.ts'
import { roomBeside } from './room.ts'
import { createEc2Selection, type SelectionPorts } from './select.ts'
import { renderSettings } from './settings.ts'
import { isWayBack, sayWhyNoEnvelope, sealForWayBack } from './way-back.ts'

export interface Ec2Ports extends SelectionPorts {
  readonly commands: Commands
  readonly certificates: Certificates
  readonly sealEnvelope: SealEnvelope
  readonly measureImage: MeasureImage
  readonly maskOutput: MaskOutput
  readonly stage: Ec2Stage
}

/** SSM refuses less. */
const shortestDeliverySeconds = 30
/** A key may change at any time and the host says so; this only bounds the journal's copy. */
const freshSeconds = 30 * 24 * 3600

const toEpochSeconds = (instant: string): string => String(Math.floor(Date.parse(instant) / 1000))

const toCommand = (ports: Ec2Ports, order: Order, rest: Command['parameters']): Command => {
  const { stage } = ports
  const left = (Date.parse(order.notAfter) - ports.clock().getTime()) / 1000
  return {
    document: order.purpose === 'prepare' ? stage.prepareDocument : stage.deployDocument,
    instances: order.instances,
    parameters: {
      App: order.app,
      Owner: stage.owner,
      NotAfter: toEpochSeconds(order.notAfter),
      ...rest,
    },
    comment: `landfall ${order.app} ${order.purpose} #${order.generation} fence ${order.fence}`,
    deliverySeconds: Math.max(shortestDeliverySeconds, Math.floor(left)),
  }
}

const toMissing = (ids: readonly InstanceId[], reason: Reason, message: string) =>
  ids.map((id): Answer => toAbsence(id, 'failed', reason, message))

const refuseAll = (order: Order, reason: Reason, message: string): Started => ({
  operation: null,
  missing: toMissing(order.instances, reason, message),
})

/** Sends; where SSM does not know an instance, lists again, names the missing and sends to the rest once. */
const sendToReachable = async (
  ports: Ec2Ports,
  settings: Ec2Settings,
  order: Order,
  command: Command,
): Promise<Started> => {
  const sent = await ports.commands.send(command)
  if (sent.ok) return { operation: sent.value, missing: [] }
  if (sent.error.kind === 'throttled') throw new Retryable(sent.error.message)
  if (sent.error.kind === 'failed') return refuseAll(order, 'send_failed', sent.error.message)
  const online = (await ports.fleet.list(settings.instances))
    .filter((instance) => obstacleOf(instance) === null)
    .map(({ id }) => id)
  const reachable = order.instances.filter((id) => online.includes(id))
  const unreachable = order.instances.filter((id) => !reachable.includes(id))
  const missing = toMissing(unreachable, 'instance_offline', sent.error.message)
  if (reachable.length === 0 || missing.length === 0)
    return refuseAll(order, 'instance_offline', sent.error.message)
  const again = await ports.commands.send({ ...command, instances: reachable })
  if (again.ok) return { operation: again.value, missing }
  const { kind, message } = again.error
  if (kind === 'throttled') throw new Retryable(message)
  return { operation: null, missing: [...missing, ...toMissing(reachable, 'send_failed', message)] }
}

const seal = async (ports: Ec2Ports, order: Order, certificates: readonly Certificate[]) =>
  order.release === null || isWayBack(order)
    ? succeed(await sealForWayBack(ports, order, certificates))
    : ports.sealEnvelope(order.release, certificates)

const startCommand = async (
  ports: Ec2Ports,
  settings: Ec2Settings,
  order: Order,
): Promise<Started> => {
  if (order.purpose === 'prepare')
    return sendToReachable(ports, settings, order, toCommand(ports, order, {}))
  const { release } = order
  const certificates = await ports.certificates.load(order.instances)
  const [sealed, imageMegabytes] = await Promise.all([
    seal(ports, order, certificates),
    release === null || isWayBack(order) ? null : ports.measureImage(release),
  ])
  if (!sealed.ok) return refuseAll(order, sealed.error.reason, sealed.error.message)
  const Settings = renderSettings({ ...order, imageMegabytes }, settings, ports.stage)
  const room = roomBeside(Settings)
  const isTooLarge = (sealed.value?.length ?? 0) > room
  if (isTooLarge && !isWayBack(order)) {
    const message = `${sealed.value?.length} characters for ${certificates.length} instances; ${room} fit`
    return refuseAll(order, 'envelope_too_large', message)
  }
  const command = toCommand(ports, order, {
    Mode: order.purpose === 'restore' ? 'restore' : 'deploy',
    Generation: String(release?.generation ?? 0),
    Fence: String(order.fence),
    Settings,
    // On the way back the container that was kept needs none.
    Envelope: isTooLarge ? '-' : (sealed.value ?? '-'),
  })
  return sendToReachable(ports, settings, order, command)
}

const prepared = async (ports: Ec2Ports, instances: readonly InstanceId[]) => {
  const oldest = addSeconds(toInstant(ports.clock()), -freshSeconds)
  const certificates = await ports.certificates.load(instances)
  return certificates.filter(({ at }) => at > oldest).map(({ instance }) => instance)
}

/** A fleet of EC2 (or hybrid) instances under SSM. */
export const createEc2Target = (ports: Ec2Ports, settings: Ec2Settings): Target => ({
  ...createEc2Selection(ports, settings),
  prepared: (instances) => prepared(ports, instances),
  start: (order) => {
    const own = findTarget(order.settings, order.target)
    return startCommand(ports, own?.kind === 'ec2' ? own : settings, order)
  },
  observe: async (order, operation) =>
    sayWhyNoEnvelope(ports, order, await observeCommand(ports, order, operation)),
  cancel: (operation) => ports.commands.cancel(operation),
})
