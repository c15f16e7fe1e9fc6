import type { App, TargetSettings } from '../deployment/app.ts'
import { liveRelease, type Head } from '../deployment/head.ts'
import type { Revision } from '../deployment/revision.ts'
import { toInstant, type Clock } from '../kernel/clock.ts'
import { Commit, Digest, type RevisionId } from '../kernel/id.ts'
import { fail, succeed, type Result } from '../kernel/result.ts'
import { Retryable } from '../kernel/retryable.ts'
import type { PlannedTarget } from '../targets/target.ts'
import type { Heads, Labels, Revisions, Seen } from './journal.ts'
import { findImage, toTag } from './find-image.ts'
import type { OpeningPorts } from './gather-opening.ts'
import type { Images } from './ports.ts'
import type { AlarmFacts, AppFacts, Chosen, HookEvent, Lack } from './plan-findings.ts'

/** Nothing here can write. */
export interface PlanPorts extends OpeningPorts {
  readonly heads: Pick<Heads, 'load'>
  readonly revisions: Pick<Revisions, 'load' | 'loadWaiting'>
  readonly seen: Seen
  /** The names of the keys of the app's secret, which a container could be given as it is. */
  readonly readSecretKeys: (app: App, secret: string) => Promise<Result<readonly string[], Lack>>
  readonly checkLogin: (app: App, secret: string) => Promise<Result<null, Lack>>
  readonly images: Images
  readonly labels: Pick<Labels, 'load'>
  readonly describeAlarms: (names: readonly string[]) => Promise<readonly AlarmFacts[]>
  /** Which events the app needs. */
  readonly hooksOf: (app: App) => readonly HookEvent[]
  readonly toTarget: (settings: TargetSettings) => PlannedTarget
  readonly clock: Clock
}

const newest = (waiting: readonly Revision[]): Revision | null =>
  waiting.toSorted((a, b) => b.firstSeenAt.localeCompare(a.firstSeenAt))[0] ?? null

const chooseRevision = async (
  { revisions }: PlanPorts,
  head: Head,
  wanted: RevisionId | null,
): Promise<Chosen> => {
  if (wanted !== null) {
    const known = await revisions.load(head.app, wanted)
    const commit = Commit.safeParse(wanted).data ?? known?.commit ?? null
    return { from: 'input', id: wanted, commit, known }
  }
  const waiting = newest(await revisions.loadWaiting(head.app, []))
  if (waiting !== null)
    return { from: 'waiting', id: waiting.id, commit: waiting.commit, known: waiting }
  const live = liveRelease(head)
  return live === null
    ? { from: 'nothing', id: null, commit: null, known: null }
    : { from: 'live', id: live.revision, commit: live.commit, known: null }
}

const at = ({ image }: App, reference: string): string =>
  `${image}${Digest.safeParse(reference).success ? '@' : ':'}${reference}`

/** Before anything is known, whether the registry answers at all. */
const probe = async ({ images }: PlanPorts, app: App): Promise<AppFacts['image']> => {
  const tag = toTag(app, 'latest')
  return { reference: at(app, tag), found: await images.findDigest(app, tag) }
}

/** The image of the revision, as reconcile would find it; the live one by its digest. */
const lookUpForPlan = async (
  ports: PlanPorts,
  app: App,
  head: Head,
  { from, id, commit }: Chosen,
): Promise<AppFacts['image']> => {
  if (id === null) return probe(ports, app)
  if (commit !== null && from !== 'live') {
    // A label is read and not kept: to keep it is reconcile's.
    const labels = { load: ports.labels.load, record: () => Promise.resolve() }
    const found = await findImage({ ...ports, labels }, app, commit)
    return { reference: at(app, toTag(app, commit)), found }
  }
  const digest = (from === 'live' ? liveRelease(head)?.digest : undefined) ?? id
  return { reference: at(app, digest), found: await ports.images.findDigest(app, digest) }
}

const describeTarget = async (
  { describeAlarms }: PlanPorts,
  app: App,
): Promise<AppFacts['alarms']> => {
  const names = app.rollback?.alarms ?? []
  if (names.length === 0) return succeed([])
  try {
    return succeed(await describeAlarms(names))
  } catch (error) {
    if (!(error instanceof Retryable)) throw error
    const message = 'the alarms could not be asked for; ask again in a minute'
    return fail({ reason: 'no_answer', message })
  }
}

/** Asks everything there is to ask of an app as a whole. */
export const gatherFacts = async (
  ports: PlanPorts,
  app: App,
  wanted: RevisionId | null,
): Promise<AppFacts> => {
  const head = await ports.heads.load(app.name)
  const chosen = await chooseRevision(ports, head, wanted)
  const [secret, registry, alarms, seen] = await Promise.all([
    app.secrets === null ? null : ports.readSecretKeys(app, app.secrets),
    app.registry === null ? null : ports.checkLogin(app, app.registry),
    describeTarget(ports, app),
    ports.seen.load(app.name),
  ])
  const image = registry?.ok === false ? null : await lookUpForPlan(ports, app, head, chosen)
  const now = toInstant(ports.clock())
  return {
    app,
    head,
    chosen,
    secret,
    registry,
    image,
    alarms,
    seen,
    hooks: ports.hooksOf(app),
    now,
  }
}
