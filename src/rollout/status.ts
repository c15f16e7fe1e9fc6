import type * as z from 'zod'
import type { AppAnswer, AppsAnswer } from '../answers/status.ts'
import type { ProxyImages, Renewals } from '../deployment/proxy.ts'
import { toInstant, type Clock } from '../kernel/clock.ts'
import type { Generation, RevisionId } from '../kernel/id.ts'
import type { App } from '../deployment/app.ts'
import { isRepair } from '../deployment/deployment.ts'
import { explainWaiting } from '../deployment/explain-waiting.ts'
import type { Head, ObservedInstance } from '../deployment/head.ts'
import type { ReleaseName } from '../deployment/observation.ts'
import type { PendingNotice } from '../deployment/notice.ts'
import { originOf } from '../deployment/origin.ts'
import { knownOf } from '../deployment/repository.ts'
import type { Revision } from '../deployment/revision.ts'
import type { SeenHooks } from '../deployment/seen.ts'
import type { Heads, History, Repositories, Revisions, Seen } from './journal.ts'
import { answerForAny, refuseOrder } from './operator.ts'
import { showMoved } from './moved-tags.ts'
import { listLiveOn, renderRedeploy } from './promotion.ts'
import { showRenewal } from './renewal.ts'
import { showDeployment, showRelease } from './show-deployment.ts'
import type { StatusViews } from './status-views.ts'

interface StatusPorts {
  readonly stage: string
  readonly apps: readonly App[]
  readonly heads: Heads
  readonly revisions: Revisions
  readonly history: History
  readonly seen: Seen
  readonly repositories: Repositories
  readonly proxyImages: Pick<ProxyImages, 'load'>
  readonly renewals: Pick<Renewals, 'load'>
  readonly clock: Clock
}

const shownDeployments = 5

/** Where the image of a revision that waits for a person is live already, and the call that brings it out. */
const showManual = async (
  { stage, heads, apps }: StatusPorts,
  app: App,
  { id, digest }: Revision,
) => {
  const liveOn = await listLiveOn(heads, apps, app, digest)
  return { liveOn, bringOut: renderRedeploy(stage, app.name, id, liveOn) }
}

const showWaiting = async (
  ports: StatusPorts,
  head: Head,
  app: App,
  revision: Revision,
  seen: SeenHooks,
) => {
  const explained = explainWaiting(head, app, revision, seen, toInstant(ports.clock()))
  return {
    revision: revision.id,
    since: revision.waitingSince,
    origin: originOf(app, revision),
    ...explained,
    ...(explained.reason === 'manual' && (await showManual(ports, app, revision))),
    // Why the look-up of missing evidence on GitHub failed.
    ...(revision.lookedUp?.trouble && { github: revision.lookedUp.trouble }),
  }
}

/** `serves` is null where it is unknown or not the ordered release; `reason` says why. */
const showInstance = ({ id, generation, at, reason }: ObservedInstance) => ({
  id,
  serves: generation,
  asOf: at,
  reason,
})

const showNotice = ({ id, at, sentTo: told, tries, dueAt }: PendingNotice) => ({
  id,
  at,
  told,
  tries,
  dueAt,
})

/** Everything that holds a deployment up or takes it back. */
const showHolds = (head: Head) => ({
  request: head.request,
  takeBack: head.rollback,
  frozen: head.freeze,
  quarantine: head.quarantine.map((entry) =>
    typeof entry === 'string'
      ? entry
      : { digest: entry.digest, secretVersion: entry.secretVersion, env: Object.keys(entry.env) },
  ),
  alarmsUntil: head.alarmsUntil,
})

/** What is told of the app's repository, besides its id. */
const showRepository = async ({ repositories }: StatusPorts, app: App) => {
  const known = knownOf(app, await repositories.load(app.name))
  return known && { id: known.id, renamed: known.renamed, refused: known.refused }
}

/** The live release, the open deployment, the waiting revisions with their reasons, and the history. */
const showApp = async (ports: StatusPorts, app: App): Promise<AppAnswer> => {
  const { name } = app
  const head = await ports.heads.load(name)
  const waiting = await ports.revisions.loadWaiting(name)
  const seen = await ports.seen.load(name)
  const history = await ports.history.loadDeployments(name, shownDeployments)
  // A repair continues a deployment that is in the history.
  const repair = isRepair(head.deployment) ? head.deployment : null
  const deployment = repair === null ? head.deployment : null
  const earlier = history.filter(({ generation }) => generation !== deployment?.generation)
  const shown = deployment === null ? earlier : [deployment, ...earlier]
  const deployments = await Promise.all(
    shown.map(async (one) =>
      showDeployment(one, await ports.history.loadSteps(name, one.generation)),
    ),
  )
  const [live = null, before = null] = head.releases.map(showRelease)
  return {
    app: name,
    live,
    before,
    releases: head.releases.map(showRelease),
    open: deployment === null ? null : deployment.generation,
    instances: head.observed
      .toSorted((one, other) => one.id.localeCompare(other.id))
      .map(showInstance),
    converging: repair?.instances.map(({ id }) => id) ?? [],
    waiting: await Promise.all(
      waiting.map((revision) => showWaiting(ports, head, app, revision, seen)),
    ),
    moved: await showMoved(ports, app, head, waiting),
    repository: await showRepository(ports, app),
    ...showHolds(head),
    owed: head.notices.map(showNotice),
    operations: head.operations,
    deployments,
  }
}

const showStage = async ({ proxyImages, renewals }: StatusPorts) => {
  const [proxy, renewed] = await Promise.all([proxyImages.load(), renewals.load()])
  return { proxy, renewal: renewed && showRenewal(renewed.renewal) }
}

/** Each app, with what the stage has for all of them: that is read once. */
export const createStatus =
  (ports: StatusPorts) =>
  async (apps: readonly App[]): Promise<AppsAnswer['apps']> => {
    const [ofStage, shown] = await Promise.all([
      showStage(ports),
      Promise.all(apps.map((app) => showApp(ports, app))),
    ])
    return shown.map((one) => ({ ...one, ...ofStage }))
  }

/** `view` asks for less than all, in fewer reads. */
interface StatusInput {
  readonly app?: string | undefined
  readonly revision?: RevisionId | undefined
  readonly view?: keyof StatusViews | undefined
  /** Of the `history`. */
  readonly limit: number
  /** Of the `deployment`. */
  readonly generation?: Generation | undefined
  /** Of the `rollback`. */
  readonly to?: ReleaseName | undefined
}

interface StatusServices {
  readonly apps: readonly App[]
  readonly status: ReturnType<typeof createStatus>
  readonly views: StatusViews
  readonly revisions: Pick<Revisions, 'load'>
}

const answerView = (
  app: App,
  { view, limit, generation, to }: StatusInput,
  { views }: StatusServices,
) => {
  switch (view) {
    case 'progress':
      return views.progress(app)
    case 'history':
      return views.history(app, limit)
    case 'rollback':
      return views.rollback(app, to ?? null)
    case 'deployment':
      return generation === undefined
        ? refuseOrder('input_invalid', 'generation: name the deployment')
        : views.deployment(app, generation)
    case 'settings':
    case undefined:
      return views.settings([app])
  }
}

/** One app, or all of them; or one of an app's revisions, with its outcome and all its evidence; or a view. */
export const answerStatus = (
  schema: z.ZodType<StatusInput>,
  given: unknown,
  load: () => StatusServices,
): Promise<unknown> =>
  answerForAny(schema, given, load, async (app, input, services) => {
    const { apps, status, views, revisions } = services
    const { revision, view } = input
    if (app === null)
      return view === undefined ? { apps: await status(apps) } : views.settings(apps)
    if (view !== undefined) return answerView(app, input, services)
    if (revision === undefined) return (await status([app]))[0]
    return (await revisions.load(app.name, revision)) ?? refuseOrder('revision_unknown')
  })
