import { createHash } from 'node:crypto'
import type { App } from '../deployment/app.ts'
import { hasEnded, isRepair, type Deployment, type Ended } from '../deployment/deployment.ts'
import { explainWaiting } from '../deployment/explain-waiting.ts'
import { liveRelease, type Head } from '../deployment/head.ts'
import { originOf } from '../deployment/origin.ts'
import type { StepRecord } from '../deployment/step.ts'
import { secondsBetween, toInstant, type Clock, type Instant } from '../kernel/clock.ts'
import type { AppName, Generation, RevisionId } from '../kernel/id.ts'
import type { Origin } from '../kernel/origin.ts'
import type { Heads, History, Past, Revisions, Seen } from '../rollout/journal.ts'

export interface PagePorts {
  readonly apps: readonly App[]
  readonly heads: Pick<Heads, 'load'>
  readonly revisions: Pick<Revisions, 'loadWaiting'>
  readonly seen: Seen
  readonly past: Past
  readonly history: Pick<History, 'loadSteps'>
  readonly clock: Clock
}

/** One app on the page of all apps. */
export interface AppLine {
  readonly app: AppName
  readonly head: Head
}

/** A waiting commit and what it lacks, or why it waits although it lacks nothing. */
export interface WaitingLine {
  readonly id: RevisionId
  readonly since: Instant
  readonly origin: Origin | null
  readonly lacks: readonly string[]
  readonly reason: string | null
}

export interface AppModel {
  readonly app: App
  readonly head: Head
  /** The open one, or one that has ended and is not in the history yet; a repair is none. */
  readonly open: Deployment | null
  readonly steps: readonly StepRecord[]
  readonly waiting: readonly WaitingLine[]
  /** The newest first. */
  readonly history: readonly Ended[]
  /** Of the page of older deployments: below this number. */
  readonly before: Generation | null
  readonly hasOlder: boolean
  /** How long the last deployment took that succeeded. */
  readonly lastSeconds: number | null
}

export interface DeploymentModel {
  readonly app: App
  readonly head: Head
  readonly deployment: Deployment
  readonly steps: readonly StepRecord[]
}

export const rowsOfHistory = 20

/** One read for each app. */
export const readOverview = async ({ apps, heads }: PagePorts): Promise<readonly AppLine[]> =>
  Promise.all(apps.map(async ({ name }) => ({ app: name, head: await heads.load(name) })))

const secondsOf = (deployment: Ended | undefined): number | null =>
  deployment === undefined ? null : secondsBetween(deployment.openedAt, deployment.endedAt)

/** The deployment of a head that a person sees as such. */
export const shownDeployment = ({ deployment }: Head): Deployment | null =>
  isRepair(deployment) ? null : deployment

/** Six reads at most: head, what waits (two), what has arrived, history, the open deployment's steps. */
export const readAppModel = async (
  ports: PagePorts,
  app: App,
  before: Generation | null,
): Promise<AppModel> => {
  const { name } = app
  const [head, revisions, seen, found] = await Promise.all([
    ports.heads.load(name),
    ports.revisions.loadWaiting(name),
    ports.seen.load(name),
    ports.past.list(name, rowsOfHistory + 1, before),
  ])
  const open = shownDeployment(head)
  const now = toInstant(ports.clock())
  const steps = open === null ? [] : await ports.history.loadSteps(name, open.generation)
  const waiting = revisions
    .filter(({ id }) => id !== open?.release.revision)
    .map((revision) => ({
      id: revision.id,
      since: revision.waitingSince,
      origin: originOf(app, revision),
      ...explainWaiting(head, app, revision, seen, now),
    }))
    .toSorted((one, other) => other.since.localeCompare(one.since))
  const history = found.slice(0, rowsOfHistory).filter((one) => one.generation !== open?.generation)
  const succeeded = history.find(({ status }) => status === 'succeeded')
  const hasOlder = found.length > rowsOfHistory
  const lastSeconds = secondsOf(succeeded)
  return { app, head, open, steps, waiting, history, before, hasOlder, lastSeconds }
}

/** Three reads. Null where the app never had a deployment of this number, or its record has expired. */
export const readDeployment = async (
  ports: PagePorts,
  app: App,
  generation: Generation,
): Promise<DeploymentModel | null> => {
  const { name } = app
  const [head, ended, steps] = await Promise.all([
    ports.heads.load(name),
    ports.past.load(name, generation),
    ports.history.loadSteps(name, generation),
  ])
  const open = shownDeployment(head)
  const own = open?.generation === generation ? open : null
  const deployment = ended ?? own
  return deployment === null ? null : { app, head, deployment, steps }
}

/** Whether something is under way: then the page is asked for again soon. */
export const isBusy = (head: Head): boolean =>
  (head.deployment !== null && !hasEnded(head.deployment)) ||
  head.request?.refusal === null ||
  head.rollback?.refusal === null

export const isLive = (head: Head, generation: Generation): boolean =>
  liveRelease(head)?.generation === generation

/** The same for the same content, whenever it is rendered: a page shows no time but those of its content. */
export const toEtag = (...content: readonly unknown[]): string =>
  `"${createHash('sha256').update(JSON.stringify(content)).digest('base64url').slice(0, 22)}"`

/** `"a", W/"b"` or `*`, as If-None-Match lists them. */
export const hasEtag = (ifNoneMatch: string, etag: string): boolean =>
  ifNoneMatch.split(',').some((one) => one.trim().replace(/^W\//, '') === etag)
