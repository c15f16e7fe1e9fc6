import type { Fleet, FleetMember } from '../fleet.ts'
import type { Command, Invocation } from './command.ts'
import type { Timers } from '../timers.ts'

export interface DeliveryParts {
  readonly fleet: Fleet
  readonly timers: Timers
  readonly isPending: (command: Command, instanceId: string) => boolean
  readonly handOver: (command: Command, member: FleetMember) => void
  readonly end: (
    command: Command,
    instanceId: string,
    status: Invocation['status'],
    statusDetails: string,
  ) => void
}

const retryMilliseconds = 1_000

/**
 * Brings an invocation to its agent, once. An agent that is away is tried again until the delivery
 * timeout; so is ended what it holds in its queue and has not begun by then.
 */
export const createDelivery = (parts: DeliveryParts) => {
  const handedOver = new Set<string>()
  const attempt = (command: Command, instanceId: string): void => {
    const key = `${command.id}/${instanceId}`
    if (!parts.isPending(command, instanceId)) {
      handedOver.delete(key)
      return
    }
    const member = parts.fleet.get(instanceId)
    const remaining = Date.parse(command.startBefore) - Date.now()
    if (!member || member.status.state === 'terminated')
      return parts.end(command, instanceId, 'Failed', 'Undeliverable')
    if (remaining <= 0) return parts.end(command, instanceId, 'TimedOut', 'DeliveryTimedOut')
    const isReachable = member.status.online && member.status.state === 'running'
    if (isReachable && !handedOver.has(key)) {
      handedOver.add(key)
      parts.handOver(command, member)
    }
    parts.timers.after(Math.min(retryMilliseconds, remaining), () => attempt(command, instanceId))
  }
  return attempt
}
