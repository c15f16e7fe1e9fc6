import { addSeconds, type Instant } from '../kernel/clock.ts'
import type { Commit, Digest } from '../kernel/id.ts'
import type { Reason } from '../kernel/reason.ts'
import type { App } from './app.ts'
import { blockers } from './blockers.ts'
import { isPast } from './deadline.ts'
import type { Head } from './head.ts'
import { isQuarantined } from './quarantine.ts'
import {
  compareOrders,
  runsOf,
  type PushOrder,
  type Revision,
  type RevisionStatus,
} from './revision.ts'
import { lacksPush, type SeenHooks } from './seen.ts'

interface RevisionEnding {
  readonly status: RevisionStatus
  readonly reason: Reason
  /** The evidence that an expired one lacked; null for another ending. */
  readonly lacked: readonly string[] | null
}

/** Where a waiting revision stands: deployable, lacking evidence, being deployed, or ended. */
export type Readiness =
  | { readonly kind: 'ready'; readonly order: PushOrder }
  | { readonly kind: 'lacking'; readonly what: readonly string[] }
  | { readonly kind: 'open' }
  | ({ readonly kind: 'ended' } & RevisionEnding)

export interface Choice {
  /** Revisions whose status is to be written, with the reason. */
  readonly ended: readonly ({ readonly revision: Revision } & RevisionEnding)[]
  /** The newest deployable revision whose image is to be looked up in the registry. */
  readonly ask: Revision | null
  /** The one to open: its image is known. */
  readonly open: {
    readonly revision: Revision
    readonly digest: Digest
    readonly order: PushOrder
  } | null
  /** The newest deployable one, which waits for a person. */
  readonly rest: Revision | null
}

const requiredCi = (app: App) => app.requires.filter((requirement) => requirement.kind === 'ci')

/** The order of the first required CI; without CI, of the time when the image was first seen. */
export const orderOf = (app: App, revision: Revision): PushOrder | null => {
  const [first] = requiredCi(app)
  if (first === undefined) return { createdAt: revision.firstSeenAt, number: 0 }
  // The oldest: after another push of the commit they have all run again.
  const [oldest] = runsOf(revision, first)
    .map(({ createdAt, runNumber: number }) => ({ createdAt, number }))
    .toSorted(compareOrders)
  return oldest ?? null
}

/** Whether revisions are commits, by a required CI or a commit in the tag; else they are the digests under the tag. */
export const isNamedByCommit = (app: App): boolean =>
  app.tag.includes('{commit}') || requiredCi(app).length > 0

/** Every CI entry that the app requires ended green for this revision. */
export const isCiGreen = (app: App, revision: Revision): boolean =>
  requiredCi(app).every((required) => {
    const runs = runsOf(revision, required)
    return runs.length > 0 && runs.every(({ conclusion }) => conclusion === 'success')
  })

/**
 * The registry is asked again after 15, 30, 60 … up to 300 s, and at once when it has announced the image
 * since; but never before the time that it has named itself.
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

const superseded = { status: 'superseded', reason: 'superseded', lacked: null } as const

const asEnded = (
  status: RevisionStatus,
  reason: Reason,
  lacked: readonly string[] | null = null,
): Readiness => ({ kind: 'ended', status, reason, lacked })

const listMissing = (
  head: Head,
  app: App,
  revision: Revision,
  seen: SeenHooks,
  now: Instant,
): readonly string[] => [
  ...(lacksPush(head, app, revision, seen, now) ? [`a push to ${app.branch}`] : []),
  ...requiredCi(app)
    .filter((required) => runsOf(revision, required).length === 0)
    .map(({ ci, workflow }) => `${ci} workflow ${workflow}`),
]

/** What a revision with all its evidence lacks, by the last answer. */
export const toLack = (reason: Reason | null): 'secret' | 'image' =>
  reason?.startsWith('secret_') === true ? 'secret' : 'image'

/** The answer is named where it says more than that the image is not there. */
const describeLack = (reason: Reason | null): string =>
  reason === null || reason === 'image_missing' ? 'image' : `${toLack(reason)} (${reason})`

/** Where a waiting revision stands. Pure; used by the opening and by `status` alike. */
export const readinessOf = (
  head: Head,
  app: App,
  revision: Revision,
  seen: SeenHooks,
  now: Instant,
): Readiness => {
  const { reason, waitingSince } = revision
  if (head.deployment?.release.revision === revision.id) return { kind: 'open' }
  const order = orderOf(app, revision)
  if (order !== null && head.mark !== null && compareOrders(order, head.mark) <= 0)
    return { kind: 'ended', ...superseded }
  if (isQuarantined(head, revision)) return asEnded('refused', 'quarantined')
  const runs = requiredCi(app).flatMap((required) => runsOf(revision, required))
  if (runs.some(({ conclusion }) => conclusion === 'failure'))
    return asEnded('refused', 'ci_failed')
  const what = listMissing(head, app, revision, seen, now)
  const isIdle = head.freeze === null && head.deployment === null
  // A person takes as long as it takes.
  const isLimited = isIdle && reason !== 'manual'
  const isOver = isLimited && isPast(addSeconds(waitingSince, app.waitForSeconds), now)
  if (what.length > 0 || order === null)
    return isOver ? asEnded('expired', 'wait_expired', what) : { kind: 'lacking', what }
  if (revision.digest !== null || !isOver || mayAsk(revision, now)) return { kind: 'ready', order }
  return asEnded('expired', 'wait_expired', [describeLack(reason)])
}

/** Whether only a person brings it out: also a revision that waited before the app became automatic again. */
export const needsPerson = (app: App, { reason }: Pick<Revision, 'reason'>): boolean =>
  app.deploy === 'manual' || reason === 'manual'

/**
 * Whoever knows Docker Hub's URL can name any number of commits. So many wait of which nothing but a push of an
 * image tells, the newest; the others expire, and further evidence brings one back.
 */
const mostByImageAlone = 100

const isByImageAlone = ({ ci, push, digest, reason }: Revision): boolean =>
  Object.keys(ci).length === 0 && push === null && digest === null && reason !== 'manual'

/** Ends what is too much, before anything looks at it one by one. */
const expireExcess = (revisions: readonly Revision[]): Choice['ended'] =>
  revisions
    .filter(isByImageAlone)
    .toSorted((a, b) => Date.parse(b.waitingSince) - Date.parse(a.waitingSince))
    .slice(mostByImageAlone)
    .map((revision) => ({
      revision,
      status: 'expired',
      reason: 'wait_expired',
      lacked: [
        `evidence besides its image (only the newest ${mostByImageAlone} such commits wait)`,
      ],
    }))

/**
 * The revision to deploy next: the newest deployable one above the mark. A revision that waits or failed
 * its CI supersedes none; one whose image is missing lets the next older one pass. One that waits for a
 * person supersedes the older deployable ones.
 */
export const choose = (
  head: Head,
  app: App,
  revisions: readonly Revision[],
  seen: SeenHooks,
  now: Instant,
): Choice => {
  const excess = expireExcess(revisions)
  const excessive = new Set(excess.map(({ revision }) => revision))
  const judged = revisions
    .filter((revision) => !excessive.has(revision))
    .map((revision) => ({ revision, readiness: readinessOf(head, app, revision, seen, now) }))
  const endings = judged.flatMap(({ revision, readiness }) => {
    if (readiness.kind !== 'ended') return []
    const { status, reason, lacked } = readiness
    return [{ revision, status, reason, lacked }]
  })
  const ended = [...endings, ...excess]
  const isBlocked = blockers(head, { kind: 'deploy', force: false, content: null }).length > 0
  const chosen = { ended, ask: null, open: null, rest: null }
  if (isBlocked) return chosen
  const ready = judged
    .flatMap(({ revision, readiness }) =>
      readiness.kind === 'ready' ? [{ revision, order: readiness.order }] : [],
    )
    .sort((a, b) => compareOrders(b.order, a.order))
  for (const [at, { revision, order }] of ready.entries()) {
    const { digest } = revision
    if (digest === null) {
      if (mayAsk(revision, now)) return { ...chosen, ask: revision }
    } else if (needsPerson(app, revision)) {
      const passed = ready
        .slice(at + 1)
        .map((older) => ({ revision: older.revision, ...superseded }))
      return { ...chosen, ended: [...ended, ...passed], rest: revision }
    } else return { ...chosen, open: { revision, digest, order } }
  }
  return chosen
}

export type MissingEvidence = Revision & { readonly commit: Commit }

/** GitHub is asked 60 s after the first evidence, then after 120, 240 … up to 600 s. */
const isLookUpDue = ({ lookedUp, waitingSince }: Revision, now: Instant): boolean => {
  if (lookedUp === null) return isPast(addSeconds(waitingSince, 60), now)
  if (lookedUp.retryAt !== null && !isPast(lookedUp.retryAt, now)) return false
  return isPast(addSeconds(lookedUp.at, Math.min(600, 60 * 2 ** lookedUp.count)), now)
}

/**
 * The five newest commits for which a hook of GitHub is overdue: it may be lost, for GitHub does not
 * retry. The others follow in the next minute. None where the app names no token (`reports.github`).
 */
export const listMissingEvidence = (
  head: Head,
  app: App,
  revisions: readonly Revision[],
  seen: SeenHooks,
  now: Instant,
): readonly MissingEvidence[] => {
  if (app.repository === null || app.reports.github === null) return []
  const lost = revisions.flatMap((revision): readonly MissingEvidence[] => {
    const { commit } = revision
    const lacksRun = requiredCi(app).some(
      (required) => required.ci === 'github' && runsOf(revision, required).length === 0,
    )
    return commit !== null &&
      readinessOf(head, app, revision, seen, now).kind === 'lacking' &&
      (lacksRun || lacksPush(head, app, revision, seen, now)) &&
      isLookUpDue(revision, now)
      ? [{ ...revision, commit }]
      : []
  })
  return lost.toSorted((a, b) => Date.parse(b.firstSeenAt) - Date.parse(a.firstSeenAt)).slice(0, 5)
}
