import { createHash } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  CreateSecretCommand,
  GetSecretValueCommand,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager'
import { stringify } from 'yaml'
import {
  ensureBaseImage,
  publishAppImage,
  publishEmptyImage,
  type Behaviour,
} from '../docker/images.ts'
import { ensureEngine, type Engine } from '../docker/engine.ts'
import { freePort } from '../docker/free-port.ts'
import { pinProxyImage } from '../docker/pin-proxy.ts'
import { startRegistry } from '../docker/registry.ts'
import { startStack, type Stack } from '../stack/stack.ts'
import { cleanUp } from './clean-up.ts'
import { createOperators, type Operators } from './operators.ts'
import {
  sendToCircleciHook,
  sendToDockerHubHook,
  sendToGithubHook,
  toWorkflowCompleted,
  toWorkflowRun,
  type CiRun,
  type CiWorkflow,
  type HookAnswer,
} from './signed-delivery.ts'

export interface TeamOptions {
  /** Everything the team and the stack keep goes in here. */
  readonly directory: string
  /** The apps of its landfall.yml; an image is named `${registry}/acme/shop`. */
  readonly apps: (registry: string) => Readonly<Record<string, unknown>>
  /** 0: the machine's own engine; otherwise that many network namespaces, each with its own. */
  readonly instances?: number
  readonly secrets?: Readonly<Record<string, unknown>>
  readonly credentials?: { readonly username: string; readonly password: string }
  /** Laid over the variables of every function. */
  readonly environment?: Readonly<Record<string, string>>
  readonly say?: (line: string) => void
  /** Whether every minute is looked at by itself (default), or only when the stack is told to `tick`. */
  readonly hasClock?: boolean
}

/** A small team as Landfall sees it: it pushes images, its CI turns green, its hooks are signed. */
export interface Team {
  readonly stack: Stack
  /** `localhost:5000` */
  readonly registry: string
  readonly operators: Operators
  /** The path of its landfall.yml. */
  readonly configuration: string
  /** Builds and pushes an image, and answers its digest. */
  pushImage(
    name: string,
    tag: string,
    behaviour: Behaviour,
    labels?: Readonly<Record<string, string>>,
  ): Promise<string>
  /** CI ended: GitHub sends `workflow_run`, signed. */
  endCi(run: Pick<CiRun, 'commit'> & Partial<CiRun>): Promise<HookAnswer>
  /** CI ended at CircleCI, which sends `workflow-completed`, signed. */
  endCircleci(run: Pick<CiWorkflow, 'commit'> & Partial<CiWorkflow>): Promise<HookAnswer>
  announceImage(app: string, repository: string, tag: string): Promise<HookAnswer>
  /** Removes from this machine's engine what deployments of these apps left there. */
  cleanUp(apps: readonly string[], ports: readonly number[]): Promise<void>
  /** Stops the stack, whatever it is at, and starts another on the same state and ports. */
  restart(): Promise<void>
  stop(): Promise<void>
}

/** A commit that reads like one and is the same at every run. */
export const toCommit = (name: string): string => createHash('sha1').update(name).digest('hex')

const githubSecret = 'landfall/local/github'
const circleciSecret = 'landfall/local/circleci'
const dockerHubSecret = 'landfall/local/docker-hub'

const writeConfiguration = (options: TeamOptions, registry: string): string => {
  const file = join(options.directory, 'landfall.yml')
  const apps = options.apps(registry)
  // A source that no app requires would be warned of.
  const isCircleciUsed = JSON.stringify(apps).includes('"ci":"circleci"')
  const sources = {
    github: { secret: githubSecret },
    ...(isCircleciUsed ? { circleci: { secret: circleciSecret } } : {}),
    'docker-hub': { secret: dockerHubSecret },
  }
  writeFileSync(file, stringify({ sources, apps }))
  return file
}

const createSecrets = async (
  secrets: SecretsManagerClient,
  options: TeamOptions,
): Promise<void> => {
  for (const [Name, value] of Object.entries(options.secrets ?? {}))
    await secrets.send(new CreateSecretCommand({ Name, SecretString: JSON.stringify(value) }))
}

/** Where no app runs on an instance or in a dyno nothing is run here, and no engine is needed. */
const startEngine = async (options: TeamOptions): Promise<Engine | null> => {
  if (!/"(ec2|heroku)":/.test(JSON.stringify(options.apps('')))) return null
  const engine = await ensureEngine(options.say)
  // What all of its images begin with is not pulled for each anew.
  await ensureBaseImage()
  return engine
}

const startParts = async (options: TeamOptions) => {
  mkdirSync(options.directory, { recursive: true })
  const engine = await startEngine(options)
  const registry = await startRegistry({
    port: 0,
    directory: join(options.directory, 'registry'),
    ...(options.credentials === undefined ? {} : { credentials: options.credentials }),
  })
  const configuration = writeConfiguration(options, registry.address)
  const proxy = engine === null || options.credentials === undefined ? null : await pinProxyImage()
  const { instances = 0, say = () => undefined, hasClock = true } = options
  const environment = { ...(proxy !== null && { PROXY_IMAGE: proxy }), ...options.environment }
  const facts = {
    config: configuration,
    stateDirectory: join(options.directory, 'state'),
    apiPort: await freePort(),
    awsPort: await freePort(),
    registryPort: Number(registry.address.split(':')[1]),
    instances,
    environment,
    say,
    hasClock,
  }
  const stack = await startStack(facts).catch(async (error: unknown) => {
    await registry.stop()
    await engine?.stop()
    throw error
  })
  return { engine, registry, stack, configuration, startAgain: () => startStack(facts) }
}

const createPushImage =
  (engine: Engine | null, address: string, options: TeamOptions): Team['pushImage'] =>
  async (name, tag, behaviour, labels = {}) => {
    const of = { name: `${address}/${name}`, tag, behaviour, labels }
    return engine === null
      ? publishEmptyImage(of)
      : publishAppImage(of, options.credentials ?? null)
  }

/** Starts a stack with an own registry and the team's configuration on free ports. */
export const startTeam = async (options: TeamOptions): Promise<Team> => {
  const { engine, registry, configuration, startAgain, ...parts } = await startParts(options)
  let { stack } = parts
  let operators = createOperators(stack)
  let secrets = new SecretsManagerClient(stack.client)
  await createSecrets(secrets, options)
  const readSecret = async (SecretId: string): Promise<string> =>
    (await secrets.send(new GetSecretValueCommand({ SecretId }))).SecretString ?? ''
  let runs = 0
  return {
    get stack() {
      return stack
    },
    configuration,
    registry: registry.address,
    get operators() {
      return operators
    },
    pushImage: createPushImage(engine, registry.address, options),
    endCi: async (run) => {
      runs += 1
      const ended = { repository: 'acme/shop', branch: 'main', workflow: 'CI', runNumber: runs }
      const body = toWorkflowRun({ ...ended, ...run })
      const secret = await readSecret(githubSecret)
      return sendToGithubHook(stack.apiAddress, secret, 'workflow_run', body)
    },
    endCircleci: async (run) => {
      runs += 1
      const ended = { repository: 'acme/shop', branch: 'main', workflow: 'build', number: runs }
      const body = toWorkflowCompleted({ ...ended, by: 'oauth', ...run })
      return sendToCircleciHook(stack.apiAddress, await readSecret(circleciSecret), body)
    },
    announceImage: async (app, repository, tag) =>
      sendToDockerHubHook(
        stack.apiAddress,
        await readSecret(dockerHubSecret),
        app,
        repository,
        tag,
      ),
    cleanUp: async (apps, ports) => {
      const [member] = stack.fleet.values()
      await cleanUp(apps, ports, registry.address, member?.instance.network ?? undefined)
    },
    restart: async () => {
      await stack.stop()
      stack = await startAgain()
      // Each start makes a key of its own.
      operators = createOperators(stack)
      secrets = new SecretsManagerClient(stack.client)
    },
    stop: async () => {
      await stack.stop()
      await registry.stop()
      await engine?.stop()
    },
  }
}
