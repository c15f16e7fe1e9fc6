import type { App, Promotion, TargetSettings } from '../deployment/app.ts'
import { needsPerson } from '../deployment/choose.ts'
import { liveRelease, type Head } from '../deployment/head.ts'
import type { ImageRefusal, PlatformImage, Revision } from '../deployment/revision.ts'
import type { KnownRepository } from '../deployment/repository.ts'
import type { SeenNames } from '../deployment/seen-names.ts'
import type { HookKind, SeenHooks } from '../deployment/seen.ts'
import { toInstant, type Clock, type Instant } from '../kernel/clock.ts'
import { Commit, Digest, type RevisionId } from '../kernel/id.ts'
import { fail, succeed, type Result } from '../kernel/result.ts'
import { Denied } from '../kernel/denied.ts'
import { Retryable } from '../kernel/retryable.ts'
import type { PlannedTarget } from '../targets/target.ts'
import type { Heads, Labels, Repositories, Revisions, Seen, SeenNameRecords } from './journal.ts'
import { findImage, toTag } from './find-image.ts'
import type { OpeningPorts } from './gather-opening.ts'
import type { Images, LookUpFailure } from './ports.ts'
import { listLiveOn } from './promotion.ts'

/** The revision that the plan is for: the requested one, the newest waiting one, the live one, or none yet. */
export interface Chosen {
  readonly from: 'input' | 'waiting' | 'live' | 'nothing'
  readonly id: RevisionId | null
  readonly commit: Commit | null
  /** As the journal has it. */
  readonly known: Revision | null
}

interface AlarmState {
  readonly name: string
  readonly state: string
}

export interface AppFacts {
  readonly stage: string
  readonly app: App
  readonly head: Head
  readonly chosen: Chosen
  /** The names of its keys; null where the app names no secret. */
  readonly secret: Result<readonly string[], LookUpFailure> | null
  /** Whether the credentials can be used; null where the app names none. */
  readonly registry: Result<null, LookUpFailure> | null
  /** Null where the credentials for asking are missing. */
  readonly image: {
    readonly reference: string
    readonly found: Result<Digest, Pick<ImageRefusal, 'reason' | 'message'>>
  } | null
  /** Of an image that no instance is known to have. */
  readonly platforms: readonly PlatformImage[]
  /** What the tag of the live commit names by now; null where that is the live image, or not known. */
  readonly moved: { readonly commit: Commit; readonly digest: Digest } | null
  /** Where the image of a revision that waits for a person is live already; null where it needs none. */
  readonly liveOn: readonly Promotion[] | null
  /** Or why they are not known: no deployment fails for that. */
  readonly alarms: Result<readonly AlarmState[], string>
  /** How many functions the account may run at a time, null where AWS leaves it out; or why it is not known. */
  readonly concurrency: Result<number | null, string>
  readonly seen: SeenHooks
  readonly names: SeenNames
  readonly repository: KnownRepository | null
  /** The webhook events that the app needs, each with its name for people: `GitHub: Pushes`. */
  readonly hooks: readonly { readonly kind: HookKind; readonly event: string }[]
  readonly now: Instant
}

/** None of these can write. */
export interface PlanPorts extends OpeningPorts {
  readonly stage: string
  readonly apps: readonly App[]
  readonly heads: Pick<Heads, 'load'>
  readonly revisions: Pick<Revisions, 'load' | 'loadWaiting'>
  readonly seen: Seen & SeenNameRecords
  readonly repositories: Repositories
  /** The names of the keys of the app's secret, if a container could be given it as it is. */
  readonly readSecretKeys: (
    app: App,
    secret: string,
  ) => Promise<Result<readonly string[], LookUpFailure>>
  readonly checkLogin: (app: App, secret: string) => Promise<Result<null, LookUpFailure>>
  readonly images: Pick<Images, 'findDigest' | 'findCommit' | 'checkPlatforms'>
  readonly labels: Pick<Labels, 'load'>
  readonly describeAlarms: (names: readonly string[]) => Promise<readonly AlarmState[]>
  readonly readConcurrency: () => Promise<number | null>
  readonly hooksOf: (app: App) => AppFacts['hooks']
  readonly toTarget: (settings: TargetSettings) => PlannedTarget
  readonly clock: Clock
}

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
  const waiting = await revisions.loadWaiting(head.app)
  const [known] = waiting.toSorted((a, b) => b.firstSeenAt.localeCompare(a.firstSeenAt))
  if (known !== undefined) return { from: 'waiting', id: known.id, commit: known.commit, known }
  const live = liveRelease(head)
  return live === null
    ? { from: 'nothing', id: null, commit: null, known: null }
    : { from: 'live', id: live.revision, commit: live.commit, known: null }
}

/** The image of the revision, as reconcile would find it; the live one by its digest. */
const lookUpImage = async (
  ports: PlanPorts,
  app: App,
  head: Head,
  { from, id, commit }: Chosen,
): Promise<AppFacts['image']> => {
  if (id !== null && commit !== null && from !== 'live') {
    // Only reconcile keeps the labels that it reads.
    const labels = { load: ports.labels.load, record: () => Promise.resolve() }
    const found = await findImage({ ...ports, labels }, app, commit)
    return { reference: `${app.image}:${toTag(app, commit)}`, found }
  }
  const live = from === 'live' ? liveRelease(head)?.digest : undefined
  // Without a revision, the answer tells whether the registry can be asked at all.
  const name = live ?? id ?? toTag(app, 'latest')
  const reference = `${app.image}${Digest.safeParse(name).success ? '@' : ':'}${name}`
  return { reference, found: await ports.images.findDigest(app, name) }
}

const lookUpPlatforms = async (
  { images }: PlanPorts,
  app: App,
  { releases }: Head,
  image: AppFacts['image'],
): Promise<AppFacts['platforms']> => {
  const digest = image?.found.ok === true ? image.found.value : null
  if (digest === null || releases.some((kept) => kept.digest === digest)) return []
  return images.checkPlatforms(app, digest)
}

/** A tag that carries the commit may be pushed again after its image is live. By HEAD, which no quota counts. */
const lookUpMoved = async (
  { images }: PlanPorts,
  app: App,
  head: Head,
  { from, commit }: Chosen,
): Promise<AppFacts['moved']> => {
  const live = liveRelease(head)?.digest
  if (from !== 'live' || commit === null || !app.tag.includes('{commit}')) return null
  const found = await images.findDigest(app, toTag(app, commit))
  return found.ok && found.value !== live ? { commit, digest: found.value } : null
}

/** The answer of AWS, or why there is none. */
const askAws = async <Value>(ask: () => Promise<Value>): Promise<Result<Value, string>> => {
  try {
    return succeed(await ask())
  } catch (error) {
    if (error instanceof Denied) return fail(error.message)
    if (!(error instanceof Retryable)) throw error
    return fail('AWS did not answer; ask again in a minute')
  }
}

const lookUpLiveOn = async (
  { heads, apps }: PlanPorts,
  app: App,
  { from, known }: Chosen,
  image: AppFacts['image'],
): Promise<AppFacts['liveOn']> =>
  from === 'waiting' && known !== null && needsPerson(app, known)
    ? listLiveOn(heads, apps, app, image?.found.ok === true ? image.found.value : null)
    : null

/** Looks up everything about an app as a whole; the instances are its targets' business. */
export const gatherFacts = async (
  ports: PlanPorts,
  app: App,
  wanted: RevisionId | null,
): Promise<AppFacts> => {
  const head = await ports.heads.load(app.name)
  const chosen = await chooseRevision(ports, head, wanted)
  const alarmNames = app.rollback?.alarms ?? []
  const [secret, registry, alarms, concurrency, seen, names, repository] = await Promise.all([
    app.secrets === null ? null : ports.readSecretKeys(app, app.secrets),
    app.registry === null ? null : ports.checkLogin(app, app.registry),
    alarmNames.length === 0 ? succeed([]) : askAws(() => ports.describeAlarms(alarmNames)),
    askAws(ports.readConcurrency),
    ports.seen.load(app.name),
    ports.seen.loadNames(app.name),
    ports.repositories.load(app.name),
  ])
  const image = registry?.ok === false ? null : await lookUpImage(ports, app, head, chosen)
  const platforms = await lookUpPlatforms(ports, app, head, image)
  const moved = registry?.ok === false ? null : await lookUpMoved(ports, app, head, chosen)
  const liveOn = await lookUpLiveOn(ports, app, chosen, image)
  const hooks = ports.hooksOf(app)
  const now = toInstant(ports.clock())
  const { stage } = ports
  const asked = { secret, registry, image, platforms, moved, liveOn, alarms, concurrency }
  return { stage, app, head, chosen, ...asked, seen, names, repository, hooks, now }
}
