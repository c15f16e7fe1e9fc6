import type { App } from '../deployment/app.ts'
import { isNamedByCommit, mayAsk } from '../deployment/choose.ts'
import { isPast } from '../deployment/deadline.ts'
import { originOf } from '../deployment/origin.ts'
import type { ImageRefusal, Revision } from '../deployment/revision.ts'
import { addSeconds, toInstant } from '../kernel/clock.ts'
import { Digest, type Commit, type RevisionId } from '../kernel/id.ts'
import { fail, succeed, type Result } from '../kernel/result.ts'
import type { Label, TagHint } from './journal.ts'
import type { Images, ReconcilePorts } from './ports.ts'

type ImagePorts = Pick<
  ReconcilePorts,
  'images' | 'labels' | 'tags' | 'revisions' | 'recordEvidence' | 'clock' | 'log'
>

interface LabelPorts extends Pick<ImagePorts, 'labels' | 'clock'> {
  readonly images: Pick<Images, 'findDigest' | 'findCommit'>
}

export const toTag = (app: App, commit: string): string => app.tag.replaceAll('{commit}', commit)

/** The commit that an image was built of. Each image is fetched once; its label is kept. */
const readLabel = async (
  { images, labels, clock }: LabelPorts,
  app: App,
  digest: Digest,
  known: readonly Label[],
): Promise<Result<Commit | null, ImageRefusal>> => {
  const label = known.find((one) => one.digest === digest)
  if (label !== undefined) return succeed(label.commit)
  const read = await images.findCommit(app, digest)
  if (read.ok) await labels.record(app.name, { digest, commit: read.value }, toInstant(clock()))
  return read
}

/**
 * A tag that carries no commit names the newest image, whose label names its commit. Where that is another
 * one, the tag may have moved on: an earlier image of the tag may still be the commit's.
 */
const findLabelled = async (
  ports: LabelPorts,
  app: App,
  commit: Commit,
): Promise<Result<Digest, ImageRefusal>> => {
  const known = await ports.labels.load(app.name)
  const found = await ports.images.findDigest(app, app.tag)
  if (!found.ok) return found
  const label = await readLabel(ports, app, found.value, known)
  if (!label.ok) return label
  if (label.value === commit) return found
  const earlier = known.find((one) => one.commit === commit)
  if (earlier !== undefined) return ports.images.findDigest(app, earlier.digest)
  const reason = label.value === null ? 'image_unlabelled' : 'image_missing'
  return fail({ reason, retryAfterSeconds: null })
}

/** The image of a commit, for an app whose revisions are commits. */
export const findImage = (
  ports: LabelPorts,
  app: App,
  commit: Commit,
): Promise<Result<Digest, ImageRefusal>> =>
  app.tag.includes('{commit}')
    ? ports.images.findDigest(app, toTag(app, commit))
    : findLabelled(ports, app, commit)

/**
 * The hint of a pushed image with what its labels say of the commit: read once, and only where neither CI nor
 * a push has told anything.
 */
const withOrigin = async (
  { images }: Pick<ImagePorts, 'images'>,
  app: App,
  revision: Revision,
  digest: Digest,
): Promise<Revision> => {
  const { image } = revision
  if (image === null || originOf(app, revision) !== null) return revision
  return { ...revision, image: { ...image, origin: await images.findOrigin(app, digest) } }
}

/**
 * Asks the registry for the image of the next revision, and records the digest. Answers what the revision waits for:
 * the image, or what else is lacking.
 */
export const askForImage = async (
  ports: ImagePorts,
  app: App,
  revision: Revision,
  findLack: (digest: Digest) => Promise<ImageRefusal | null>,
): Promise<{ readonly revision: Revision; readonly refusal: ImageRefusal } | null> => {
  const { id, commit } = revision
  const named = Digest.safeParse(id)
  const found =
    named.success || commit === null
      ? succeed(Digest.parse(id))
      : await findImage(ports, app, commit)
  if (!found.ok) return { revision, refusal: found.error }
  const told = await withOrigin(ports, app, revision, found.value)
  const lack = await findLack(found.value)
  if (lack !== null) return { revision: told, refusal: lack }
  await ports.revisions.recordAsked(told, found, toInstant(ports.clock()))
  return null
}

/** The revision that a pushed tag stands for: its digest, or the commit of the digest's label. */
const identify = async (
  ports: ImagePorts,
  app: App,
  { image }: TagHint,
): Promise<Result<{ id: RevisionId; commit: Commit | null } | null, ImageRefusal>> => {
  const found = await ports.images.findDigest(app, image.tag)
  if (!found.ok) return found
  if (!isNamedByCommit(app)) return succeed({ id: found.value, commit: null })
  const label = await readLabel(ports, app, found.value, await ports.labels.load(app.name))
  if (!label.ok) return label
  return succeed(label.value === null ? null : { id: label.value, commit: label.value })
}

/**
 * A tag without a commit (`latest`) was pushed. Returns the revision that it stands for, which the index may
 * not list yet. A registry that does not answer is asked again with growing gaps, for as long as a revision
 * waits.
 */
export const takeTag = async (ports: ImagePorts, app: App): Promise<readonly RevisionId[]> => {
  const hint = await ports.tags.load(app.name)
  const now = toInstant(ports.clock())
  if (hint === null || !mayAsk({ ...hint, image: null }, now)) return []
  const revision = await identify(ports, app, hint)
  if (!revision.ok) {
    const { reason, message } = revision.error
    ports.log.info('failed to look up pushed tag', { app: app.name, reason, message })
    if (isPast(addSeconds(hint.image.seenAt, app.waitForSeconds), now))
      await ports.tags.settle(app.name, hint)
    else await ports.tags.recordAsked(app.name, hint, revision.error, now)
    return []
  }
  if (revision.value === null)
    ports.log.warn('pushed image ignored, its label names no commit', {
      app: app.name,
      reason: 'image_unlabelled',
    })
  else {
    const { id, commit } = revision.value
    await ports.recordEvidence(app.name, id, commit, hint.image, now)
  }
  await ports.tags.settle(app.name, hint)
  return revision.value === null ? [] : [revision.value.id]
}
