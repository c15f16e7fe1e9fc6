import { isRepairDue } from '../deployment/repair.ts'
import type { Head } from '../deployment/head.ts'
import { desiredRelease } from '../deployment/quarantine.ts'
import { toInstant } from '../kernel/clock.ts'
import { findAltered } from './find-altered.ts'
import { listCandidates } from './gather-opening.ts'
import type { Nudge, ReconcilePorts } from './ports.ts'
import type { WriteHead } from './write.ts'

/**
 * With nothing open: lists the instances by the live release's own settings, and opens a repair of those
 * that do not serve it. Only on a tick, so that one run tries a repair and not every nudge.
 */
export const checkInstances = async (
  ports: Pick<ReconcilePorts, 'toTarget' | 'clock' | 'history' | 'log'>,
  write: WriteHead,
  head: Head,
  { isTick, scan }: Nudge,
): Promise<boolean> => {
  const release = desiredRelease(head)
  const now = toInstant(ports.clock())
  if (!isTick || release === null || !isRepairDue(head, scan, now)) return false
  if ((await findAltered(ports, head, [release])) !== null) return false
  const { settings, secretVersion } = release
  const { candidates, capacities } = await listCandidates(ports, settings, secretVersion)
  const instances = capacities.map((one) => one.instances)
  return write(head, { kind: 'instances_found', candidates, capacities: instances, scan })
}
