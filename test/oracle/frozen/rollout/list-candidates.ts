import type { App } from '../deployment/app.ts'
import type { Candidate } from '../deployment/open.ts'
import type { Capacity } from '../targets/target.ts'
import type { ReconcilePorts } from './ports.ts'

/** Whom the targets of these settings select now. */
export const listCandidates = async (
  { toTarget }: Pick<ReconcilePorts, 'toTarget'>,
  { targets }: App,
): Promise<readonly Candidate[]> =>
  (await Promise.all(targets.map((one, index) => toTarget(one).candidates(index)))).flat()

/** For how many instances of each target one command can hold these settings with this secret. */
export const listCapacities = (
  { toTarget }: Pick<ReconcilePorts, 'toTarget'>,
  app: App,
  secretVersion: string | null,
): Promise<readonly Capacity[]> =>
  Promise.all(app.targets.map((one) => toTarget(one).capacity(app, secretVersion)))
