import { join } from 'node:path'
import type { Server } from 'node:http'
import type { Fleet } from './fleet.ts'
import { createLambdaApi } from './lambda/api.ts'
import type { LambdaFunction } from './lambda/function.ts'
import { createRunner, type Runner } from './lambda/runner.ts'
import type { WriteLog } from './lambda/environment.ts'
import type { PackagedService } from './template/service.ts'
import { openCommandStore } from './ssm/command-store.ts'
import { DocumentList, openDocuments, type Documents } from './ssm/documents.ts'
import { createSsmOperations } from './ssm/operations.ts'
import { startRunCommand, type RunCommand } from './ssm/run-command.ts'
import type { StartAgent } from './ssm/agent.ts'
import type { RunScript } from './ssm/run-script.ts'
import { createStsOperations } from './sts.ts'
import { openJsonFile } from '../base/json-file.ts'
import { sealWith } from '../base/sealed.ts'
import type { Account } from './account.ts'
import { createAccountClock, type AccountClock } from './account-clock.ts'
import { createCredentials, type ClientSettings } from './credentials.ts'
import { AlarmList } from './cloudwatch/alarm.ts'
import { createCloudWatchOperations } from './cloudwatch/operations.ts'
import { openDynamoDb, type DynamoDb } from './dynamodb.ts'
import { createEc2Operations } from './ec2.ts'
import { createEcr, type JudgeEcrPassword } from './ecr.ts'
import { createAccess, type Access } from './iam/access.ts'
import type { AccessRecord } from './iam/authorizer.ts'
import { createEndpoint } from './endpoint.ts'
import { createEventBus, toEvent, type EventBus, type EventFacts } from './event-bus.ts'
import type { Faults } from './faults.ts'
import { listen, toAddress } from '../base/listen.ts'
import { createSecretOperations } from './secrets/operations.ts'
import { SecretList, createSecretStore, type SecretStore } from './secrets/store.ts'

export interface AwsOptions {
  readonly account: Account
  /** 0 takes a free one. */
  readonly port: number
  readonly stateDirectory: string
  readonly service: PackagedService
  readonly fleet: Fleet
  readonly faults: Faults
  readonly writeLog: WriteLog
  /** Values for variables that the template gives to a function and that are others here. */
  readonly overrides?: () => Readonly<Record<string, string>>
  readonly timing: Timing
  /** Hears of each call of a function that its role does not allow. */
  readonly onDenial?: (message: string) => void
  /** In place of `sh` on the instances. */
  readonly runScript?: RunScript
  /** In place of the emulator's own agent. */
  readonly startAgent?: StartAgent
}

export interface Timing {
  /** How long SendCommand's command is on its way to the agent, and unseen by the calls that read. */
  readonly deliverMilliseconds: number
  readonly visibleMilliseconds: number
  /** After how long an agent that has started again says that it lost a script; the real one waits a minute. */
  readonly lossMilliseconds: number
}

/** As short as tests can bear and still longer than nothing. */
export const defaultTiming: Timing = {
  deliverMilliseconds: 30,
  visibleMilliseconds: 60,
  lossMilliseconds: 60,
}

export interface LocalAws {
  /** `http://localhost:4566` */
  readonly address: string
  /** As the administrator, with a key that was made for this run. */
  readonly client: ClientSettings
  /** With the key and the rights of this function. */
  readonly clientOf: (functionName: string) => ClientSettings
  /** What the functions' roles allowed and refused. */
  readonly access: AccessRecord
  /** The calls that a client sent again: `landfall-local-webhook dynamodb UpdateItem`. */
  readonly repeats: readonly string[]
  readonly runner: Runner
  /** The next answer of the table to a call that may have changed an item. */
  readonly nextWrite: () => Promise<void>
  /** The functions and the alarms find so much time gone; it is not waited for. */
  readonly pass: (seconds: number) => void
  /** A document besides the packaged ones. */
  readonly addDocument: (name: string, text: string) => void
  /** For a registry that stands for Amazon ECR. */
  readonly judgeEcrPassword: JudgeEcrPassword
  /** `ssm SendCommand`: what is answered of the services that are written here, all but DynamoDB and Lambda. */
  readonly operations: readonly string[]
  stop(): Promise<void>
}

const openSsm = (
  options: AwsOptions,
  emit: (facts: EventFacts) => void,
): {
  documents: Documents
  operations: ReturnType<typeof createSsmOperations>
  run: RunCommand
} => {
  const { account, fleet, faults, stateDirectory: state, timing } = options
  const documents = openDocuments(openJsonFile(join(state, 'ssm/documents.json'), DocumentList))
  for (const { name, text } of options.service.documents) documents.ensure(name, text)
  const commands = openCommandStore(join(state, 'ssm/commands'))
  const run = startRunCommand({
    account,
    fleet,
    commands,
    findDocument: (name) => documents.find(name),
    emit,
    faults,
    directory: join(state, 'ssm/agents'),
    deliverMilliseconds: timing.deliverMilliseconds,
    lossMilliseconds: timing.lossMilliseconds,
    runScript: options.runScript,
    startAgent: options.startAgent,
  })
  const operations = createSsmOperations({
    fleet,
    documents,
    commands,
    runCommand: run,
    visibleMilliseconds: timing.visibleMilliseconds,
  })
  return { documents, operations, run }
}

const wakeWith = (runner: Runner): Parameters<typeof createEventBus>[3] => {
  return (target, event) => runner.invokeAsync(target.functionName, target.input ?? event)
}

const openSecrets = (account: Account, state: string): SecretStore => {
  const key = sealWith(join(state, 'secrets.key'))
  return createSecretStore(account, openJsonFile(join(state, 'secrets.sealed'), SecretList, key))
}

const findFunction = (runner: Runner, name: string): LambdaFunction => {
  const spec = runner.find(name)
  if (spec === null) throw new Error(`No function ${name} is packaged`)
  return spec
}

const closeServer = async (server: Server, dynamodb: DynamoDb): Promise<void> => {
  const closed = new Promise<void>((resolve) => {
    server.close(() => resolve())
  })
  await dynamodb.settle()
  server.closeAllConnections()
  await closed
}

/** The services that are written here, all but DynamoDB and Lambda. */
const openServices = (
  options: AwsOptions,
  runner: Runner,
  secrets: SecretStore,
  clock: AccountClock,
  { authorizer }: Access,
) => {
  const { account, faults, fleet, stateDirectory: state, service } = options
  const bus: EventBus = createEventBus(account, service.rules, faults, wakeWith(runner))
  const emit = (facts: EventFacts): void => bus.emit(toEvent(account, facts))
  const ssm = openSsm(options, emit)
  const alarms = openJsonFile(join(state, 'alarms.json'), AlarmList)
  const ecr = createEcr(account, clock, authorizer)
  const services = {
    ecr: ecr.operations,
    ssm: ssm.operations,
    secretsmanager: createSecretOperations(secrets),
    events: bus.operations,
    monitoring: createCloudWatchOperations(account, alarms, emit, clock),
    ec2: createEc2Operations(account, fleet),
    sts: createStsOperations(account),
  }
  return { bus, ssm, services, judgeEcrPassword: ecr.judgePassword }
}

/** `ssm SendCommand` */
const listOperations = (services: ReturnType<typeof openServices>['services']): string[] =>
  Object.entries(services).flatMap(([service, known]) =>
    Object.keys(known).map((name) => `${service} ${name}`),
  )

/** Everything of AWS that Landfall touches, on one port, with its state in one directory. */
export const startAws = async (options: AwsOptions): Promise<LocalAws> => {
  const { account, faults, fleet, stateDirectory: state, service } = options
  let address = ''
  const credentials = createCredentials()
  const administrator = credentials.issue({ kind: 'administrator' })
  const secrets = openSecrets(account, state)
  const { functions, tables } = service
  const say = options.onDenial ?? (() => undefined)
  const access = createAccess({ account, fleet, functions, tables, credentials, secrets, say })
  const clock = createAccountClock()
  const runner = createRunner({
    account,
    clock,
    keyOf: access.keyOf,
    permits: access.permits,
    functions,
    endpoint: () => address,
    overrides: options.overrides ?? (() => ({})),
    faults,
    writeLog: options.writeLog,
  })
  const opened = openServices(options, runner, secrets, clock, access)
  const { bus, ssm, services, judgeEcrPassword } = opened
  const dynamodb = await openDynamoDb(join(state, 'dynamodb'))
  const repeats: string[] = []
  const server = createEndpoint({
    repeats,
    credentials,
    authorizer: access.authorizer,
    services,
    dynamodb,
    lambda: createLambdaApi(account, runner),
    faults,
  })
  const stop = async (): Promise<void> => {
    bus.stop()
    await Promise.all([runner.stop(), ssm.run.stop()])
    await closeServer(server, dynamodb)
    await dynamodb.close()
  }
  try {
    address = toAddress(await listen(server, options.port))
  } catch (error) {
    await stop()
    throw error
  }
  ssm.run.resume()
  const client = { endpoint: address, region: account.region, credentials: administrator }
  const clientOf = (name: string): ClientSettings => ({
    ...client,
    credentials: access.keyOf(findFunction(runner, name)),
  })
  const { ensure: addDocument } = ssm.documents
  const facts = { address, client, clientOf, access: access.authorizer.record, repeats, runner }
  const more = { operations: listOperations(services), judgeEcrPassword, addDocument }
  return { ...facts, ...more, nextWrite: dynamodb.nextWrite, pass: clock.pass, stop }
}
