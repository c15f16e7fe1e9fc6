import type { App } from '../deployment/app.ts'
import type { ImageRefusal, Revision } from '../deployment/revision.ts'
import { toInstant } from '../kernel/clock.ts'
import type { Reason } from '../kernel/reason.ts'
import { fail } from '../kernel/result.ts'
import type { ReconcilePorts } from './ports.ts'
import { writeAnyhow } from './write.ts'

/** Answers that last until a person changes something outside of the commit; each is told when it first holds one. */
const lasting: ReadonlySet<Reason> = new Set<Reason>([
  'secret_refused',
  'secret_missing',
  'secret_invalid',
  'registry_unauthorized',
])

/** What keeps a commit waiting instead of failing its deployment: it goes out by itself once this is over. */
export const isHeld = (reason: Reason): boolean =>
  reason === 'secret_refused' || reason === 'secret_unavailable'

/**
 * Records what a revision waits for, so that `status` shows it and it is looked at again with growing gaps, until
 * `waitFor` is over. What only a person can mend is told first, once: a run that dies in between tells it again.
 */
export const hold = async (
  ports: ReconcilePorts,
  app: App,
  revision: Revision,
  refusal: ImageRefusal,
): Promise<void> => {
  const { reason, message } = refusal
  const { id } = revision
  ports.log.info('revision held', { app: app.name, revision: id, reason })
  if (lasting.has(reason) && revision.reason !== reason)
    await writeAnyhow(ports, app.name, {
      kind: 'reported',
      as: 'held',
      revision: id,
      reason,
      message: message ?? null,
    })
  await ports.revisions.recordAsked(revision, fail(refusal), toInstant(ports.clock()))
}
