import type { Ec2Settings } from '../../deployment/app.ts'
import type { InstancePlan, PlanContext, TargetView } from '../../deployment/plan.ts'
import { planWaves } from '../../deployment/wave.ts'
import type { ImageSize } from '../../registry/size.ts'
import { lookAtInstances, type InstanceSight, type LookOrder, type LookPorts } from './look.ts'
import { findOnInstance } from './plan-findings.ts'
import { planSteps } from './plan-steps.ts'

/** Asks the registry for what the image has for a machine, `x86_64`. */
export type FindSize = (machine: string) => Promise<ImageSize>

interface Looked {
  readonly settings: Ec2Settings
  readonly target: number
  readonly sights: readonly InstanceSight[]
  readonly sizes: ReadonlyMap<string, ImageSize>
}

const toMegabytes = (bytes: number): number => Math.floor(bytes / 1_000_000)

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

const toView = (looked: Looked): TargetView => {
  const { settings, sights } = looked
  const waves = planWaves(sights.length, settings.rollout.batch, Infinity)
  return {
    instances: sights.map(({ instance }) => instance.id),
    plan: (context) => ({
      instances: sights.map((seen, index) =>
        planInstance(looked, seen, waves[index] ?? 0, context),
      ),
      findings: sights.flatMap((seen) =>
        findOnInstance(seen, { settings, size: sizeFor(looked, seen), live: context.live }),
      ),
    }),
  }
}

/** Looks at a fleet of EC2 (or hybrid) instances as a deployment would find it. */
export const createEc2View =
  (ports: LookPorts) =>
  async (order: LookOrder, target: number, findSize: FindSize): Promise<TargetView> => {
    const sights = await lookAtInstances(ports, order)
    const machines = new Set(
      sights.flatMap(({ sight }) =>
        sight.kind === 'seen' && !sight.host.pulled ? [sight.host.machine] : [],
      ),
    )
    const sizes = await Promise.all(
      [...machines].map(async (machine) => [machine, await findSize(machine)] as const),
    )
    return toView({ settings: order.settings, target, sights, sizes: new Map(sizes) })
  }
