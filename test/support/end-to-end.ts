import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { ListCommandsCommand, SSMClient, SendCommandCommand } from '@aws-sdk/client-ssm'
import { DynamoDBDocumentClient, GetCommand, paginateScan } from '@aws-sdk/lib-dynamodb'
import { expect } from 'vitest'
import * as z from 'zod'
import { docker } from '../../local/docker/docker.ts'
import { freePort } from '../../local/docker/free-port.ts'
import type { Behaviour } from '../../local/docker/images.ts'
import { startLoad, type Load, type LoadResult } from '../../local/load/load.ts'
import type { ShownDeployment } from '../../local/team/operators.ts'
import type { HookAnswer } from '../../local/team/signed-delivery.ts'
import { startTeam, toCommit, type Team, type TeamOptions } from '../../local/team/team.ts'
import { patienceSeconds, waitFor } from './wait.ts'
import { toDocument } from './local-aws.ts'
import { isFull } from './size.ts'

const project = join(import.meta.dirname, '../..')

/** An app of the team's landfall.yml: what differs from the ordinary one. */
export interface AppFacts {
  /** The app whose repository and image this one has too. */
  readonly sameAs?: string
  readonly settings?: Readonly<Record<string, unknown>>
  /** Null: it does not run on EC2. */
  readonly ec2?: Readonly<Record<string, unknown>> | null
  readonly render?: Readonly<Record<string, unknown>>
}

/** A team with its apps on the local stack: real Docker, real registry, signed webhooks. */
export interface Stage {
  readonly team: Team
  readonly directory: string
  /** What the stack said, a line each. */
  readonly said: readonly string[]
  /** Where users find the app. */
  port(app: string): number
  /** `acme/<app>`, at GitHub and in the registry. */
  readonly repositoryOf: (app: string) => string
  /** Pushes the image of the version's commit; the digest. */
  push(app: string, version: string, behaviour?: Partial<Behaviour>): Promise<string>
  endCi(
    app: string,
    version: string,
    more?: Partial<Parameters<Team['endCi']>[0]>,
  ): Promise<HookAnswer>
  /** The next deployment of the app once it has ended. */
  nextDeployment(app: string, seconds?: number): Promise<ShownDeployment>
  /** Pushes the image, turns CI green and waits for the end of what follows. */
  release(app: string, version: string, behaviour?: Partial<Behaviour>): Promise<ShownDeployment>
  load(app: string, options?: Partial<Parameters<typeof startLoad>[0]>): Load
  /** What the app answers to its users. */
  ask(app: string, path?: string): Promise<string>
  /** The command line that README shows; what it prints, parsed. */
  invokeBySls(name: string, input: unknown): Promise<unknown>
  /** By that command line in the full size; else the same function with the same input. */
  operate(name: string, input: unknown): Promise<unknown>
  /** With the landfall.yml that is there now. */
  restart(): Promise<void>
  close(): Promise<void>
}

export const renderService = ({ team }: Stage, id: string) => {
  const { render } = team.stack
  if (render === null) throw new Error('no Render')
  return render.service(id)
}

/** Each status of the service's deploys is seen for a moment, not for seconds. */
export const quicken = (stage: Stage, id: string): void => {
  const { settings } = renderService(stage, id)
  settings.pace = { ...settings.pace, build: 0.1, update: 0.2, live: 0.4 }
}

/** Of an app whose deployments are taken back while one of them does not come up. */
export const patientHealth = { path: '/healthz', interval: '0.1s', times: 2, timeout: '200s' }
/** Still not up when that is over, so that a test has all the time it takes. */
export const neverUp: Partial<Behaviour> = { START_DELAY_SECONDS: '300' }

const toEc2 = (port: number, ec2: AppFacts['ec2']) => ({
  instances: { tag: 'Name=demo' },
  port: 8000,
  publish: port,
  health: { path: '/healthz', interval: '0.1s', times: 2, timeout: '20s' },
  ...ec2,
})

const toApp = (registry: string, name: string, port: number, facts: AppFacts) => ({
  repository: `acme/${facts.sameAs ?? name}`,
  branch: 'main',
  image: `${registry}/acme/${facts.sameAs ?? name}`,
  requires: [{ ci: 'github', workflow: 'CI' }, 'image'],
  ...facts.settings,
  targets: [
    ...(facts.ec2 === null ? [] : [{ ec2: toEc2(port, facts.ec2) }]),
    ...(facts.render === undefined ? [] : [{ render: facts.render }]),
  ],
})

const sls = createRequire(import.meta.url).resolve('serverless/bin/serverless.js')

const invokeBySls = async (team: Team, name: string, input: unknown): Promise<unknown> => {
  const { endpoint, region, credentials } = team.stack.client
  const options = ['--stage', 'local', '--region', region, '-d', JSON.stringify(input)]
  const env = {
    ...process.env,
    AWS_ENDPOINT_URL: endpoint,
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    LANDFALL_CONFIG: team.configuration,
  }
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [sls, 'invoke', '-f', name, ...options],
    { cwd: project, env },
  )
  return JSON.parse(stdout.slice(stdout.search(/[[{]/)))
}

const rootOf = async (port: number, path: string): Promise<string> => {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, {
    headers: { connection: 'close' },
    signal: AbortSignal.timeout(30_000),
  })
  return (await response.text()).trim()
}

const recorded = { status: 202, reason: 'recorded' }
/** Where the journal answers later than its client waits, `webhook` repeats its write, and finds it done. */
const repeated = { status: 200, reason: 'duplicate' }

const expectRecorded = async ({ stack }: Team, send: () => ReturnType<Team['endCi']>) => {
  const before = stack.repeats.length
  const { status, reason } = await send()
  const isWrite = (call: string) => /^landfall-local-webhook dynamodb (Put|Update)Item$/.test(call)
  const isRepeated = stack.repeats.slice(before).some(isWrite)
  expect(isRepeated ? [recorded, repeated] : [recorded]).toContainEqual({ status, reason })
}

/** Starts a team with these apps, each on a port of its own; names are this test file's alone. */
export const openStage = async ({
  apps,
  refused = null,
  ...options
}: Omit<TeamOptions, 'apps' | 'directory'> & {
  readonly apps: Readonly<Record<string, AppFacts>>
  /** `kms:Decrypt on resource: ARN`: what a role refuses in this test, and once at least; nothing else may be. */
  readonly refused?: string | null
}): Promise<Stage> => {
  const directory = mkdtempSync(join(tmpdir(), 'landfall-end-to-end-'))
  const ports = new Map<string, number>()
  for (const name of Object.keys(apps)) ports.set(name, await freePort())
  const port = (app: string): number => ports.get(app) ?? 0
  const said: string[] = []
  const team = await startTeam({
    directory,
    say: (line) => said.push(line),
    // Every minute that passes is a test's own word.
    hasClock: false,
    ...options,
    apps: (registry) =>
      Object.fromEntries(
        Object.entries(apps).map(([name, facts]) => [
          name,
          toApp(registry, name, port(name), facts),
        ]),
      ),
  }).catch((error: unknown) => {
    rmSync(directory, { recursive: true, force: true })
    throw error
  })
  const generations = new Map<string, number>()
  const earlierDenials: string[] = []
  const repositoryOf = (app: string): string => `acme/${app}`
  const push: Stage['push'] = (app, version, behaviour = {}) =>
    team.pushImage(repositoryOf(app), toCommit(version), { VERSION: version, ...behaviour })
  const endCi: Stage['endCi'] = (app, version, more = {}) =>
    team.endCi({ repository: repositoryOf(app), commit: toCommit(version), ...more })
  const nextDeployment: Stage['nextDeployment'] = async (app, seconds = patienceSeconds) => {
    const generation = (generations.get(app) ?? 0) + 1
    const ended = await team.operators.waitForEnd(app, generation, seconds)
    generations.set(app, generation)
    return ended
  }
  return {
    team,
    directory,
    said,
    port,
    repositoryOf,
    push,
    endCi,
    nextDeployment,
    release: async (app, version, behaviour) => {
      await push(app, version, behaviour)
      await expectRecorded(team, () => endCi(app, version))
      return nextDeployment(app)
    },
    load: (app, more = {}) =>
      startLoad({ url: `http://127.0.0.1:${port(app)}/`, ratePerSecond: 40, ...more }),
    ask: (app, path = '/') => rootOf(port(app), path),
    invokeBySls: (name, input) => invokeBySls(team, name, input),
    operate: (name, input) =>
      isFull ? invokeBySls(team, name, input) : team.operators.invoke(name, input),
    restart: async () => {
      const { denials } = team.stack
      await team.restart()
      earlierDenials.push(...denials)
    },
    close: async () => {
      await team.cleanUp(Object.keys(apps), [...ports.values()])
      await team.stop()
      rmSync(directory, { recursive: true, force: true })
      const denials = [...earlierDenials, ...team.stack.denials]
      const isForeseen = (one: string) => refused !== null && one.includes(` ${refused} `)
      expect(
        denials.filter((one) => !isForeseen(one)),
        'no role has refused a function a call',
      ).toEqual([])
      expect(denials.some(isForeseen)).toBe(refused !== null)
    },
  }
}

const Item = z.record(z.string(), z.unknown())
export type Item = z.infer<typeof Item>

const documentsOf = ({ team }: Stage) =>
  DynamoDBDocumentClient.from(new DynamoDBClient(team.stack.client))

/** Every item of the journal. */
export const scanJournal = async (stage: Stage): Promise<readonly Item[]> => {
  const items: Item[] = []
  const query = { TableName: 'landfall-local', ConsistentRead: true }
  for await (const page of paginateScan({ client: documentsOf(stage) }, query))
    items.push(...(page.Items ?? []).map((item) => Item.parse(item)))
  return items
}

/** One item of the journal by its keys; undefined where there is none. */
export const readJournal = async (
  stage: Stage,
  pk: string,
  sk: string,
): Promise<Item | undefined> => {
  const order = new GetCommand({
    TableName: 'landfall-local',
    Key: { pk, sk },
    ConsistentRead: true,
  })
  return (await documentsOf(stage).send(order)).Item
}

export const readDeployment = (
  stage: Stage,
  app: string,
  generation: number,
): Promise<Item | undefined> =>
  readJournal(stage, `history#${app}`, `deployment#${String(generation).padStart(8, '0')}`)

export const readRevision = (
  stage: Stage,
  app: string,
  version: string,
): Promise<Item | undefined> => readJournal(stage, `app#${app}`, `revision#${toCommit(version)}`)

/** Says the figures and holds the one that matters. */
export const expectNoneFailed = (title: string, result: LoadResult): void => {
  const { sent, failed, slowestMilliseconds, p50Milliseconds, p99Milliseconds } = result
  const rounded = [p50Milliseconds, p99Milliseconds, slowestMilliseconds].map(Math.round)
  process.stdout.write(
    `${title}: ${failed} of ${sent} requests failed; p50 ${rounded[0]}, p99 ${rounded[1]}, slowest ${rounded[2]} ms\n`,
  )
  expect(result.failures).toEqual([])
  expect(failed).toBe(0)
  expect(sent).toBeGreaterThan(0)
}

const tell = ({ status, reason, message }: ShownDeployment): string =>
  `${status}, ${reason}: ${message}`

/** A deployment that did what it should; one that did not tells why. */
export const expectDeployed = (deployment: ShownDeployment, more: object = {}): void =>
  expect(deployment, tell(deployment)).toMatchObject({
    status: 'succeeded',
    reason: 'deployed',
    ...more,
  })

export const expectFailed = (
  deployment: ShownDeployment,
  reason: string,
  message: RegExp = /./,
): void => {
  expect(deployment, tell(deployment)).toMatchObject({ status: 'failed', reason })
  expect(deployment.message).toMatch(message)
}

/** For inside of what is expected: Vitest's own have no type. */
export const aText: unknown = expect.any(String)
export const aList: unknown = expect.any(Array)
export const textLike = (pattern: string | RegExp): unknown => expect.stringMatching(pattern)
export const anyWith = (facts: Readonly<Record<string, unknown>>): unknown =>
  expect.objectContaining(facts)

/** Names of the containers of an app, by whether they run. */
export const containersOf = async (app: string, all = false): Promise<readonly string[]> => {
  const filter = ['--filter', `label=landfall.app=${app}`, '--format', '{{.Names}}']
  const names = await docker(['ps', ...(all ? ['--all'] : []), ...filter])
  return names.split('\n').filter(Boolean).toSorted()
}

/** How many scripts an agent runs at a time. */
const workersOfAgent = 5

/**
 * Keeps the agent of the instance busy, as other people's commands do: what Landfall sends from now on
 * waits until the function that this answers is called.
 */
export const holdAgent = async ({ team, directory }: Stage): Promise<() => void> => {
  const ssm = new SSMClient(team.stack.client)
  const name = `landfall-local-hold-${randomUUID().slice(0, 8)}`
  const gate = join(directory, name)
  team.stack.addDocument(name, toDocument(`until [ -e ${gate} ]; do sleep 0.1; done`))
  const order = { DocumentName: name, InstanceIds: ['i-00000001'] }
  for (let held = 0; held < workersOfAgent; held += 1) await ssm.send(new SendCommandCommand(order))
  const Filters = [{ key: 'DocumentName', value: name } as const]
  await waitFor('the commands that keep the agent busy have begun', async () => {
    const { Commands = [] } = await ssm.send(new ListCommandsCommand({ Filters }))
    return Commands.filter(({ Status }) => Status === 'InProgress').length === workersOfAgent
  })
  return () => writeFileSync(gate, '')
}

/** Waits until the next deployment of the app is under way: opened, its command sent. */
export const waitUntilOpen = async ({ team }: Stage, app: string): Promise<void> =>
  waitFor(`a deployment of ${app} is under way`, async () => {
    const { open, deployments } = await team.operators.status(app)
    return open !== null && deployments[0]?.status === 'in_progress'
  })

/** Waits until the container of this generation has been started, whatever it answers. */
export const waitUntilStarted = async (app: string, generation: number): Promise<void> => {
  const container = `landfall-${app}.${generation}`
  await waitFor(`${container} runs`, async () => (await containersOf(app)).includes(container))
}

/** Waits until every function that was woken has answered: what follows from it is written. */
export const waitUntilQuiet = ({ team }: Stage): Promise<void> =>
  waitFor('every function has answered', () => team.stack.runner.isIdle())

export { toCommit }
