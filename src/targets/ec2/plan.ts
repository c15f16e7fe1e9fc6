import type { FoundProxyImage } from '../../deployment/proxy.ts'
import type { App, Ec2Settings } from '../../deployment/app.ts'
import type { Finding, InstancePlan, PlanContext } from '../../deployment/plan.ts'
import type { Digest } from '../../kernel/id.ts'
import { lazy } from '../../kernel/lazy.ts'
import type { ImageSize } from '../../registry/manifest.ts'
import { findHealthChange, toWarning } from '../findings.ts'
import type { LookOrder, PlannedTarget } from '../target.ts'
import { lookAtInstances, type InstanceSight, type LookPorts } from './look.ts'
import { findOnInstance, findProxy, toMegabytes } from './plan-findings.ts'
import { planSteps } from './plan-steps.ts'
import type { SelectionPorts } from './ports.ts'
import { createEc2Selection, describeIgnored, listSelected } from './select.ts'

export type Ec2ViewPorts = LookPorts &
  SelectionPorts & {
    /** The stage's image of the proxy as a deployment would use it; nothing is recorded. */
    readonly findProxyImage: () => Promise<FoundProxyImage>
    /** The size of an app's image for a machine, `x86_64`, as the registry tells it. */
    readonly findSize: (app: App, digest: Digest, machine: string) => Promise<ImageSize>
  }

type SizedSight = InstanceSight & { readonly size: ImageSize }

/** Asks the registry once for each kind of machine that has not pulled the image. */
const addSizes = async (
  { findSize }: Ec2ViewPorts,
  { app, digest }: LookOrder,
  sights: readonly InstanceSight[],
): Promise<readonly SizedSight[]> => {
  const machines = new Set(
    sights.flatMap(({ sight }) =>
      sight.kind === 'seen' && !sight.host.pulled ? sight.host.machine : [],
    ),
  )
  const sizes = new Map<string, ImageSize>()
  const load = async (machine: string) => {
    if (digest !== null) sizes.set(machine, await findSize(app, digest, machine))
  }
  await Promise.all([...machines].map(load))
  return sights.map((seen) => {
    const size = seen.sight.kind === 'seen' ? sizes.get(seen.sight.host.machine) : undefined
    return { ...seen, size: size ?? { kind: 'unknown' } }
  })
}

const planInstance = (
  { instance, sight, size }: SizedSight,
  settings: Ec2Settings,
  place: Pick<InstancePlan, 'target' | 'wave'>,
  { predeployOn }: PlanContext,
  proxy: FoundProxyImage | null,
): InstancePlan => {
  const host = sight.kind === 'seen' ? sight.host : null
  const packedBytes = size.kind === 'known' ? size.bytes : null
  const runsPredeploy = predeployOn === instance.id
  return {
    id: instance.id,
    name: instance.name,
    ...place,
    online: instance.ping === 'online',
    agent: instance.agentVersion,
    docker: host === null || host.docker === '' ? null : host.docker,
    serving: host?.serving ?? null,
    owner: host === null || host.owner === '' ? null : host.owner,
    proxy: proxy && {
      runs: host === null || host.proxy === '' ? null : host.proxy,
      ofStage: proxy.ok ? proxy.value.digest : null,
    },
    freeMegabytes: host && toMegabytes(host.freeBytes),
    freeMemoryMegabytes: host && toMegabytes(host.memoryBytes),
    would: host === null ? [] : planSteps({ settings, host, runsPredeploy, packedBytes }),
  }
}

const findOnFleet = (
  sights: readonly SizedSight[],
  settings: Ec2Settings,
  target: number,
  { live }: PlanContext,
  proxy: FoundProxyImage | null,
): readonly Finding[] => {
  if (sights.length > 0)
    return sights.flatMap((seen) =>
      findOnInstance(seen, { settings, size: seen.size, live, proxy }).map((one) => ({
        ...one,
        instance: seen.instance.id,
      })),
    )
  const message = `target ${target + 1} selects no running instance: do your machines have the tag that instances names?`
  return [toWarning('instances', message, 'no_instances')]
}

const compareFleetHealth = (
  { port, health }: Ec2Settings,
  { before }: PlanContext,
): readonly Finding[] =>
  port === null || before?.kind !== 'ec2'
    ? []
    : findHealthChange(health, before.health, { followed: false })

/** Only where it gets shorter: what passes for longer passes for less. */
const compareInterval = (
  { port, health: { intervalSeconds: seconds, times } }: Ec2Settings,
  { before }: PlanContext,
): readonly Finding[] => {
  if (before?.kind !== 'ec2' || port === null || before.port === null) return []
  const { intervalSeconds: secondsBefore } = before.health
  if (seconds >= secondsBefore) return []
  const message = `with the next deployment the ${times} answers in a row that the health check needs are ${seconds} s apart, not ${secondsBefore} s as now; health.interval sets it`
  return [toWarning('health', message)]
}

/** A release from before `entrypoint` ran its predeploy in the place of the ENTRYPOINT. */
const comparePredeploy = (
  { predeploy, predeployEntrypoint }: Ec2Settings,
  { before }: PlanContext,
): readonly Finding[] => {
  if (before?.kind !== 'ec2' || before.predeploy === null || predeploy === null) return []
  if (before.predeployEntrypoint || !predeployEntrypoint) return []
  const message = `with the next deployment the image's ENTRYPOINT, if it has one, runs predeploy; if it is the app's own program, write  predeploy: { command: [${predeploy.join(', ')}], entrypoint: false }`
  return [toWarning('predeploy', message)]
}

/** A release from before `drain` gave open requests as long as the stop. */
const compareDrain = (
  { strategy, drainSeconds, run }: Ec2Settings,
  { before }: PlanContext,
): readonly Finding[] => {
  if (before?.kind !== 'ec2' || strategy !== 'recreate') return []
  const [seconds, secondsBefore] = [
    drainSeconds ?? run.stopTimeoutSeconds,
    before.drainSeconds ?? before.run.stopTimeoutSeconds,
  ]
  if (seconds >= secondsBefore) return []
  const message = `with the next deployment the old container has ${seconds} s, not ${secondsBefore} s as now, for the requests that it still answers: then these are cut, such as a download; drain sets it`
  return [toWarning('drain', message)]
}

/** A fleet of EC2 (or hybrid) instances as `plan` reads it. */
export const createEc2View = (ports: Ec2ViewPorts, settings: Ec2Settings): PlannedTarget => {
  // One listing for the opening and for the look, so that both have the same instances.
  const list = lazy(() => ports.fleet.list(settings.instances))
  const listing = { ...ports, fleet: { list } }
  return {
    ...createEc2Selection(listing, settings),
    look: async (order) => {
      const sights = await lookAtInstances(listing, settings, order)
      const sized = await addSizes(ports, order, sights)
      const proxy = settings.strategy === 'worker' ? null : await ports.findProxyImage()
      const { target } = order
      const { name: stage } = ports.stage
      const { ignored } = await listSelected(listing.fleet, settings.instances, stage)
      const leftOut =
        ignored.length === 0
          ? []
          : [toWarning('instances', describeIgnored(ignored, stage), 'instance_untagged')]
      return {
        plan: (context) => ({
          instances: context.opened.flatMap(({ id, wave }) =>
            sized
              .filter(({ instance }) => instance.id === id)
              .map((seen) => planInstance(seen, settings, { target, wave }, context, proxy)),
          ),
          findings: [
            ...leftOut,
            ...compareFleetHealth(settings, context),
            ...compareInterval(settings, context),
            ...comparePredeploy(settings, context),
            ...compareDrain(settings, context),
            ...findProxy(proxy),
            ...findOnFleet(sized, settings, target, context, proxy),
          ],
        }),
      }
    },
  }
}
