import { isConvergenceDue } from '../deployment/converge.ts'
import type { Head } from '../deployment/head.ts'
import { releaseToKeep } from '../deployment/places.ts'
import type { Observation } from '../deployment/transition.ts'
import { toInstant } from '../kernel/clock.ts'
import { listCandidates, listCapacities } from './list-candidates.ts'
import type { Nudge, ReconcilePorts } from './ports.ts'

type Write = (head: Head, observation: Observation) => Promise<boolean>

/**
 * With nothing open: looks who is there, by the live release's own settings, and has brought to it who
 * does not serve it. Only by the clock, so that a stray is tried by one and not by every nudge.
 */
export const findStrays = async (
  ports: Pick<ReconcilePorts, 'toTarget' | 'clock'>,
  write: Write,
  head: Head,
  { isTick, called }: Nudge,
): Promise<boolean> => {
  const release = releaseToKeep(head)
  const now = toInstant(ports.clock())
  if (!isTick || release === null || !isConvergenceDue(head, called, now)) return false
  const { settings, secretVersion } = release
  const [candidates, capacities] = await Promise.all([
    listCandidates(ports, settings),
    listCapacities(ports, settings, secretVersion),
  ])
  const instances = capacities.map((one) => one.instances)
  return write(head, { kind: 'found', candidates, capacities: instances, called })
}
