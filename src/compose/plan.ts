import * as z from 'zod'
import { createAlarmStates, createReadFiring } from '../aws/alarms.ts'
import { createFleet } from '../aws/fleet.ts'
import { createSecretReader } from '../aws/secrets-manager.ts'
import { createCommands } from '../aws/ssm-commands.ts'
import { environments, readEnvironment } from '../config/environment.ts'
import { loadConfiguration } from '../config/load.ts'
import type { Configuration } from '../deployment/app.ts'
import type { HookKind } from '../deployment/seen.ts'
import { createHeads } from '../journal/heads.ts'
import { createLabels } from '../journal/labels.ts'
import { createRevisions } from '../journal/revisions.ts'
import { createSeen } from '../journal/seen.ts'
import { createJournalTable } from '../journal/table.ts'
import { sleep, systemClock } from '../kernel/clock.ts'
import { http } from '../kernel/http.ts'
import { RevisionId } from '../kernel/id.ts'
import type { Log } from '../kernel/log.ts'
import { fail } from '../kernel/result.ts'
import { createRegistry } from '../registry/registry.ts'
import { findImageSize } from '../registry/size.ts'
import { createPlan } from '../rollout/plan.ts'
import type { PlannedTarget, PlanPorts } from '../rollout/plan-facts.ts'
import { parseRegistrySecret } from '../secrets/registry-secret.ts'
import { createByKind } from '../targets/create.ts'
import { createEc2View, type Ec2ViewPorts } from '../targets/ec2/plan.ts'
import { createMeasureEnvelope } from '../targets/ec2/seal.ts'
import type { ReadSecret } from '../secrets/app-secret.ts'
import { createOpenRender } from '../targets/render/api.ts'
import { createRenderView } from '../targets/render/plan.ts'
import { unlimited } from '../targets/target.ts'
import { describeHooks, type Hook } from './describe-hooks.ts'
import { observe } from './observe.ts'
import { findApp, parseInput } from './operator.ts'
import { createSecretChecks } from './plan-secrets.ts'
import { createImages, createReadSecretVersion } from './targets.ts'

/** `npx sls invoke -f plan -d '{"app":"shop"}'` */
const Input = z.strictObject({ app: z.string(), revision: RevisionId.optional() })

/** How the journal calls the events that `hooks` tells to tick. */
const kindOf = ({ sender }: Hook, event: string): HookKind => {
  switch (sender) {
    case 'GitHub':
      return event === 'Pushes' ? 'github:push' : 'github:workflow_run'
    case 'CircleCI':
      return 'circleci:workflow-completed'
    case 'Docker Hub':
      return 'docker-hub:push'
  }
}

const createHooksOf =
  (configuration: Configuration): PlanPorts['hooksOf'] =>
  (app) => {
    const context = { apiUrl: '', dockerHub: fail('secret_unavailable' as const) }
    const described = describeHooks([app], { ...context, sources: configuration.sources })
    return described.flatMap(({ hooks }) =>
      hooks.flatMap((hook) =>
        hook.events.map((event) => ({
          kind: kindOf(hook, event),
          event: hook.sender === 'Docker Hub' ? 'Docker Hub' : `${hook.sender}: ${event}`,
        })),
      ),
    )
  }

const createMachineSizes = (readSecret: ReadSecret): Ec2ViewPorts['findSize'] => {
  const registry = createRegistry(http)
  return async (app, digest, machine) => {
    const secret = app.registry === null ? null : await readSecret(app.registry, null)
    const login = secret?.ok === true ? parseRegistrySecret(secret.value.value) : null
    return findImageSize(registry, app.image, digest, machine, login?.ok ? login.value : null)
  }
}

/** Nothing is known of a kind that is not built: the opening says that it cannot be deployed to. */
const unsupported: PlannedTarget = {
  candidates: () => Promise.resolve([]),
  capacity: () => Promise.resolve(unlimited),
  look: () => Promise.resolve({ plan: () => ({ instances: [], findings: [] }) }),
}

const createPlannedTargets = (
  environment: z.infer<typeof environments.plan>,
  readSecret: ReadSecret,
): PlanPorts['toTarget'] => {
  const clock = systemClock
  const baseUrl = environment.RENDER_API
  const render = { open: createOpenRender({ http, readSecret, clock, baseUrl }), readSecret }
  const ec2 = {
    commands: createCommands(),
    fleet: createFleet(),
    measureEnvelope: createMeasureEnvelope(readSecret),
    findSize: createMachineSizes(readSecret),
    stage: {
      planDocument: environment.PLAN_DOCUMENT,
      owner: environment.OWNER,
      proxyImage: environment.PROXY_IMAGE,
      subnet: environment.SUBNET,
    },
    clock: systemClock,
    sleep,
  }
  return createByKind<PlannedTarget>({
    ec2: (settings) => createEc2View(ec2, settings),
    render: (settings) => createRenderView(render, settings),
    heroku: () => unsupported,
  })
}

const composeServices = (log: Log) => {
  const environment = readEnvironment(environments.plan)
  const table = createJournalTable(environment.TABLE_NAME)
  const configuration = loadConfiguration()
  const readSecret = createSecretReader()
  const plan = createPlan({
    heads: createHeads(table),
    revisions: createRevisions(table),
    seen: createSeen(table),
    ...createSecretChecks(readSecret),
    images: createImages(readSecret),
    labels: createLabels(table),
    describeAlarms: createAlarmStates(),
    hooksOf: createHooksOf(configuration),
    readSecretVersion: createReadSecretVersion(readSecret),
    readFiring: createReadFiring(),
    toTarget: createPlannedTargets(environment, readSecret),
    clock: systemClock,
    log,
  })
  return { plan, configuration }
}

/** The handler of `plan`: what a deployment would do; it changes nothing. */
export const composePlan = (): ((input: unknown) => Promise<unknown>) =>
  observe('plan', (log) => {
    let services: ReturnType<typeof composeServices> | null = null
    return async (given) => {
      const input = parseInput(Input, given)
      if (!input.ok) return input.error
      services ??= composeServices(log)
      const { plan, configuration } = services
      const app = findApp(configuration, input.value.app)
      return app.ok ? plan(app.value, input.value.revision ?? null) : app.error
    }
  })
