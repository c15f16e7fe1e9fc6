import { toInstant } from '../kernel/clock.ts'
import { Commit, Digest, type RevisionId } from '../kernel/id.ts'
import { reasons, type Reason } from '../kernel/reason.ts'
import { Retryable } from '../kernel/retryable.ts'
import { fail, succeed, type Result } from '../kernel/result.ts'
import type { App } from '../deployment/app.ts'
import { choose, isNamedByCommit, needsPerson, orderOf, type Choice } from '../deployment/choose.ts'
import {
  hasPendingRequest,
  hasPendingRollback,
  liveRelease,
  type Head,
  type Request,
} from '../deployment/head.ts'
import { firstBlocker } from '../deployment/blockers.ts'
import { lastDigest } from '../deployment/moved.ts'
import { originOf } from '../deployment/origin.ts'
import { isQuarantined } from '../deployment/quarantine.ts'
import {
  sourceOf,
  type ImageRefusal,
  type PushOrder,
  type Revision,
} from '../deployment/revision.ts'
import { decide } from '../deployment/transition.ts'
import type { Opening } from '../deployment/observation.ts'
import { findAltered } from './find-altered.ts'
import { findHeldBack, gatherOpening, type WantedOpening } from './gather-opening.ts'
import { compareTag } from './compare-tag.ts'
import { askForImage, findImage, takeTag } from './find-image.ts'
import { goBack } from './go-back.ts'
import { hold, holdsCommit, isHeld, reportRevision } from './hold.ts'
import { lookUpMissing } from './look-up-missing.ts'
import type { Nudge, ReconcilePorts } from './ports.ts'
import type { WriteHead } from './write.ts'

/** A push or an image alone is not reported: CI never runs for many commits, and strangers may name images. */
const hasCiRun = ({ ci }: Revision): boolean => Object.keys(ci).length > 0

const endRevisions = async (
  ports: ReconcilePorts,
  head: Head,
  ended: Choice['ended'],
): Promise<void> => {
  const now = toInstant(ports.clock())
  for (const { revision, status, reason, lacked } of ended) {
    if (status === 'expired' && hasCiRun(revision)) {
      const message = `it lacked ${(lacked ?? []).join(', ')}`
      await reportRevision(ports, revision, 'expired', reason, message)
    }
    // With it, the tag of a commit whose deployment has failed is compared after new evidence.
    const digest = revision.digest ?? lastDigest(head, revision)
    await ports.revisions.recordStatus({ ...revision, digest, lacked }, status, reason, now)
    const fields = { app: revision.app, revision: revision.id, status, reason }
    ports.log.info('revision ended', lacked === null ? fields : { ...fields, lacked })
  }
}

/** Keeps older pushes from following a revision that was forced before its CI began. */
const seenOrder = ({ firstSeenAt }: Revision): PushOrder => ({ createdAt: firstSeenAt, number: 0 })

const findRequested = async (
  ports: ReconcilePorts,
  app: App,
  revision: RevisionId,
): Promise<Result<Digest, Reason>> => {
  const digest = Digest.safeParse(revision)
  if (digest.success) return succeed(digest.data)
  const commit = Commit.safeParse(revision)
  // An app that requires only an image knows no commits: its tag names the newest push.
  if (!commit.success || !isNamedByCommit(app)) return fail('revision_unknown')
  const found = await findImage(ports, app, commit.data)
  return found.ok ? found : fail(found.error.reason)
}

/** The image of a request: the live one, the promoted one, the digest that it names, or the commit's in the registry. */
const resolveRequest = async (
  ports: ReconcilePorts,
  app: App,
  head: Head,
  { revision, promoted, force, by }: Request,
): Promise<Result<WantedOpening, Reason>> => {
  const wanted = { kind: 'redeploy', by, force } as const
  const blocker = firstBlocker(head, { ...wanted, content: null })
  if (blocker !== null) return fail(blocker)
  const live = liveRelease(head)
  if (revision === null) {
    if (live === null) return fail('nothing_live')
    const { revision: id, commit, digest, origin } = live
    const same = { revision: id, commit, digest, origin, promotedFrom: null }
    return succeed({ ...wanted, ...same, order: null })
  }
  // What is known of a promoted commit where it is live: without its place in the order an older one could follow.
  const known =
    (await ports.revisions.load(app.name, revision)) ??
    (promoted && (await ports.revisions.load(promoted.app, revision)))
  const found =
    promoted === null ? await findRequested(ports, app, revision) : succeed<Digest>(promoted.digest)
  if (!found.ok)
    return fail(
      known === null && found.error === 'image_missing' ? 'revision_unknown' : found.error,
    )
  return succeed({
    ...wanted,
    order: known === null ? null : (orderOf(app, known) ?? seenOrder(known)),
    revision,
    commit: promoted?.commit ?? Commit.safeParse(revision).data ?? known?.commit ?? null,
    digest: found.value,
    origin: known && originOf(app, known),
    promotedFrom: promoted && { app: promoted.app, generation: promoted.generation },
  })
}

/**
 * Why an opening is refused for good. Quarantined: the image, secret and env are those of a release that was
 * rolled back. Too many instances: the head has no room for the settings, also at a later attempt.
 */
const findRefusal = (ports: ReconcilePorts, head: Head, opening: Opening): Reason | null => {
  if (!opening.force && isQuarantined(head, opening.release)) return 'quarantined'
  const decided = decide(head, { kind: 'opening_gathered', opening }, toInstant(ports.clock()))
  return !decided.ok && decided.error === 'too_many_instances' ? decided.error : null
}

/** What the stage lacks for now to deploy to the app's targets; null where it lacks nothing. */
const findStageLack = async (
  { toTarget }: Pick<ReconcilePorts, 'toTarget'>,
  { targets }: App,
): Promise<ImageRefusal | null> => {
  for (const settings of targets) {
    const reason = await toTarget(settings).findLack?.()
    if (reason !== null && reason !== undefined) return { reason, retryAfterSeconds: null }
  }
  return null
}

/** What the stage lacks, or the app's secret. A person who deploys later needs the secret then. */
const findLack = async (
  ports: Pick<ReconcilePorts, 'toTarget' | 'readSecretVersion' | 'images'>,
  app: App,
  revision: Revision,
  digest: Digest,
): Promise<ImageRefusal | null> => {
  const lack = await findStageLack(ports, app)
  if (lack !== null || needsPerson(app, revision)) return lack
  // Met at the opening; asked for first from then on, so that the reason stays.
  const isMet = revision.reason === 'aws_denied' || revision.reason === 'image_gone'
  const met = isMet ? await findHeldBack(ports, app, digest) : null
  if (met !== null) return { ...met, retryAfterSeconds: null }
  if (app.secrets === null) return null
  const secret = await ports.readSecretVersion(app.secrets)
  return !secret.ok && isHeld(secret.error.reason)
    ? { ...secret.error, retryAfterSeconds: null }
    : null
}

/** The settings that a new release takes over from: none of an altered head. */
const inherited = async (ports: ReconcilePorts, head: Head) => {
  const live = liveRelease(head)
  if (live === null || (await findAltered(ports, head, [live])) !== null) return null
  return live.settings
}

const openRequested = async (
  ports: ReconcilePorts,
  write: WriteHead,
  head: Head,
  app: App,
  request: Request,
): Promise<boolean> => {
  const decline = (reason: Reason): Promise<boolean> => {
    // The request stays pending: Secrets Manager may answer the next run.
    if (reason === 'secret_unavailable') throw new Retryable(reasons[reason])
    return write(head, { kind: 'declined', reason })
  }
  const resolved = await resolveRequest(ports, app, head, request)
  if (!resolved.ok) return decline(resolved.error)
  const lack = await findStageLack(ports, app)
  if (lack !== null) return decline(lack.reason)
  const live = await inherited(ports, head)
  const opening = await gatherOpening(ports, app, live, resolved.value, head.releases)
  const { obstacle } = opening
  if (obstacle !== null && isHeld(obstacle)) return decline(obstacle)
  const reason = findRefusal(ports, head, opening)
  return reason === null ? write(head, { kind: 'opening_gathered', opening }) : decline(reason)
}

const openChosen = async (
  ports: ReconcilePorts,
  write: WriteHead,
  head: Head,
  app: App,
  { revision, digest, order }: NonNullable<Choice['open']>,
): Promise<boolean> => {
  const wanted: WantedOpening = {
    kind: 'deploy',
    by: sourceOf(revision),
    order,
    force: false,
    revision: revision.id,
    commit: revision.commit,
    digest,
    origin: originOf(app, revision),
    promotedFrom: null,
  }
  const live = await inherited(ports, head)
  const opening = await gatherOpening(ports, app, live, wanted, head.releases)
  const { obstacle, message } = opening
  if (obstacle !== null && holdsCommit(obstacle)) {
    const refusal = { reason: obstacle, retryAfterSeconds: null }
    await hold(ports, revision, message === null ? refusal : { ...refusal, message })
    return true
  }
  const reason = findRefusal(ports, head, opening)
  if (reason === null) return write(head, { kind: 'opening_gathered', opening })
  await ports.revisions.recordStatus(revision, 'refused', reason, toInstant(ports.clock()))
  return true
}

/** Records that a revision waits for a person. False where that is recorded already. */
const letRest = async (ports: ReconcilePorts, revision: Revision): Promise<boolean> => {
  if (revision.reason === 'manual') return false
  await ports.revisions.recordStatus(revision, 'waiting', 'manual', toInstant(ports.clock()))
  ports.log.info('revision waits for redeploy', { app: revision.app, revision: revision.id })
  return true
}

/** Ends the revisions that are over, asks the registry for the image of the next one, and opens it or lets it wait. */
export const openNext = async (
  ports: ReconcilePorts,
  write: WriteHead,
  head: Head,
  { settings: app, revisions: also, isTick }: Nudge,
): Promise<boolean> => {
  if (hasPendingRollback(head)) return goBack(ports, write, head, app)
  if (app === null) return false
  if (head.request !== null && hasPendingRequest(head))
    return openRequested(ports, write, head, app, head.request)
  const tagged = await takeTag(ports, app)
  const open = await ports.revisions.loadOpen(head.app, [...also, ...tagged])
  if (open.length === 0) return false
  const revisions = open.filter(({ status }) => status === 'waiting')
  const seen = await ports.seen.load(head.app)
  const choice = choose(head, app, revisions, seen, toInstant(ports.clock()))
  await endRevisions(ports, head, choice.ended)
  const { ask } = choice
  if (ask !== null) {
    const held = await askForImage(ports, app, ask, (digest) => findLack(ports, app, ask, digest))
    if (held !== null) await hold(ports, held.revision, held.refusal)
    return true
  }
  if (choice.open !== null) return openChosen(ports, write, head, app, choice.open)
  if (choice.rest !== null && (await letRest(ports, choice.rest))) return true
  const report = (one: Revision, message: string) =>
    reportRevision(ports, one, 'held', 'tag_moved', message)
  if (await compareTag(ports, head, app, open, report)) return true
  return isTick && lookUpMissing(ports, head, app, revisions, seen)
}
