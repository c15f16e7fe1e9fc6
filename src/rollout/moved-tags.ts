import type { App } from '../deployment/app.ts'
import type { Head } from '../deployment/head.ts'
import { findMoved, listRecent } from '../deployment/moved.ts'
import type { Revision } from '../deployment/revision.ts'
import type { Revisions } from './journal.ts'
import { renderRedeploy } from './promotion.ts'

interface MovedPorts {
  readonly stage: string
  readonly revisions: Pick<Revisions, 'load'>
}

/** The commits that wait, serve or were last tried, and whose tag names another image by now. */
export const showMoved = async (
  { stage, revisions }: MovedPorts,
  { name }: App,
  head: Head,
  waiting: readonly Revision[],
) => {
  const ids = listRecent(head).filter((id) => waiting.every((one) => one.id !== id))
  const ended = await Promise.all(ids.map((id) => revisions.load(name, id)))
  return [...waiting, ...ended].flatMap((revision) => {
    const digest = revision && findMoved(head, revision)
    if (revision === null || digest === null) return []
    return [
      { revision: revision.id, digest, bringOut: renderRedeploy(stage, name, revision.id, []) },
    ]
  })
}
