import { sourceOf, type ImageRefusal, type Revision } from '../deployment/revision.ts'
import { toInstant } from '../kernel/clock.ts'
import type { Reason } from '../kernel/reason.ts'
import { fail } from '../kernel/result.ts'
import type { ReconcilePorts } from './ports.ts'
import { writeAnyhow } from './write.ts'

/** Refusals that last until a person changes something outside of the commit. */
const lasting: ReadonlySet<Reason> = new Set<Reason>([
  'aws_denied',
  'secret_refused',
  'secret_missing',
  'secret_invalid',
  'registry_unauthorized',
  'image_gone',
])

export const isLasting = (reason: Reason): boolean => lasting.has(reason)

/** Makes a request wait, or declines it, and a commit wait. */
export const isHeld = (reason: Reason): boolean =>
  reason === 'secret_refused' || reason === 'secret_unavailable' || reason === 'aws_denied'

/** Makes a commit wait instead of failing its deployment: it goes out by itself once this is over. */
export const holdsCommit = (reason: Reason): boolean => isHeld(reason) || reason === 'image_gone'

/** Makes a notice about a revision that has no deployment. */
export const reportRevision = (
  ports: ReconcilePorts,
  revision: Revision,
  as: 'held' | 'expired',
  reason: Reason,
  message: string | null,
): Promise<void> => {
  const by = sourceOf(revision)
  const observation = { kind: 'reported', as, revision: revision.id, by, reason, message } as const
  return writeAnyhow(ports, revision.app, observation)
}

/**
 * Records what a revision waits for, so that `status` shows it and it is looked at again with growing gaps, until
 * `waitFor` is over. A lasting refusal is reported before it is recorded, and not again while it is the recorded one: a
 * run that dies in between reports it a second time.
 */
export const hold = async (
  ports: ReconcilePorts,
  revision: Revision,
  refusal: ImageRefusal,
): Promise<void> => {
  const { reason, message = null } = refusal
  ports.log.info('revision waits', { app: revision.app, revision: revision.id, reason })
  if (isLasting(reason) && revision.reason !== reason)
    await reportRevision(ports, revision, 'held', reason, message)
  await ports.revisions.recordAsked(revision, fail(refusal), toInstant(ports.clock()))
}
