import { mkdtempSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  type ClientSettings,
  createFaults,
  createFleet,
  type Faults,
  type Fleet,
  type LambdaFunction,
  type LocalAws,
  type PackagedService,
  parsePolicy,
  type Role,
  startAws,
  type Timing,
} from '../../local/aws/index.ts'
import { agentFolder, startRealAgent } from './real-agent.ts'

export const account = { id: '000000000000', region: 'eu-west-3' }

const emptyService: PackagedService = {
  functions: [],
  rules: [],
  schedules: [],
  routes: [],
  documents: [],
  tables: [],
}

export interface TestAws {
  readonly aws: LocalAws
  readonly fleet: Fleet
  readonly faults: Faults
  readonly directory: string
  readonly logs: string[]
  readonly client: ClientSettings
  /** Stops it and starts another on the same state. */
  restart(): Promise<TestAws>
  stop(): Promise<void>
}

export interface TestAwsOptions {
  readonly service?: Partial<PackagedService>
  readonly directory?: string
  readonly instances?: number
  /** Of the engine that the instances' scripts find; none: they need only sh. */
  readonly dockerHost?: string
  readonly timing?: Partial<Timing>
}

/** The endpoint alone: the instances are this machine. */
export const startTestAws = async (options: TestAwsOptions = {}): Promise<TestAws> => {
  const directory = options.directory ?? mkdtempSync(join(tmpdir(), 'landfall-aws-'))
  const fleet = createFleet(
    Array.from({ length: options.instances ?? 1 }, (_, index) => ({
      id: `i-0000000${index + 1}`,
      name: `demo-${index + 1}`,
      address: `10.77.0.1${index + 1}`,
      tags: [
        { key: 'landfall:stage', value: 'local' },
        { key: 'Name', value: 'demo' },
      ],
      stateRoot: join(directory, `root-${index + 1}`),
      network: null,
      dockerHost: options.dockerHost ?? null,
      enter: [],
    })),
  )
  const faults = createFaults()
  const logs: string[] = []
  const aws = await startAws({
    account,
    port: 0,
    stateDirectory: directory,
    service: { ...emptyService, ...options.service },
    fleet,
    faults,
    ...(agentFolder !== undefined && { startAgent: startRealAgent }),
    writeLog: (name, line) => logs.push(`${name} ${line}`),
    timing: {
      deliverMilliseconds: 5,
      visibleMilliseconds: 0,
      lossMilliseconds: 0,
      ...options.timing,
    },
  })
  return {
    aws,
    fleet,
    faults,
    directory,
    logs,
    client: aws.client,
    restart: async () => {
      await aws.stop()
      return startTestAws({ ...options, directory })
    },
    stop: async () => {
      await aws.stop()
      rmSync(directory, { recursive: true, force: true })
    },
  }
}

/** A role that allows this, a statement each. */
export const roleOf = (...statements: readonly object[]): Role => ({
  name: 'TestRole',
  statements: parsePolicy('TestRole', {
    Version: '2012-10-17',
    Statement: statements.map((statement) => ({ Effect: 'Allow', ...statement })),
  }),
})

/** A function whose bundle is `source`, an ES module with an export `handler`. */
export const writeFunction = (
  name: string,
  source: string,
  facts: Partial<LambdaFunction> = {},
): LambdaFunction => {
  const directory = mkdtempSync(join(tmpdir(), 'landfall-function-'))
  mkdirSync(join(directory, 'handlers'))
  writeFileSync(join(directory, 'handlers', `${name}.mjs`), source)
  return {
    name: `landfall-local-${name}`,
    logicalId: name,
    directory,
    handler: `handlers/${name}.handler`,
    timeoutSeconds: 5,
    memoryMegabytes: 128,
    environment: {},
    retries: 0,
    maximumAgeSeconds: 60,
    failureDestination: null,
    role: roleOf({ Action: 'logs:*', Resource: '*' }),
    ...facts,
  }
}

/** A document of schema 2.2 with one step, as the packaged ones are. */
export const toDocument = (
  script: string,
  parameters: Readonly<Record<string, object>> = {},
  timeoutSeconds = 60,
): string =>
  JSON.stringify({
    schemaVersion: '2.2',
    parameters,
    mainSteps: [
      {
        action: 'aws:runShellScript',
        name: 'deploy',
        inputs: { runCommand: script.split('\n'), timeoutSeconds: String(timeoutSeconds) },
      },
    ],
  })

/**
 * Asks until the condition is true. `what` names it in the message of a wait in vain; a number in its
 * place is the seconds. The limit is longer than a busy machine takes. The timers and the clock are
 * not the global ones, which a test may have replaced.
 */
export const waitUntil = async (
  isTrue: () => boolean | Promise<boolean>,
  what: string | number = 'what was waited for',
  seconds = typeof what === 'number' ? what : 50,
): Promise<void> => {
  const deadline = performance.now() + seconds * 1000
  while (!(await isTrue())) {
    if (performance.now() > deadline)
      throw new Error(`Waited ${seconds} seconds in vain for: ${what}`)
    await sleep(20)
  }
}
