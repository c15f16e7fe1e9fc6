import { addSeconds, type Instant } from '../kernel/clock.ts'
import type { Digest } from '../kernel/id.ts'
import type { Reason } from '../kernel/reason.ts'
import type { App, Requirement } from './app.ts'
import { isPast } from './deadline.ts'
import { blockers } from './blockers.ts'
import type { Head } from './head.ts'
import { isQuarantined } from './quarantine.ts'
import { lacksPush, type SeenHooks } from './seen.ts'
import { compareOrders, type PushOrder, type Revision, type RevisionStatus } from './revision.ts'

interface RevisionEnding {
  readonly status: RevisionStatus
  readonly reason: Reason
  /** What an expired one still had not got; null where that did not end it. */
  readonly lacked: readonly string[] | null
}

/** What one waiting revision is, seen from the head: on its way out, ended, or lacking something. */
export type Readiness =
  | { readonly kind: 'ready'; readonly order: PushOrder }
  | { readonly kind: 'lacking'; readonly what: readonly string[] }
  | { readonly kind: 'open' }
  | ({ readonly kind: 'ended' } & RevisionEnding)

export interface Choice {
  /** Revisions whose status is to be written, with the reason. */
  readonly ended: readonly ({ readonly revision: Revision } & RevisionEnding)[]
  /** The newest deployable revision whose image the registry is to be asked for. */
  readonly ask: Revision | null
  /** The one to open: its image is known. */
  readonly open: {
    readonly revision: Revision
    readonly digest: Digest
    readonly order: PushOrder
  } | null
}

type CiRequirement = Extract<Requirement, { kind: 'ci' }>

export const ciKey = (ci: string, workflow: string): string => `${ci}:${workflow}`

const requiredCi = (app: App): readonly CiRequirement[] =>
  app.requires.filter((requirement) => requirement.kind === 'ci')

/** The first CI entry orders, the others gate; without CI it is the time the image was first seen. */
export const orderOf = (app: App, revision: Revision): PushOrder | null => {
  const [first] = requiredCi(app)
  if (first === undefined) return { createdAt: revision.firstSeenAt, number: 0 }
  const run = revision.ci[ciKey(first.ci, first.workflow)]
  return run === undefined ? null : { createdAt: run.createdAt, number: run.runNumber }
}

/** CI gates commits and a tag is made of one; else only the digests under the tag are revisions. */
export const isNamedByCommit = (app: App): boolean =>
  app.tag.includes('{commit}') || requiredCi(app).length > 0

/** Every CI entry that the app requires ended green for this revision. */
export const isCiGreen = (app: App, revision: Revision): boolean =>
  requiredCi(app).every(
    ({ ci, workflow }) => revision.ci[ciKey(ci, workflow)]?.conclusion === 'success',
  )

/**
 * The registry is asked again after 15, 30, 60 … up to 300 s, and at once when it has told of the
 * image since; but never before the time that it has named itself.
 */
export const mayAsk = (
  { asked, image }: Pick<Revision, 'asked' | 'image'>,
  now: Instant,
): boolean => {
  if (asked === null) return true
  if (asked.retryAt !== null && !isPast(asked.retryAt, now)) return false
  if (image !== null && Date.parse(image.seenAt) > Date.parse(asked.at)) return true
  const gapSeconds = Math.min(300, 15 * 2 ** Math.max(0, asked.count - 1))
  return isPast(addSeconds(asked.at, gapSeconds), now)
}

const isOver = (app: App, revision: Revision, now: Instant): boolean =>
  isPast(addSeconds(revision.waitingSince, app.waitForSeconds), now)

const asEnded = (status: RevisionStatus, reason: Reason): Readiness => ({
  kind: 'ended',
  status,
  reason,
  lacked: null,
})

const expired = (lacked: readonly string[]): Readiness => ({
  kind: 'ended',
  status: 'expired',
  reason: 'wait_expired',
  lacked,
})

/** The image, and what the registry answered where that is more than "not there". */
const describeImage = ({ reason }: Revision): string =>
  reason === null || reason === 'image_missing' ? 'image' : `image (${reason})`

const listMissing = (
  head: Head,
  app: App,
  revision: Revision,
  seen: SeenHooks,
  now: Instant,
): readonly string[] => [
  ...(lacksPush(head, app, revision, seen, now) ? [`a push to ${app.branch}`] : []),
  ...requiredCi(app)
    .filter(({ ci, workflow }) => revision.ci[ciKey(ci, workflow)] === undefined)
    .map(({ ci, workflow }) => `${ci} workflow ${workflow}`),
]

/** Where a waiting revision stands. Pure; `status` shows it as it is used here. */
export const readinessOf = (
  head: Head,
  app: App,
  revision: Revision,
  seen: SeenHooks,
  now: Instant,
): Readiness => {
  if (head.deployment?.release.revision === revision.id) return { kind: 'open' }
  const order = orderOf(app, revision)
  if (order !== null && head.mark !== null && compareOrders(order, head.mark) <= 0)
    return asEnded('superseded', 'superseded')
  if (isQuarantined(head, revision)) return asEnded('refused', 'quarantined')
  const runs = requiredCi(app).map(({ ci, workflow }) => revision.ci[ciKey(ci, workflow)])
  if (runs.some((run) => run?.conclusion === 'failure')) return asEnded('refused', 'ci_failed')
  const what = listMissing(head, app, revision, seen, now)
  const over = head.freeze === null && head.deployment === null && isOver(app, revision, now)
  if (what.length > 0 || order === null) return over ? expired(what) : { kind: 'lacking', what }
  if (revision.digest === null && over && !mayAsk(revision, now))
    return expired([describeImage(revision)])
  return { kind: 'ready', order }
}

const toRevisionEnding = ({ status, reason, lacked }: RevisionEnding): RevisionEnding => ({
  status,
  reason,
  lacked,
})

/**
 * Which revision goes out next: the newest deployable one above the mark. One that waits or is red
 * supersedes nothing; one whose image is missing lets the next older one pass.
 */
export const choose = (
  head: Head,
  app: App,
  revisions: readonly Revision[],
  seen: SeenHooks,
  now: Instant,
): Choice => {
  const standings = revisions.map((revision) => ({
    revision,
    standing: readinessOf(head, app, revision, seen, now),
  }))
  const over = standings.flatMap(({ revision, standing }) =>
    standing.kind === 'ended' ? [{ revision, ...toRevisionEnding(standing) }] : [],
  )
  const isBlocked = blockers(head, { kind: 'deploy', force: false, content: null }).length > 0
  if (isBlocked) return { ended: over, ask: null, open: null }
  const ready = standings
    .flatMap(({ revision, standing }) =>
      standing.kind === 'ready' ? [{ revision, order: standing.order }] : [],
    )
    .sort((a, b) => compareOrders(b.order, a.order))
  for (const { revision, order } of ready) {
    const { digest } = revision
    if (digest !== null) return { ended: over, ask: null, open: { revision, digest, order } }
    if (mayAsk(revision, now)) return { ended: over, ask: revision, open: null }
  }
  return { ended: over, ask: null, open: null }
}
