import type { App, RenderSettings } from '../../deployment/app.ts'
import type { Serving } from '../../deployment/deployment.ts'
import type { Finding, InstancePlan, TargetView } from '../../deployment/plan.ts'
import type { Digest } from '../../kernel/id.ts'
import { InstanceId } from '../../kernel/id.ts'
import type { Reason } from '../../kernel/reason.ts'
import { Retryable, unlessRetryable } from '../../kernel/retryable.ts'
import { succeed, type Result } from '../../kernel/result.ts'
import { readAppEnvironment } from '../../secrets/app-secret.ts'
import type { OpenRender, RenderFailure } from './api.ts'
import { readDigest, isDeployOver, listDeploys, type Deploy } from './deploys.ts'
import type { RenderPorts } from './ports.ts'
import { createRenderSelection } from './select.ts'
import { findUnsuitable, nameImage, readService, type Service } from './service.ts'
import { compareVariables, listVariables, type VariableChanges } from './variables.ts'

interface ViewPorts extends Pick<RenderPorts, 'readSecret'> {
  readonly open: OpenRender
}

interface RenderViewOrder {
  readonly app: App
  readonly settings: RenderSettings
  readonly digest: Digest | null
}

/** A service as it is now. */
interface ServiceSight {
  readonly service: Service
  readonly deploys: readonly Deploy[]
  /** Null where they are left to Render, or the app's secret cannot be read. */
  readonly variables: VariableChanges | null
}

const lookMilliseconds = 20_000

const compare = async (
  { readSecret }: ViewPorts,
  ask: ReturnType<OpenRender>,
  { app, settings }: RenderViewOrder,
): Promise<Result<VariableChanges | null, RenderFailure>> => {
  if (settings.env === 'leave') return succeed(null)
  // What is wrong with the secret is a finding of its own.
  const environment = await readAppEnvironment(readSecret, app, null).catch(unlessRetryable)
  if (environment instanceof Retryable || !environment.ok) return succeed(null)
  const there = await listVariables(ask)
  return there.ok ? succeed(compareVariables(there.value, environment.value)) : there
}

const look = async (
  ports: ViewPorts,
  order: RenderViewOrder,
): Promise<Result<ServiceSight, RenderFailure>> => {
  const ask = ports.open(order.settings, lookMilliseconds)
  const service = await readService(ask)
  if (!service.ok) return service
  const deploys = await listDeploys(ask)
  if (!deploys.ok) return deploys
  const variables = await compare(ports, ask, order)
  if (!variables.ok) return variables
  return succeed({ service: service.value, deploys: deploys.value, variables: variables.value })
}

type FoundService = Omit<Finding, 'instance'>

const toProblem = (what: string, reason: Reason, message: string): FoundService => ({
  level: 'problem',
  what,
  reason,
  message,
})

const toWarning = (what: string, message: string, reason?: Reason): FoundService => ({
  level: 'warning',
  what,
  message,
  ...(reason !== undefined && { reason }),
})

const findCredential = (
  { registry }: App,
  { registryCredential }: Service,
): readonly FoundService[] =>
  registry === null || (registryCredential !== null && registryCredential !== undefined)
    ? []
    : [
        toWarning(
          'registry',
          'landfall.yml names a login for the image, and the service has none: a private image needs a registry credential at Render too (Settings, Image, Credential)',
          'registry_unauthorized',
        ),
      ]

const findUnderWay = (deploys: readonly Deploy[]): readonly FoundService[] =>
  deploys
    .filter((one) => !isDeployOver(one))
    .map(({ id, status, trigger }) =>
      toWarning(
        'deploy',
        `${id} (${trigger ?? 'by whom is not told'}) is under way at Render (${status}); a deployment takes its place`,
      ),
    )

const digestServing = (deploys: readonly Deploy[]): string | null => {
  const live = deploys.find(({ status }) => status === 'live')
  return live === undefined ? null : readDigest(live)
}

const findServiceDrift = (
  { deploys }: ServiceSight,
  live: Serving | null,
): readonly FoundService[] =>
  live === null || digestServing(deploys) === live.digest
    ? []
    : [
        toWarning(
          'serving',
          `${digestServing(deploys) ?? 'nothing of Landfall'} serves here, where #${live.generation} should; a deployment puts it right`,
        ),
      ]

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
  { app, settings }: RenderViewOrder,
  sight: ServiceSight,
  live: Serving | null,
): readonly FoundService[] => {
  const { service, deploys, variables } = sight
  const unsuitable = findUnsuitable(service, app)
  if (unsuitable !== null)
    return [toProblem('service', 'service_unsuitable', `${service.name}: ${unsuitable}`)]
  return [
    ...findCredential(app, service),
    ...findUnderWay(deploys),
    ...findServiceDrift(sight, live),
    {
      level: 'fine',
      what: 'service',
      message: `${service.name} runs ${nameImage(app.image)}; ${describeVariables(variables, settings.env)}`,
    },
  ]
}

const toSteps = (
  { app, digest }: RenderViewOrder,
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
    `wait until it is live: Render starts it beside the one that serves, ${checks} and hands over`,
  ]
}

const toPlan = (
  { id, target, wave }: Pick<InstancePlan, 'id' | 'target' | 'wave'>,
  order: RenderViewOrder,
  seen: Result<ServiceSight, RenderFailure>,
  live: Serving | null,
): InstancePlan => {
  const serves = seen.ok && live !== null && digestServing(seen.value.deploys) === live.digest
  return {
    id,
    name: seen.ok ? seen.value.service.name : null,
    target,
    wave,
    online: seen.ok && seen.value.service.suspended !== 'suspended',
    agent: null,
    docker: null,
    serving: serves ? live : null,
    owner: null,
    freeMegabytes: null,
    freeMemoryMegabytes: null,
    would:
      seen.ok && findUnsuitable(seen.value.service, order.app) === null
        ? toSteps(order, seen.value)
        : [],
  }
}

const findServiceUnseen = (failure: RenderFailure): FoundService =>
  toProblem(
    'service',
    failure.reason,
    failure.kind === 'refused' ? failure.why : `${failure.why}; ask again in a minute`,
  )

/** A service of Render as one `plan` opens it and looks at it. It only reads. */
export const createRenderView = (ports: ViewPorts, settings: RenderSettings) => ({
  ...createRenderSelection(settings),
  look: async ({
    target,
    ...rest
  }: Omit<RenderViewOrder, 'settings'> & { readonly target: number }): Promise<TargetView> => {
    const id = InstanceId.parse(settings.service)
    const order = { ...rest, settings }
    const seen = await look(ports, order)
    return {
      plan: ({ opened, live }) => ({
        instances: opened.map(({ wave }) => toPlan({ id, target, wave }, order, seen, live)),
        findings: (seen.ok
          ? findOnService(order, seen.value, live)
          : [findServiceUnseen(seen.error)]
        ).map((one) => ({ ...one, instance: id })),
      }),
    }
  },
})
