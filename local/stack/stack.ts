import { join, resolve } from 'node:path'
import { readConfigurationFile } from '../../src/config/file.ts'
import {
  type Account,
  type ClientSettings,
  createFaults,
  defaultTiming,
  type Faults,
  type Fleet,
  type JudgeEcrPassword,
  type LocalAws,
  type Runner,
  startApi,
  startAws,
  startSchedules,
} from '../aws/index.ts'
import { toAddress } from '../base/listen.ts'
import { freePort } from '../docker/free-port.ts'
import { buildService } from '../package/build.ts'
import { writeExports } from './exports.ts'
import { startHosts } from './hosts.ts'
import { openLogFiles } from './log-files.ts'
import type { StackOptions } from './options.ts'
import { refuseTakenPorts, refuseTakenState } from './refuse-taken.ts'
import { openState } from './state.ts'
import { createStops, type Stops } from './stops.ts'
import { createHookSecrets, createTables } from './seed.ts'
import { startVendors, type Vendors } from './vendors.ts'

export interface Stack extends Omit<Vendors, 'environment'> {
  /** `http://localhost:3000` */
  readonly apiAddress: string
  /** `http://localhost:4566` */
  readonly awsAddress: string
  /** `localhost:5000`: what an image's name begins with; null where none was asked for. */
  readonly registryAddress: string | null
  readonly stateDirectory: string
  /** For any SDK client, as the administrator of this run. */
  readonly client: ClientSettings
  /** Instances by id, and whether each is online, running and of which agent version. */
  readonly fleet: Fleet
  /** What the functions called that their roles do not allow. */
  readonly denials: readonly string[]
  /** The calls that a client sent again: `landfall-local-webhook dynamodb UpdateItem`. */
  readonly repeats: readonly string[]
  readonly faults: Faults
  readonly runner: Runner
  /** The next answer of the table to a call that may have changed an item. */
  readonly nextWrite: () => Promise<void>
  /** For a registry that stands for Amazon ECR. */
  readonly judgeEcrPassword: JudgeEcrPassword
  /** A document besides the packaged ones. */
  readonly addDocument: (name: string, text: string) => void
  /** Hook secrets that were created at this start. */
  readonly createdSecrets: readonly string[]
  /** The minute is over: what the schedules wake is woken, and has answered. */
  tick(): Promise<void>
  /** The functions and the alarms find so much time gone; it is not waited for. */
  readonly pass: (seconds: number) => void
  stop(): Promise<void>
}

const accountId = '000000000000'

export const defaultOptions: Omit<StackOptions, 'config'> = {
  stateDirectory: '.landfall',
  apiPort: 3000,
  awsPort: 4566,
  apiHosts: [],
  registryPort: 5000,
  instances: 0,
  region: process.env['AWS_REGION'] ?? 'eu-west-3',
  environment: {},
  timing: defaultTiming,
  hasClock: true,
  say: () => undefined,
}

/** What is run, made anew from landfall.yml, once it is known that nothing stands in its way. */
const prepareService = async (options: StackOptions, account: Account, state: string) => {
  const { configuration } = readConfigurationFile(options.config)
  await refuseTakenPorts([options.apiPort, options.awsPort])
  refuseTakenState(state)
  const bundles = join(state, 'bundles')
  const service = await buildService(configuration, account, bundles, options.say)
  return { configuration, service }
}

const toAwsFacts = (aws: LocalAws) => {
  const { address: awsAddress, client, access, repeats, runner } = aws
  const { judgeEcrPassword, addDocument, pass, nextWrite } = aws
  const { denials } = access
  const facts = { awsAddress, client, denials, repeats, runner }
  return { ...facts, nextWrite, judgeEcrPassword, addDocument, pass }
}

const start = async (options: StackOptions, stops: Stops): Promise<Stack> => {
  const account = { id: accountId, region: options.region }
  const state = resolve(options.stateDirectory)
  openState(state)
  const { configuration, service } = await prepareService(options, account, state)
  const { registry, fleet, proxyImage } = await startHosts(options, configuration, state, stops)
  const logs = stops.keep(openLogFiles(join(state, 'logs'), options.say))
  const faults = createFaults()
  // Known before it is there: a command that an earlier stack left wakes a function at once.
  const apiPort = options.apiPort === 0 ? await freePort() : options.apiPort
  const apiAddress = toAddress(apiPort)
  let vendorAddresses: Vendors['environment'] = {}
  const aws = stops.keep(
    await startAws({
      account,
      port: options.awsPort,
      stateDirectory: join(state, 'aws'),
      service,
      fleet,
      faults,
      writeLog: logs.write,
      onDenial: options.say,
      timing: options.timing,
      overrides: () => ({
        API_URL: apiAddress,
        ...(proxyImage !== null && { PROXY_IMAGE: proxyImage }),
        ...vendorAddresses,
        ...options.environment,
      }),
    }),
  )
  const { client, runner } = aws
  await createTables(client, service.tables)
  const createdSecrets = await createHookSecrets(client, configuration)
  const facts = { stateDirectory: state, say: options.say }
  const { environment, ...vendors } = await startVendors(client, configuration, facts, stops)
  vendorAddresses = environment
  const { routes, schedules } = service
  stops.keep(await startApi({ port: apiPort, routes, hosts: options.apiHosts, client }))
  const clock = stops.keep(startSchedules(account, schedules, runner, options.hasClock))
  // It serves when it has answered once; the first answer also warms the webhook.
  await fetch(`${apiAddress}/healthz`)
  stops.keep(writeExports(state, client))
  return {
    ...toAwsFacts(aws),
    apiAddress,
    registryAddress: registry?.address ?? null,
    stateDirectory: state,
    fleet,
    faults,
    ...vendors,
    createdSecrets,
    tick: () => clock.tick(),
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
