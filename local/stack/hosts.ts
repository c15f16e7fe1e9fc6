import { join } from 'node:path'
import type { Configuration } from '../../src/deployment/app.ts'
import { forPerson } from '../base/listen.ts'
import { ensureEngine } from '../docker/engine.ts'
import { publishProxyImage } from '../docker/pin-proxy.ts'
import { ensureNetwork } from '../docker/network.ts'
import type { Registry } from '../docker/registry.ts'
import { createFleet, type Fleet, type Instance } from '../aws/index.ts'
import { startNamespaces } from '../instances/namespaces.ts'
import type { StackOptions } from './options.ts'
import { ensureRegistry } from './registry.ts'
import type { Stops } from './stops.ts'
import { removeStrayProxies } from './stray-proxies.ts'
import { toTags } from './tags.ts'

/** The machine itself as `i-00000001`. */
const startMachine = async (
  options: StackOptions,
  configuration: Configuration,
  state: string,
  stops: Stops,
): Promise<Instance[]> => {
  const engine = stops.keep(await forPerson(ensureEngine(options.say)))
  const stateRoot = join(state, 'instances', 'i-00000001')
  const network = stops.keep(await forPerson(ensureNetwork(state))).name
  await removeStrayProxies(configuration, { state, network }, options.say)
  return [
    {
      id: 'i-00000001',
      name: 'demo',
      address: '127.0.0.1',
      tags: [],
      stateRoot,
      network,
      dockerHost: engine.dockerHost,
      enter: [],
    },
  ]
}

const startInstances = async (
  options: StackOptions,
  configuration: Configuration,
  state: string,
  stops: Stops,
  registryPort: number | null,
): Promise<readonly Instance[]> => {
  const machine = await startMachine(options, configuration, state, stops)
  if (options.instances === 0) return machine
  const namespaces = await startNamespaces({
    count: options.instances,
    directory: join(state, 'instances'),
    registryPort,
    say: options.say,
  })
  return stops.keep(namespaces).instances
}

/** Where the images are pushed to, and what can run them. */
export const startHosts = async (
  options: StackOptions,
  configuration: Configuration,
  state: string,
  stops: Stops,
): Promise<{
  readonly registry: Registry | null
  readonly fleet: Fleet
  /** By the tag in this registry; null without one, where the official image is pulled. */
  readonly proxyImage: string | null
}> => {
  const registry = await ensureRegistry(options, state)
  if (registry) stops.keep(registry)
  const port = registry ? Number(registry.address.split(':')[1]) : null
  // Where no app runs on one, no engine is needed.
  const isNeeded = configuration.apps.some(({ targets }) =>
    targets.some(({ kind }) => kind === 'ec2'),
  )
  const instances =
    isNeeded || options.instances > 0
      ? await startInstances(options, configuration, state, stops, port)
      : []
  const { PROXY_IMAGE: given = null } = options.environment
  const proxyImage =
    registry === null || given !== null || instances.length === 0
      ? given
      : (await forPerson(publishProxyImage(registry.address))).tagged
  const tags = toTags(configuration)
  const fleet = createFleet(instances.map((instance) => ({ ...instance, tags })))
  return { registry, fleet, proxyImage }
}
