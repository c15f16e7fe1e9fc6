import { isRepairDue } from '../deployment/repair.ts'
import type { Head } from '../deployment/head.ts'
import { desiredRelease } from '../deployment/quarantine.ts'
import { Denied, unlessDenied } from '../kernel/denied.ts'
import { toInstant } from '../kernel/clock.ts'
import { findAltered } from './find-altered.ts'
import { listCandidates } from './gather-opening.ts'
import type { Nudge, ReconcilePorts } from './ports.ts'
import type { WriteHead } from './write.ts'

/**
 * With nothing open: lists the instances by the live release's own settings, and opens a repair of those
 * that do not serve it. Only on a tick, so that one run tries a repair and not every nudge. A listing that AWS refuses
 * keeps the head from nothing else.
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
  const found = await listCandidates(ports, settings, secretVersion).catch(unlessDenied)
  if (found instanceof Denied) {
    ports.log.error('failed to list instances', { app: head.app, why: found.message })
    return false
  }
  const { candidates, capacities } = found
  const instances = capacities.map((one) => one.instances)
  return write(head, { kind: 'instances_found', candidates, capacities: instances, scan })
}
