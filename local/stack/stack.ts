import { mkdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { readConfigurationFile } from '../../src/config/file.ts'
import type { Configuration } from '../../src/deployment/app.ts'
import { defaultTiming, startAws } from '../aws/aws.ts'
import { forPerson } from '../aws/listen.ts'
import { createFaults, type Faults } from '../aws/faults.ts'
import { proxyImage, ensureProxyImage } from '../docker/images.ts'
import { ensureEngine } from '../docker/engine.ts'
import type { Registry } from '../docker/registry.ts'
import { startApi } from '../http/api.ts'
import { createFleet, type Fleet, type Instance } from '../instances/instance.ts'
import type { Runner } from '../lambda/runner.ts'
import { startSchedules } from '../lambda/schedule.ts'
import { buildService } from '../package/build.ts'
import { startNamespaces } from '../instances/namespaces.ts'
import type { RenderServer } from '../render/render.ts'
import { openLogFiles } from './log-files.ts'
import type { StackOptions } from './options.ts'
import { refuseTakenPorts, refuseTakenState } from './refuse-taken.ts'
import { ensureRegistry } from './registry.ts'
import { startRenderFor } from './render.ts'
import { createHookSecrets, createTables, type ClientSettings } from './seed.ts'
import { toTags } from './tags.ts'

export interface Stack {
  /** `http://localhost:3000` */
  readonly apiAddress: string
  /** `http://localhost:4566` */
  readonly awsAddress: string
  /** `localhost:5000`: what an image's name begins with; null where none was asked for. */
  readonly registryAddress: string | null
  readonly stateDirectory: string
  /** For any SDK client. */
  readonly client: ClientSettings
  /** Instances by id, and whether each is online, running and of which agent version. */
  readonly fleet: Fleet
  readonly faults: Faults
  readonly runner: Runner
  /** A Render of its own, where an app runs there. */
  readonly render: RenderServer | null
  /** Hook secrets that were created at this start. */
  readonly createdSecrets: readonly string[]
  stop(): Promise<void>
}

const accountId = '000000000000'

export const defaultOptions: Omit<StackOptions, 'config'> = {
  stateDirectory: '.landfall',
  apiPort: 3000,
  awsPort: 4566,
  registryPort: 5000,
  instances: 0,
  region: process.env['AWS_REGION'] ?? 'eu-west-3',
  environment: {},
  timing: defaultTiming,
  say: () => undefined,
}

interface Stoppable {
  stop(): void | Promise<void>
}

/** What was started is stopped in the opposite order, once, whatever fails on the way. */
const createStops = (ending: AbortSignal | undefined) => {
  const started: Stoppable[] = []
  return {
    keep: <Started extends Stoppable>(one: Started): Started => {
      started.push(one)
      ending?.throwIfAborted()
      return one
    },
    run: async (): Promise<void> => {
      for (let one = started.pop(); one; one = started.pop())
        await Promise.resolve(one.stop()).catch(() => undefined)
    },
  }
}
type Stops = ReturnType<typeof createStops>

/** The machine itself as `i-00000001`. */
const startMachine = async (
  options: StackOptions,
  state: string,
  stops: Stops,
): Promise<Instance[]> => {
  const engine = stops.keep(await forPerson(ensureEngine(options.say)))
  await forPerson(ensureProxyImage())
  return [
    {
      id: 'i-00000001',
      name: 'demo',
      address: '127.0.0.1',
      tags: [],
      stateRoot: join(state, 'instances', 'i-00000001'),
      dockerHost: engine.dockerHost,
      enter: [],
    },
  ]
}

const startInstances = async (
  options: StackOptions,
  state: string,
  stops: Stops,
  registryPort: number | null,
): Promise<readonly Instance[]> => {
  const machine = await startMachine(options, state, stops)
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
const startHosts = async (
  options: StackOptions,
  configuration: Configuration,
  state: string,
  stops: Stops,
): Promise<{ readonly registry: Registry | null; readonly fleet: Fleet }> => {
  const registry = await ensureRegistry(options, state)
  if (registry) stops.keep(registry)
  const port = registry ? Number(registry.address.split(':')[1]) : null
  // Where no app runs on one, no engine is needed.
  const isNeeded = configuration.apps.some(({ targets }) =>
    targets.some(({ kind }) => kind === 'ec2'),
  )
  const instances =
    isNeeded || options.instances > 0 ? await startInstances(options, state, stops, port) : []
  const tags = toTags(configuration)
  return { registry, fleet: createFleet(instances.map((instance) => ({ ...instance, tags }))) }
}

const toClient = (endpoint: string, region: string): ClientSettings => ({
  endpoint,
  region,
  credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
})

const start = async (options: StackOptions, stops: Stops): Promise<Stack> => {
  const { region } = options
  const account = { id: accountId, region }
  const state = resolve(options.stateDirectory)
  mkdirSync(state, { recursive: true })
  const { configuration } = readConfigurationFile(options.config)
  await refuseTakenPorts([options.apiPort, options.awsPort])
  refuseTakenState(state)
  const service = await buildService(resolve(options.config), account, options.say)
  const { registry, fleet } = await startHosts(options, configuration, state, stops)
  const logs = stops.keep(openLogFiles(join(state, 'logs'), options.say))
  const faults = createFaults()
  let apiAddress = ''
  let renderApi: Readonly<Record<string, string>> = {}
  const aws = await startAws({
    account,
    port: options.awsPort,
    stateDirectory: join(state, 'aws'),
    service,
    fleet,
    faults,
    writeLog: logs.write,
    timing: options.timing,
    overrides: () => ({
      API_URL: apiAddress,
      PROXY_IMAGE: proxyImage,
      ...renderApi,
      ...options.environment,
    }),
  })
  stops.keep(aws)
  const client = toClient(aws.address, region)
  await createTables(client, service.tables)
  const createdSecrets = await createHookSecrets(client, configuration)
  const render = await startRenderFor(client, configuration, state)
  if (render) {
    stops.keep(render)
    renderApi = { RENDER_API: new URL('/v1', render.server.url).href }
    options.say(`a local Render answers at ${renderApi['RENDER_API']}`)
  }
  const { routes, schedules } = service
  const { address: awsAddress, runner } = aws
  const api = stops.keep(await startApi({ port: options.apiPort, region, routes, awsAddress }))
  apiAddress = api.address
  stops.keep(startSchedules(account, schedules, runner))
  // It serves when it has answered once; the first answer also warms the webhook.
  await fetch(`${apiAddress}/healthz`)
  return {
    apiAddress,
    awsAddress,
    registryAddress: registry?.address ?? null,
    stateDirectory: state,
    client,
    fleet,
    faults,
    runner,
    render: render?.server ?? null,
    createdSecrets,
    stop: () => stops.run(),
  }
}

/**
 * Starts the whole local stack; several may run at once, with ports and state directories of their
 * own. What it started is stopped when it cannot start, or by `stop`.
 *
 * @throws StartError, ConfigurationError: one message for the person who started it
 */
export const startStack = async (
  options: Partial<StackOptions> & Pick<StackOptions, 'config'>,
): Promise<Stack> => {
  const stops = createStops(options.ending)
  try {
    return await start({ ...defaultOptions, ...options }, stops)
  } catch (error) {
    await stops.run()
    throw error
  }
}
