import type { App, TargetSettings } from '../deployment/app.ts'
import type { Capacity, Target } from '../targets/target.ts'
import type { Candidate } from '../deployment/deployment.ts'

/** What of the targets an opening asks. */
export interface SelectionPorts {
  readonly toTarget: (settings: TargetSettings) => Pick<Target, 'candidates' | 'capacity'>
}

/** Whom the targets of these settings select now. */
export const listCandidates = async (
  { toTarget }: SelectionPorts,
  { targets }: App,
): Promise<readonly Candidate[]> =>
  (await Promise.all(targets.map((one) => toTarget(one).candidates()))).flat()

/** For how many instances of each target one command can hold these settings with this secret. */
export const listCapacities = (
  { toTarget }: SelectionPorts,
  app: App,
  secretVersion: string | null,
): Promise<readonly Capacity[]> =>
  Promise.all(app.targets.map((one) => toTarget(one).capacity(app, secretVersion)))
