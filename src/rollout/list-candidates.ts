import type { App, TargetSettings } from '../deployment/app.ts'
import type { Capacity, Target } from '../targets/target.ts'
import type { Candidate } from '../deployment/deployment.ts'
import { isRepairDue } from '../deployment/repair.ts'
import type { Head } from '../deployment/head.ts'
import { desiredRelease } from '../deployment/quarantine.ts'
import { toInstant } from '../kernel/clock.ts'
import type { Nudge, ReconcilePorts } from './ports.ts'
import type { WriteHead } from './write.ts'

/** What of the targets an opening asks. */
export interface CandidatePorts {
  readonly toTarget: (settings: TargetSettings) => Pick<Target, 'candidates' | 'capacity'>
}

/** Whom the targets of these settings select now. */
export const listCandidates = async (
  { toTarget }: CandidatePorts,
  { targets }: App,
): Promise<readonly Candidate[]> =>
  (await Promise.all(targets.map((one) => toTarget(one).candidates()))).flat()

/** For how many instances of each target one command can hold these settings with this secret. */
export const listCapacities = (
  { toTarget }: CandidatePorts,
  app: App,
  secretVersion: string | null,
): Promise<readonly Capacity[]> =>
  Promise.all(app.targets.map((one) => toTarget(one).capacity(app, secretVersion)))

/**
 * With nothing open: looks who is there, by the live release's own settings, and has brought to it who
 * does not serve it. Only by the clock, so that a stray is tried by one and not by every nudge.
 */
export const checkInstances = async (
  ports: Pick<ReconcilePorts, 'toTarget' | 'clock'>,
  write: WriteHead,
  head: Head,
  { isTick, scan }: Nudge,
): Promise<boolean> => {
  const release = desiredRelease(head)
  const now = toInstant(ports.clock())
  if (!isTick || release === null || !isRepairDue(head, scan, now)) return false
  const { settings, secretVersion } = release
  const [candidates, capacities] = await Promise.all([
    listCandidates(ports, settings),
    listCapacities(ports, settings, secretVersion),
  ])
  const instances = capacities.map((one) => one.instances)
  return write(head, { kind: 'instances_found', candidates, capacities: instances, scan })
}
