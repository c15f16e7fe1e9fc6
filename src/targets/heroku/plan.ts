import type { HerokuSettings } from '../../deployment/app.ts'
import type { Serving } from '../../deployment/deployment.ts'
import type { InstancePlan, PlanContext } from '../../deployment/plan.ts'
import { Retryable, unlessRetryable } from '../../kernel/retryable.ts'
import { succeed, type Result } from '../../kernel/result.ts'
import { readAppEnvironment } from '../../secrets/app-secret.ts'
import { findHealthChange, toDrift, toProblem, toWarning, type TargetFinding } from '../findings.ts'
import type { LookOrder, PlannedTarget } from '../target.ts'
import type { FromHeroku } from './api.ts'
import type { ServiceFailure } from '../api-key.ts'
import {
  createHerokuSelection,
  findUnsuitableApp,
  readApp,
  readFormation,
  readPreboot,
  toInstanceId,
  type Formation,
  type HerokuApp,
} from './app.ts'
import type { HerokuPorts } from './ports.ts'
import { describeRelease, findStranger, listReleases, type ReleaseOfApp } from './releases.ts'
import { listChanged, listOthers, readVariables } from './variables.ts'

type HerokuViewPorts = Pick<HerokuPorts, 'open' | 'readSecret'> & {
  readonly records: Pick<HerokuPorts['records'], 'loadDeploy'>
}

/** An app of Heroku as it is now. */
interface AppSight {
  readonly app: HerokuApp
  readonly formation: Formation
  readonly hasPreboot: boolean
  readonly releases: readonly ReleaseOfApp[]
  /** Null if they are left to Heroku, or the app's secret cannot be read. */
  readonly variables: {
    readonly changed: readonly string[]
    readonly others: readonly string[]
  } | null
  /** A release of other code since the newest order of Landfall. */
  readonly stranger: ReleaseOfApp | null
}

const compareConfig = async (
  ask: ReturnType<HerokuPorts['open']>,
  { readSecret }: HerokuViewPorts,
  settings: HerokuSettings,
  { app }: LookOrder,
): FromHeroku<AppSight['variables']> => {
  if (settings.env === 'leave') return succeed(null)
  const environment = await readAppEnvironment(readSecret, app, null).catch(unlessRetryable)
  // A secret that cannot be read is a finding of its own.
  if (environment instanceof Retryable || !environment.ok) return succeed(null)
  const there = await readVariables(ask)
  if (!there.ok) return there
  const { value } = environment
  return succeed({
    changed: listChanged(there.value, value),
    others: listOthers(there.value, value),
  })
}

const lookAtApp = async (
  ports: HerokuViewPorts,
  settings: HerokuSettings,
  order: LookOrder,
): FromHeroku<AppSight> => {
  const ask = ports.open(settings, 20_000)
  const app = await readApp(ask)
  if (!app.ok) return app
  const formation = await readFormation(ask)
  if (!formation.ok) return formation
  const preboot = await readPreboot(ask)
  if (!preboot.ok) return preboot
  const releases = await listReleases(ask)
  if (!releases.ok) return releases
  const variables = await compareConfig(ask, ports, settings, order)
  if (!variables.ok) return variables
  const deploy = await ports.records.loadDeploy(settings)
  return succeed({
    app: app.value,
    formation: formation.value,
    hasPreboot: preboot.value,
    releases: releases.value,
    variables: variables.value,
    stranger:
      deploy === null ? null : findStranger(releases.value, deploy.version ?? deploy.before, null),
  })
}

const describeConfig = ({ variables }: AppSight, { env }: HerokuSettings): string => {
  if (env === 'leave') return 'its config vars are left to Heroku'
  if (variables === null) return 'its config vars could not be compared'
  const { changed, others } = variables
  const set =
    changed.length === 0 ? 'no config var is to be set' : `to be set: ${changed.join(', ')}`
  return others.length === 0
    ? set
    : `${set}; left alone, and not in landfall.yml: ${others.join(', ')}`
}

/** Whether users notice a release. */
const findGap = (
  { formation, hasPreboot }: AppSight,
  { process, app }: HerokuSettings,
): TargetFinding[] => {
  const own = formation.find(({ type }) => type === process)
  // Heroku itself scales `web` to one with the first release, and no other process type.
  if (own === undefined ? process !== 'web' : own.quantity === 0) {
    const scale = `heroku ps:scale ${process}=1 --app ${app}`
    const why = `no dyno of ${process} is scaled, so a release fails: ${scale}`
    return [toWarning('dynos', why, 'unhealthy')]
  }
  const canPreboot = own !== undefined && !/^(eco|basic|free|hobby)$/i.test(own.size)
  if (own === undefined || process !== 'web' || (canPreboot && hasPreboot)) return []
  const why = canPreboot
    ? `preboot is off: heroku features:enable preboot --app ${app}`
    : `${own.size} dynos have no preboot`
  const gap =
    'Heroku stops the old dyno before the new one answers, and requests in between fail or wait'
  return [toWarning('dynos', `${why}; ${gap}`)]
}

const findAtApp = (
  settings: HerokuSettings,
  sight: AppSight,
  live: Serving | null,
): readonly TargetFinding[] => {
  const { app, releases, stranger } = sight
  const unsuitable = findUnsuitableApp(app)
  if (unsuitable !== null)
    return [toProblem('app', 'service_unsuitable', `${app.name}: ${unsuitable}`)]
  const pending = releases.find(({ status }) => status === 'pending')
  const message = `${app.name} runs on the container stack; ${describeConfig(sight, settings)}`
  return [
    ...(pending === undefined
      ? []
      : [
          toWarning(
            'release',
            `${describeRelease(pending)} is in progress at Heroku; a deployment waits for it`,
          ),
        ]),
    ...(live === null || stranger === null ? [] : [toDrift(describeRelease(stranger), live)]),
    ...findGap(sight, settings),
    { level: 'fine', what: 'app', message },
  ]
}

const describeSteps = (
  { process, release, health, app }: HerokuSettings,
  { digest }: LookOrder,
  { variables }: AppSight,
): readonly string[] => {
  const changed = variables?.changed ?? []
  return [
    `bring the linux/amd64 image of ${digest ?? 'the tag'} to ${app}/${process} of Heroku's registry, where it is not there`,
    ...(changed.length === 0
      ? []
      : [
          `set ${changed.join(', ')} at Heroku, which restarts the dynos of the release before: the dynos restart twice`,
        ]),
    ...(release === null
      ? []
      : [`run ${release.join(' ')} as the release phase; if it fails, nothing changes`]),
    `release it: the dynos of ${process} restart`,
    ...(process === 'web'
      ? [`wait until they are up and GET ${health.path} passes ${health.times} times; else go back`]
      : ['wait until they are up; else go back']),
  ]
}

const toAppPlan = (
  { id, wave }: Pick<InstancePlan, 'id' | 'wave'>,
  order: LookOrder,
  settings: HerokuSettings,
  seen: Result<AppSight, ServiceFailure>,
  live: Serving | null,
): InstancePlan => {
  const sight = seen.ok ? seen.value : null
  const isSuitable = sight !== null && findUnsuitableApp(sight.app) === null
  return {
    id,
    name: sight?.app.name ?? null,
    target: order.target,
    wave,
    online: sight !== null,
    agent: null,
    docker: null,
    serving: sight === null || sight.stranger !== null ? null : live,
    owner: null,
    proxy: null,
    freeMegabytes: null,
    freeMemoryMegabytes: null,
    would: isSuitable ? describeSteps(settings, order, sight) : [],
  }
}

const compareAppHealth = (
  { process, health }: HerokuSettings,
  before: PlanContext['before'],
): readonly TargetFinding[] =>
  process !== 'web' || before?.kind !== 'heroku'
    ? []
    : findHealthChange(health, before.health, { followed: true })

/** An app of Heroku as `plan` reads it. */
export const createHerokuView = (
  ports: HerokuViewPorts,
  settings: HerokuSettings,
): PlannedTarget => ({
  ...createHerokuSelection(settings),
  look: async (order) => {
    const id = toInstanceId(settings.app)
    const seen = await lookAtApp(ports, settings, order)
    const find = (live: Serving | null): readonly TargetFinding[] => {
      if (seen.ok) return findAtApp(settings, seen.value, live)
      const { kind, reason, why } = seen.error
      return [toProblem('app', reason, kind === 'refused' ? why : `${why}; try again in a minute`)]
    }
    return {
      plan: ({ opened, live, before }) => ({
        instances: opened.map(({ wave }) => toAppPlan({ id, wave }, order, settings, seen, live)),
        findings: [...compareAppHealth(settings, before), ...find(live)].map((one) => ({
          ...one,
          instance: id,
        })),
      }),
    }
  },
})
