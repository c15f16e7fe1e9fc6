import type { Fleet, FleetMember } from '../fleet.ts'
import { isOver, type Command, type Invocation } from './command.ts'
import type { Timers } from '../timers.ts'

export interface DeliveryParts {
  readonly fleet: Fleet
  readonly timers: Timers
  readonly find: (commandId: string, instanceId: string) => Invocation | undefined
  /** False where the agent has no room for it now. */
  readonly handOver: (command: Command, member: FleetMember) => boolean
  readonly end: (
    commandId: string,
    instanceId: string,
    status: Invocation['status'],
    statusDetails: string,
  ) => void
}

const retryMilliseconds = 1_000

/**
 * Brings an invocation to its agent, once. An agent that is away or has no room is tried again until the delivery
 * timeout. What an agent has taken, begun or not, is ended only by its reply, or when all its time is over.
 */
export const createDelivery = (parts: DeliveryParts) => {
  const handedOver = new Set<string>()
  const attempt = (command: Command, instanceId: string): void => {
    const key = `${command.id}/${instanceId}`
    const invocation = parts.find(command.id, instanceId)
    if (invocation === undefined || isOver(invocation)) {
      handedOver.delete(key)
      return
    }
    const isPending = invocation.status === 'Pending'
    const member = parts.fleet.get(instanceId)
    const endsAt = isPending ? command.startBefore : command.expiresAt
    const remaining = Date.parse(endsAt) - Date.now()
    if (isPending && (!member || member.status.state === 'terminated'))
      return parts.end(command.id, instanceId, 'Failed', 'Undeliverable')
    if (remaining <= 0) return parts.end(command.id, instanceId, 'TimedOut', 'DeliveryTimedOut')
    const isReachable = member?.status.online === true && member.status.state === 'running'
    if (isPending && isReachable && !handedOver.has(key) && parts.handOver(command, member))
      handedOver.add(key)
    parts.timers.after(Math.min(retryMilliseconds, remaining), () => attempt(command, instanceId))
  }
  return attempt
}
