import type {
  DeploymentAnswer,
  HistoryAnswer,
  ProgressAnswer,
  RollbackView,
  SettingsAnswer,
} from '../answers/status.ts'
import type { App } from '../deployment/app.ts'
import { isRepair, type Deployment } from '../deployment/deployment.ts'
import { liveRelease, type Head } from '../deployment/head.ts'
import { openDeployment, releaseToBringBack } from '../deployment/operate.ts'
import type { ReleaseName } from '../deployment/observation.ts'
import { decide, evolve } from '../deployment/transition.ts'
import { toInstant, type Clock } from '../kernel/clock.ts'
import type { Generation } from '../kernel/id.ts'
import type { Heads, History } from './journal.ts'
import { refuseOrder, type Refusal } from './operator.ts'
import {
  hasRunPredeploy,
  predeployOf,
  showDeployment,
  showEntry,
  showRelease,
} from './show-deployment.ts'

interface StatusViewPorts {
  readonly heads: Pick<Heads, 'load'>
  readonly history: Pick<History, 'loadDeployment' | 'loadDeployments' | 'loadSteps'>
  readonly clock: Clock
}

/** The deployment in the head, open or ended just now; a repair has no number of its own. */
const newestIn = ({ deployment }: Head): Deployment | null =>
  isRepair(deployment) ? null : deployment

const showProgress = async (
  { heads, history }: StatusViewPorts,
  { name }: App,
): Promise<ProgressAnswer> => {
  const head = await heads.load(name)
  const deployment = newestIn(head)
  const live = liveRelease(head)
  return {
    app: name,
    version: head.version,
    generation: head.generation,
    live: live && showRelease(live),
    frozen: head.freeze,
    request: head.request,
    takeBack: head.rollback,
    deployment:
      deployment &&
      showDeployment(deployment, await history.loadSteps(name, deployment.generation)),
  }
}

const showHistory = async (
  { heads, history }: StatusViewPorts,
  { name }: App,
  limit: number,
): Promise<HistoryAnswer> => {
  const newest = newestIn(await heads.load(name))
  const earlier = await history.loadDeployments(name, limit)
  const others = earlier.filter(({ generation }) => generation !== newest?.generation)
  const all = newest === null ? others : [newest, ...others]
  return { app: name, deployments: all.slice(0, limit).map(showEntry) }
}

const showOne = async (
  { heads, history }: StatusViewPorts,
  { name }: App,
  generation: Generation,
): Promise<DeploymentAnswer | Refusal> => {
  const newest = newestIn(await heads.load(name))
  const deployment =
    newest?.generation === generation ? newest : await history.loadDeployment(name, generation)
  return deployment === null
    ? refuseOrder('deployment_unknown')
    : showDeployment(deployment, await history.loadSteps(name, generation))
}

/** Decided as `rollback` decides it, on a head that is not written. */
const showWouldRollBack = async (
  { heads, clock }: StatusViewPorts,
  { name }: App,
  to: ReleaseName | null,
): Promise<RollbackView | Refusal> => {
  const head = await heads.load(name)
  const now = toInstant(clock())
  const command = { kind: 'rollback', to } as const
  const decided = decide(head, { kind: 'operated', command, by: 'status', id: 'status' }, now)
  if (!decided.ok) return refuseOrder(decided.error)
  const open = openDeployment(head)
  const left = open?.release ?? liveRelease(head)
  if (left === null) return refuseOrder('nothing_live')
  const next = evolve(head, decided.value, now)
  const aim = open === null ? releaseToBringBack(next) : liveRelease(next)
  const hasRun = open === null || hasRunPredeploy(open)
  return {
    app: name,
    takesBack: {
      ...showRelease(left),
      // A redeploy of the live release has a number of its own.
      generation: open?.generation ?? left.generation,
      predeploy: hasRun ? predeployOf(left) : null,
    },
    to: aim && showRelease(aim),
  }
}

const showSettings = (app: App): SettingsAnswer => ({
  app: app.name,
  repository: app.repository,
  branch: app.branch,
  image: app.image,
  tag: app.tag,
  environment: app.environment,
  deploy: app.deploy,
  requires: app.requires,
  env: Object.keys(app.env),
  secrets: app.secrets,
  targets: app.targets.map(({ key }) => key),
})

/** What `status` is asked for with a `view`, each in a few reads; `settings` is read of landfall.yml alone. */
export const createViews = (ports: StatusViewPorts) => ({
  progress: (app: App) => showProgress(ports, app),
  history: (app: App, limit: number) => showHistory(ports, app, limit),
  deployment: (app: App, generation: Generation) => showOne(ports, app, generation),
  rollback: (app: App, to: ReleaseName | null) => showWouldRollBack(ports, app, to),
  settings: (apps: readonly App[]) => ({ apps: apps.map(showSettings) }),
})

export type StatusViews = ReturnType<typeof createViews>
