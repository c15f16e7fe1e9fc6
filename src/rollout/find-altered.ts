import type { Release } from '../deployment/deployment.ts'
import type { Head } from '../deployment/head.ts'
import type { Generation } from '../kernel/id.ts'
import type { ReconcilePorts } from './ports.ts'

/**
 * The number of the first of these releases that is not as reconcile recorded it; null where all are. Heads are
 * written by the operators and `alarm` too, and a release says what runs where, as root, with which secrets: none
 * reaches a target before this. `landfall-<stage>-head-altered` (packaging/watch.yml) counts the log line.
 */
export const findAltered = async (
  { history, log }: Pick<ReconcilePorts, 'history' | 'log'>,
  { app }: Head,
  releases: readonly Release[],
): Promise<Generation | null> => {
  for (const release of releases) {
    if (await history.hasRelease(app, release)) continue
    const { generation } = release
    log.error('head altered', { app, generation, reason: 'head_altered' })
    return generation
  }
  return null
}
