import { addSeconds, toInstant } from '../../kernel/clock.ts'
import { Denied, unlessDenied } from '../../kernel/denied.ts'
import { reasons } from '../../kernel/reason.ts'
import { Retryable } from '../../kernel/retryable.ts'
import type { InstanceId } from '../../kernel/id.ts'
import type { Ec2Settings } from '../../deployment/app.ts'
import type { Answer } from '../../deployment/step.ts'
import { isLastLook } from '../../deployment/deadline.ts'
import { findTarget } from '../../deployment/find-target.ts'
import { answerAs, refuseStart, toAbsence } from '../answers.ts'
import type { Order, Started, Target } from '../target.ts'
import { observeCommand } from './observe.ts'
import type { Command, Ec2Ports } from './ports.ts'
import { toProxyReference } from './proxy-image.ts'
import { roomBeside } from './room.ts'
import { createEc2Selection, obstacleOf } from './select.ts'
import { renderSettings } from './settings.ts'
import { isWayBack, sayWhyNoEnvelope, sealForOrder } from './way-back.ts'

const toCommand = (ports: Ec2Ports, order: Order, rest: Command['parameters']): Command => {
  const { stage } = ports
  const endsAt = Date.parse(order.notAfter)
  return {
    document: order.purpose === 'prepare' ? stage.prepareDocument : stage.deployDocument,
    instances: order.instances,
    parameters: {
      App: order.app,
      Owner: stage.owner,
      NotAfter: String(Math.floor(endsAt / 1000)),
      ...rest,
    },
    comment: `landfall ${order.app} ${order.purpose} #${order.generation} fence ${order.fence}`,
    // SSM refuses less than 30 s.
    deliverySeconds: Math.max(30, Math.floor((endsAt - ports.clock().getTime()) / 1000)),
  }
}

/** If SSM does not know an instance, lists the fleet, and sends once more to the instances that are online. */
const sendToReachable = async (
  ports: Ec2Ports,
  settings: Ec2Settings,
  order: Order,
  command: Command,
): Promise<Started> => {
  const sent = await ports.commands.send(command)
  if (sent.ok) return { operation: sent.value, missing: [] }
  if (sent.error.kind === 'throttled') throw new Retryable(sent.error.message)
  if (sent.error.kind === 'failed') return refuseStart(order, 'send_failed', sent.error.message)
  const listed = await ports.fleet.list(settings.instances).catch(unlessDenied)
  if (listed instanceof Denied)
    return refuseStart(order, 'aws_denied', `${listed.message}; ${sent.error.message}`)
  const online = listed
    .filter((instance) => obstacleOf(instance, ports.stage.name) === null)
    .map(({ id }) => id)
  const reachable = order.instances.filter((id) => online.includes(id))
  if (reachable.length === 0 || reachable.length === order.instances.length)
    return refuseStart(order, 'instance_offline', sent.error.message)
  const missing = order.instances
    .filter((id) => !reachable.includes(id))
    .map((id) => toAbsence(id, 'failed', 'instance_offline', sent.error.message))
  const again = await ports.commands.send({ ...command, instances: reachable })
  if (again.ok) return { operation: again.value, missing }
  const { kind, message } = again.error
  if (kind === 'throttled') throw new Retryable(message)
  const failed = reachable.map((id) => toAbsence(id, 'failed', 'send_failed', message))
  return { operation: null, missing: [...missing, ...failed] }
}

const unusable = 'no envelope can be sealed for the certificate of this instance'

/** The order without the instances that it cannot reach sealed. On the way back each may have a kept container. */
const leaveOut = async (
  ports: Ec2Ports,
  order: Order,
  unsealable: readonly InstanceId[],
): Promise<{ readonly rest: Order; readonly left: readonly Answer[] }> => {
  // The next `prepare` asks for another one.
  await Promise.all(unsealable.map((id) => ports.certificates.forget(id)))
  if (isWayBack(order)) return { rest: order, left: [] }
  const instances = order.instances.filter((id) => !unsealable.includes(id))
  const left = unsealable.map((id) => toAbsence(id, 'failed', 'envelope_invalid', unusable))
  return { rest: { ...order, instances }, left }
}

/**
 * Nothing is sent by a tag. The way back waits for no registry: where the digest is not known it names no image, and an
 * instance needs none as long as it has its proxy.
 *
 * @throws Retryable if the registry does not name the digest now
 */
const findProxyReference = async (
  { findProxyImage }: Ec2Ports,
  { strategy }: Ec2Settings,
  order: Order,
): Promise<string | null> => {
  if (strategy === 'worker') return null
  const found = await findProxyImage()
  if (found.ok) return toProxyReference(found.value)
  if (isWayBack(order)) return null
  throw new Retryable(reasons[found.error])
}

const startCommand = async (
  ports: Ec2Ports,
  settings: Ec2Settings,
  order: Order,
): Promise<Started> => {
  if (order.purpose === 'prepare')
    return sendToReachable(ports, settings, order, toCommand(ports, order, {}))
  const { release } = order
  const certificates = await ports.certificates.load(order.instances)
  const [sealed, proxyImage, imageMegabytes] = await Promise.all([
    sealForOrder(ports, order, certificates),
    findProxyReference(ports, settings, order),
    release === null || isWayBack(order) ? null : ports.measureImage(release),
  ])
  if (!sealed.ok) return refuseStart(order, sealed.error.reason, sealed.error.message)
  const { envelope, unsealable } = sealed.value
  const { rest, left } = await leaveOut(ports, order, unsealable)
  if (rest.instances.length === 0) return { operation: null, missing: left }
  const { subnet } = ports.stage
  const stage = { subnet, proxyImage }
  const Settings = renderSettings({ ...rest, imageMegabytes }, settings, stage)
  const room = roomBeside(Settings)
  const isTooLarge = (envelope?.length ?? 0) > room
  if (isTooLarge && !isWayBack(order)) {
    const message = `${envelope?.length} characters for ${certificates.length} instances; ${room} fit`
    return refuseStart(order, 'envelope_too_large', message)
  }
  const command = toCommand(ports, rest, {
    Mode: order.purpose === 'restore' ? 'restore' : 'deploy',
    Generation: String(release?.generation ?? 0),
    Fence: String(order.fence),
    Settings,
    // On the way back a kept container needs no envelope.
    Envelope: isTooLarge ? '-' : (envelope ?? '-'),
  })
  const { operation, missing } = await sendToReachable(ports, settings, rest, command)
  return { operation, missing: [...missing, ...left] }
}

/** A listing that AWS refuses is asked for again until the command's time is over: a person may put it right. */
const toLost =
  ({ clock }: Ec2Ports, order: Order) =>
  (error: unknown): readonly Answer[] => {
    const { message } = unlessDenied(error)
    if (!isLastLook(order.notAfter, toInstant(clock()))) throw error
    return answerAs(order, 'lost', 'aws_denied', message)
  }

/** A fleet of EC2 (or hybrid) instances under SSM. */
export const createEc2Target = (ports: Ec2Ports, settings: Ec2Settings): Target => ({
  ...createEc2Selection(ports, settings),
  prepared: async (instances) => {
    // A host refuses once its key has changed: the 30 days only bound the journal's copy.
    const oldest = addSeconds(toInstant(ports.clock()), -30 * 24 * 3600)
    const certificates = await ports.certificates.load(instances)
    return certificates.filter(({ at }) => at > oldest).map(({ instance }) => instance)
  },
  start: (order) => {
    const own = findTarget(order.settings, order.target)
    return startCommand(ports, own?.kind === 'ec2' ? own : settings, order)
  },
  observe: async (order, operation) => {
    const answers = await observeCommand(ports, order, operation).catch(toLost(ports, order))
    return sayWhyNoEnvelope(ports, order, answers)
  },
  cancel: (operation) => ports.commands.cancel(operation),
  findLack: async () => {
    if (settings.strategy === 'worker') return null
    const found = await ports.findProxyImage()
    return found.ok ? null : found.error
  },
})
