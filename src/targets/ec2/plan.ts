import type { App, Ec2Settings } from '../../deployment/app.ts'
import type { Finding, InstancePlan, PlanContext, TargetView } from '../../deployment/plan.ts'
import type { Commit, Digest } from '../../kernel/id.ts'
import type { ImageSize } from '../../registry/size.ts'
import { lookAtInstances, type InstanceSight, type LookPorts } from './look.ts'
import { findOnInstance, toMegabytes } from './plan-findings.ts'
import { planSteps } from './plan-steps.ts'
import type { Fleet } from './ports.ts'
import { createEc2Selection, type SelectionPorts } from './select.ts'

export type Ec2ViewPorts = LookPorts &
  SelectionPorts & {
    /** Asks the registry for what an image of the app has for a machine, `x86_64`. */
    readonly findSize: (app: App, digest: Digest, machine: string) => Promise<ImageSize>
  }

interface ViewOrder {
  readonly app: App
  /** Index into the app's targets. */
  readonly target: number
  readonly commit: Commit | null
  readonly digest: Digest | null
}

interface Looked {
  readonly settings: Ec2Settings
  readonly target: number
  readonly sights: readonly InstanceSight[]
  readonly sizes: ReadonlyMap<string, ImageSize>
}

const sizeFor = ({ sizes }: Looked, { sight }: InstanceSight): ImageSize =>
  (sight.kind === 'seen' ? sizes.get(sight.host.machine) : undefined) ?? { kind: 'unknown' }

const planInstance = (
  looked: Looked,
  seen: InstanceSight,
  wave: number,
  { predeployOn }: PlanContext,
): InstancePlan => {
  const { instance, sight } = seen
  const host = sight.kind === 'seen' ? sight.host : null
  const size = sizeFor(looked, seen)
  return {
    id: instance.id,
    name: instance.name,
    target: looked.target,
    wave,
    online: instance.ping === 'online',
    agent: instance.agentVersion,
    docker: host === null || host.docker === '' ? null : host.docker,
    serving: host?.serving ?? null,
    owner: host === null || host.owner === '' ? null : host.owner,
    freeMegabytes: host === null ? null : toMegabytes(host.freeBytes),
    freeMemoryMegabytes: host === null ? null : toMegabytes(host.memoryBytes),
    would:
      host === null
        ? []
        : planSteps({
            settings: looked.settings,
            host,
            runsPredeploy: predeployOn === instance.id,
            packedBytes: size.kind === 'known' ? size.bytes : null,
          }),
  }
}

const empty = (target: number): Finding => ({
  level: 'warning',
  what: 'instances',
  reason: 'no_instances',
  message: `target ${target + 1} selects no running instance: is the tag that instances names on it?`,
})

const toView = (looked: Looked): TargetView => {
  const { settings, sights, target } = looked
  return {
    plan: (context) => ({
      instances: context.opened.flatMap(({ id, wave }) =>
        sights
          .filter(({ instance }) => instance.id === id)
          .map((seen) => planInstance(looked, seen, wave, context)),
      ),
      findings:
        sights.length === 0
          ? [empty(target)]
          : sights.flatMap((seen) =>
              findOnInstance(seen, { settings, size: sizeFor(looked, seen), live: context.live }),
            ),
    }),
  }
}

const findSizes = async (
  { findSize }: Ec2ViewPorts,
  { app, digest }: ViewOrder,
  sights: readonly InstanceSight[],
): Promise<Looked['sizes']> => {
  if (digest === null) return new Map()
  const machines = new Set(
    sights.flatMap(({ sight }) =>
      sight.kind === 'seen' && !sight.host.pulled ? [sight.host.machine] : [],
    ),
  )
  return new Map(
    await Promise.all(
      [...machines].map(
        async (machine) => [machine, await findSize(app, digest, machine)] as const,
      ),
    ),
  )
}

/** One listing for the opening and for the look, so that both are of the same instances. */
const listOnce = (fleet: Fleet): Fleet => {
  let listed: ReturnType<Fleet['list']> | null = null
  return { list: (selector) => (listed ??= fleet.list(selector)) }
}

/** A fleet of EC2 (or hybrid) instances as one `plan` opens it and looks at it. */
export const createEc2View = (ports: Ec2ViewPorts, settings: Ec2Settings) => {
  const listing = { ...ports, fleet: listOnce(ports.fleet) }
  return {
    ...createEc2Selection(listing, settings),
    look: async (order: ViewOrder): Promise<TargetView> => {
      const sights = await lookAtInstances(listing, { ...order, settings })
      const sizes = await findSizes(ports, order, sights)
      return toView({ settings, target: order.target, sights, sizes })
    },
  }
}
