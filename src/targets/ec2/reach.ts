import type { Reason } from '../../kernel/reason.ts'
import type { Fleet, FleetInstance } from './ports.ts'

/** From this one on, parameters reach the script as environment and never as shell text. */
export const oldestAgent = '3.3.2746.0'

/** Compares versions by their numbers; what is no number counts as 0. */
export const isOlder = (version: string | null, than: string): boolean => {
  const parts = (version ?? '').split('.').map((part) => Number.parseInt(part, 10) || 0)
  const wanted = than.split('.').map(Number)
  const at = wanted.findIndex((part, index) => (parts[index] ?? 0) !== part)
  return at !== -1 && (parts[at] ?? 0) < (wanted[at] ?? 0)
}

/** Why nothing can be sent to an instance; null where it can. */
export const obstacleOf = ({ ping, agentVersion }: FleetInstance): Reason | null => {
  if (ping !== 'online') return 'instance_offline'
  return isOlder(agentVersion, oldestAgent) ? 'agent_too_old' : null
}

/** The instances of a stage, from one listing. */
export const listPresent = async (fleet: Fleet, stage: string) => {
  const listed = await fleet.list({ kind: 'tag', key: 'landfall:stage', value: stage })
  return listed.map((one) => ({ id: one.id, isOnline: obstacleOf(one) === null, tags: one.tags }))
}
