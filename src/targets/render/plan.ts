import type { App, RenderSettings } from '../../deployment/app.ts'
import { hasLogin } from '../../registry/login.ts'
import type { Serving } from '../../deployment/deployment.ts'
import type { InstancePlan } from '../../deployment/plan.ts'
import { InstanceId } from '../../kernel/id.ts'
import { succeed, type Result } from '../../kernel/result.ts'
import { toDrift, toProblem, toWarning, type TargetFinding } from '../findings.ts'
import type { LookOrder, PlannedTarget } from '../target.ts'
import type { FromRender, RenderFailure, RenderPorts } from './api.ts'
import { isDeployOver, listDeploys, readDigest, type Deploy } from './deploys.ts'
import {
  createRenderSelection,
  findUnsuitable,
  nameImage,
  readService,
  type Service,
} from './service.ts'
import { findChanges, type VariableChanges } from './variables.ts'

type ViewPorts = Pick<RenderPorts, 'open' | 'readSecret'>

/** A service as it is now. */
interface ServiceSight {
  readonly service: Service
  readonly deploys: readonly Deploy[]
  /** The digest that serves; null if nothing does, or no digest is known. */
  readonly digest: string | null
  /** Null if they are left to Render, or the app's secret cannot be read. */
  readonly variables: VariableChanges | null
}

const look = async (
  { open, readSecret }: ViewPorts,
  settings: RenderSettings,
  { app }: LookOrder,
): FromRender<ServiceSight> => {
  const ask = open(settings, 20_000)
  const service = await readService(ask)
  if (!service.ok) return service
  const deploys = await listDeploys(ask)
  if (!deploys.ok) return deploys
  // A secret that cannot be read is a finding of its own.
  const variables =
    settings.env === 'leave' ? succeed(null) : await findChanges(readSecret, ask, app, null)
  if (!variables.ok) return variables
  const live = deploys.value.find(({ status }) => status === 'live')
  return succeed({
    service: service.value,
    deploys: deploys.value,
    digest: live === undefined ? null : readDigest(live),
    variables: variables.value,
  })
}

const describeVariables = (
  variables: VariableChanges | null,
  env: RenderSettings['env'],
): string => {
  if (env === 'leave') return 'its variables are left to Render'
  if (variables === null) return 'its variables could not be compared'
  const { changed, others } = variables
  const set = changed.length === 0 ? 'no variable is to be set' : `to be set: ${changed.join(', ')}`
  return others.length === 0
    ? set
    : `${set}; left alone, and not in landfall.yml: ${others.join(', ')}`
}

const findOnService = (
  app: App,
  settings: RenderSettings,
  { service, deploys, digest, variables }: ServiceSight,
  live: Serving | null,
): readonly TargetFinding[] => {
  const unsuitable = findUnsuitable(service, app)
  if (unsuitable !== null)
    return [toProblem('service', 'service_unsuitable', `${service.name}: ${unsuitable}`)]
  const lacksCredential = hasLogin(app) && (service.registryCredential ?? null) === null
  const credential =
    'Landfall logs in for the image, but the service has no login: a private image needs a registry credential at Render too (Settings, Image, Credential)'
  const message = `${service.name} runs ${nameImage(app.image)}; ${describeVariables(variables, settings.env)}`
  return [
    ...(lacksCredential ? [toWarning('registry', credential, 'registry_unauthorized')] : []),
    ...deploys
      .filter((one) => !isDeployOver(one))
      .map(({ id, status, trigger }) =>
        toWarning(
          'deploy',
          `${id} (${trigger ?? 'unknown trigger'}) is in progress at Render (${status}); a deployment replaces it`,
        ),
      ),
    ...(live === null || digest === live.digest ? [] : [toDrift(digest, live)]),
    { level: 'fine', what: 'service', message },
  ]
}

const toSteps = (
  { app, digest }: LookOrder,
  { service, variables }: ServiceSight,
): readonly string[] => {
  const changed = variables?.changed ?? []
  const path = service.serviceDetails?.healthCheckPath
  const checks =
    typeof path === 'string' && path !== ''
      ? `asks ${path}`
      : 'waits for its port, because no health check path is set there,'
  return [
    ...(changed.length === 0 ? [] : [`set ${changed.join(', ')} at Render`]),
    `deploy ${nameImage(app.image)}${digest === null ? '' : `@${digest}`}`,
    `wait until it is live: Render starts it beside the one that serves, ${checks} and switches to it`,
  ]
}

const toPlan = (
  { id, wave }: Pick<InstancePlan, 'id' | 'wave'>,
  order: LookOrder,
  seen: Result<ServiceSight, RenderFailure>,
  live: Serving | null,
): InstancePlan => {
  const sight = seen.ok ? seen.value : null
  const isSuitable = sight !== null && findUnsuitable(sight.service, order.app) === null
  return {
    id,
    name: sight?.service.name ?? null,
    target: order.target,
    wave,
    online: sight !== null && sight.service.suspended !== 'suspended',
    agent: null,
    docker: null,
    serving: live !== null && sight?.digest === live.digest ? live : null,
    owner: null,
    proxy: null,
    freeMegabytes: null,
    freeMemoryMegabytes: null,
    would: isSuitable ? toSteps(order, sight) : [],
  }
}

/** A service of Render as `plan` reads it. */
export const createRenderView = (ports: ViewPorts, settings: RenderSettings): PlannedTarget => ({
  ...createRenderSelection(settings),
  look: async (order) => {
    const id = InstanceId.parse(settings.service)
    const seen = await look(ports, settings, order)
    const find = (live: Serving | null): readonly TargetFinding[] => {
      if (seen.ok) return findOnService(order.app, settings, seen.value, live)
      const { kind, reason, why } = seen.error
      return [
        toProblem('service', reason, kind === 'refused' ? why : `${why}; try again in a minute`),
      ]
    }
    return {
      plan: ({ opened, live }) => ({
        instances: opened.map(({ wave }) => toPlan({ id, wave }, order, seen, live)),
        findings: find(live).map((one) => ({ ...one, instance: id })),
      }),
    }
  },
})
