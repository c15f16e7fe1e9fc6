import { createHash, createHmac, randomUUID } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import { DynamoDBDocumentClient, paginateScan, PutCommand } from '@aws-sdk/lib-dynamodb'
import { stringify } from 'yaml'
import * as z from 'zod'
import {
  createFaults,
  createFleet,
  defaultTiming,
  type Instance,
  type PackagedService,
  startAws,
  toEvent,
} from '../local/aws/index.ts'
import { listen } from '../local/base/listen.ts'
import { buildService } from '../local/package/build.ts'
import { readConfigurationFile } from '../src/config/file.ts'
import { createSecret, createTables } from '../local/stack/seed.ts'
import { toWorkflowRun } from '../local/team/signed-delivery.ts'
import { toCommit } from '../local/team/team.ts'
import { createHeads } from '../src/journal/heads.ts'
import { itemKey } from '../src/journal/keys.ts'
import { readItem } from '../src/journal/table.ts'
import { AppName, Fence, type InstanceId } from '../src/kernel/id.ts'
import type { Heads } from '../src/rollout/journal.ts'
import { countCalls, type Calls } from './fleet-calls.ts'
import { createStandIns, type StandIns } from './fleet-hosts.ts'
import { print } from './report.ts'

const account = { id: '000000000000', region: 'eu-west-3' }
const hookSecret = 'landfall/local/github'

/** Of the apps that are measured; every other one has a share of the fleet. */
export const inLargeWaves = 'large-waves'
export const inSmallWaves = 'small-waves'
export const smallBatch = 10

const toShare = (app: string): string => `share-of-${app}`

/** In the order in which they are added: the first is in large waves, the second in small ones. */
export const nameApps = (count: number): readonly string[] =>
  [inLargeWaves, inSmallWaves, ...Array.from({ length: count }, (_, at) => `app-${at + 1}`)].slice(
    0,
    count,
  )

const toApp = (registry: string, app: string, index: number) => ({
  repository: `acme/${app}`,
  branch: 'main',
  image: `${registry}/acme/${app}`,
  requires: [{ ci: 'github', workflow: 'CI' }, 'image'],
  env: { DEBUG: 'False', ALLOWED_HOSTS: `${app}.example.com` },
  secrets: `landfall/local/${app}`,
  targets: [
    {
      ec2: {
        instances: { tag: index < 2 ? 'Name=fleet' : `Name=${toShare(app)}` },
        port: 8000,
        publish: 8000 + index,
        rollout: { batch: app === inSmallWaves ? smallBatch : '100%' },
      },
    },
  ],
})

/** A tag is there as soon as it is asked for, and its digest is its name's. */
export const startTagServer = async () => {
  const server = createServer(({ url = '' }, response) => {
    const digest = `sha256:${createHash('sha256').update(url).digest('hex')}`
    response.writeHead(200, { 'docker-content-digest': digest }).end()
  })
  const port = await listen(server, 0)
  return { address: `localhost:${port}`, stop: () => void server.close() }
}

/** Packages the service with so many apps. */
export const packageApps = (
  directory: string,
  registry: string,
  apps: readonly string[],
): Promise<PackagedService> => {
  const config = join(directory, `apps-${apps.length}.yml`)
  const entries = apps.map((app, index) => [app, toApp(registry, app, index)] as const)
  const sources = { github: { secret: hookSecret } }
  writeFileSync(config, stringify({ sources, apps: Object.fromEntries(entries) }))
  const { configuration } = readConfigurationFile(config)
  return buildService(configuration, account, join(directory, `bundles-${apps.length}`), print)
}

const startInstances = (directory: string, count: number, apps: readonly string[]) => {
  const others = apps.slice(2)
  const instances = Array.from({ length: count }, (_, index): Instance => {
    const own = others.filter((_app, at) => index % others.length === at % count)
    const values = ['fleet', ...own.map(toShare)]
    return {
      id: `i-${(index + 1).toString(16).padStart(8, '0')}`,
      name: `fleet-${index + 1}`,
      address: `10.77.${Math.floor(index / 250)}.${(index % 250) + 1}`,
      tags: [
        { key: 'landfall:stage', value: 'local' },
        ...values.map((value) => ({ key: 'Name', value })),
      ],
      stateRoot: directory,
      network: null,
      dockerHost: null,
      enter: [],
    }
  })
  return createFleet(instances)
}

export interface FleetWorld {
  readonly standIns: StandIns
  /** CI is green for a commit, until nothing moves any more. What both functions called. */
  deploy(app: string, version: string): Promise<{ webhook: Calls; deployment: Calls }>
  /** Several apps at a time, of which only the end counts. */
  deployTogether(apps: readonly string[], version: string): Promise<void>
  /** The clock wakes `reconcile` once; until nothing moves any more. */
  tick(): Promise<Calls>
  /** As if nobody had been asked anything for two hours. */
  age(): Promise<void>
  /** What an app's head takes at the moment. */
  readHeadBytes(app: string): Promise<number>
  stop(): Promise<void>
}

/** Longer than a command is on its way to its instance, and an event to its function. */
const quietMilliseconds = 400
const longestMilliseconds = 180_000

const Status = z.object({
  deployments: z.array(z.object({ generation: z.number(), status: z.string() })),
})
const Item = z.record(z.string(), z.unknown())
/** JSON takes more than DynamoDB counts, but for bytes, which stand in it as they are. */
const toBytes = (item: z.infer<typeof Item>): number =>
  Object.values(item).reduce<number>(
    (all, value) =>
      all + (value instanceof Uint8Array ? value.length : JSON.stringify(value).length),
    0,
  )

const longAgo = (): string => new Date(Date.now() - 2 * 3600_000).toISOString()

const ageFleetScan = (item: z.infer<typeof Item>): z.infer<typeof Item> => {
  const asked = Object.keys(z.record(z.string(), z.string()).parse(item['asked']))
  return { ...item, asked: Object.fromEntries(asked.map((app) => [app, longAgo()])) }
}

const ageHead = async (heads: Heads, app: AppName): Promise<void> => {
  const head = await heads.load(app)
  const places = head.observed.map((place) => ({ ...place, at: longAgo() }))
  await heads.record(
    { ...head, observed: places, version: Fence.parse(head.version + 1) },
    head.version,
  )
}

export interface FleetSettings {
  readonly directory: string
  readonly service: PackagedService
  readonly apps: readonly string[]
  readonly instances: number
  readonly certificateOf: (id: InstanceId) => string
}

/** A stage whose functions are the packaged ones and whose instances only say what a host would. */
export const startFleetWorld = async (settings: FleetSettings): Promise<FleetWorld> => {
  const { apps, instances, service } = settings
  const directory = join(settings.directory, `${apps.length}-apps-on-${instances}`)
  mkdirSync(directory, { recursive: true })
  const faults = createFaults()
  const standIns = createStandIns(settings.certificateOf)
  const logs: string[] = []
  const aws = await startAws({
    account,
    port: 0,
    stateDirectory: directory,
    service,
    fleet: startInstances(directory, instances, apps),
    faults,
    writeLog: (_name, line) => logs.push(line),
    timing: defaultTiming,
    runScript: standIns.run,
    // By its digest: no registry is asked.
    overrides: () => ({ PROXY_IMAGE: `registry.example/haproxy@sha256:${'0'.repeat(64)}` }),
  })
  const counter = countCalls(faults, (name, payload) =>
    aws.runner.invoke(name, JSON.stringify(payload)),
  )
  const { client } = aws
  await createTables(client, service.tables)
  const secrets = new SecretsManagerClient(client)
  const signingSecret = randomUUID()
  await createSecret(secrets, hookSecret, signingSecret)
  const value = JSON.stringify({ SECRET_KEY: randomUUID(), DATABASE_URL: randomUUID() })
  for (const app of apps) await createSecret(secrets, `landfall/local/${app}`, value)
  secrets.destroy()
  const table = DynamoDBDocumentClient.from(new DynamoDBClient(client))
  const journal = { name: 'landfall-local', documents: () => table }
  const heads = createHeads(journal)

  const invoke = async (name: string, payload: unknown): Promise<unknown> => {
    const text = JSON.stringify(payload)
    const result = await aws.runner.invoke(`landfall-local-${name}`, text)
    if (result.functionError !== null) throw new Error(`${name}: ${result.payload.slice(0, 500)}`)
    return JSON.parse(result.payload)
  }
  const settle = async (): Promise<void> => {
    const until = Date.now() + longestMilliseconds
    const isQuiet = () =>
      counter.running() + standIns.running() === 0 && counter.quietFor() > quietMilliseconds
    while (!isQuiet()) {
      if (Date.now() > until)
        throw new Error(`nothing settled\n${logs.slice(-5).join('\n').slice(0, 2000)}`)
      await sleep(50)
    }
  }
  const deliver = async (app: string, version: string): Promise<void> => {
    const commit = toCommit(`${app} ${version}`)
    const run = { repository: `acme/${app}`, branch: 'main', workflow: 'CI', commit }
    const body = toWorkflowRun({ ...run, runNumber: Math.floor(performance.now()) })
    const signature = createHmac('sha256', signingSecret).update(body).digest('hex')
    const headers = {
      'content-type': 'application/json',
      'x-github-event': 'workflow_run',
      'x-github-delivery': randomUUID(),
      'x-hub-signature-256': `sha256=${signature}`,
    }
    const answer = await invoke('webhook', {
      rawPath: '/hooks/github',
      requestContext: { http: { method: 'POST' } },
      headers,
      body,
      isBase64Encoded: false,
    })
    const { statusCode } = z.looseObject({ statusCode: z.number() }).parse(answer)
    if (statusCode !== 202) throw new Error(`webhook: ${JSON.stringify(answer)}`)
  }
  const expectSucceeded = async (app: string): Promise<void> => {
    const [newest] = Status.parse(await invoke('status', { app })).deployments
    if (newest?.status !== 'succeeded')
      throw new Error(
        `${app} on ${instances}: ${JSON.stringify(newest)}\n${logs.slice(-5).join('\n').slice(0, 2000)}`,
      )
  }
  return {
    standIns,
    deploy: async (app, version) => {
      const held: unknown[] = []
      counter.held = held
      const webhook = await counter.during(() => deliver(app, version))
      await sleep(20)
      counter.held = null
      const deployment = await counter.during(async () => {
        await Promise.all(held.map((nudge) => invoke('reconcile', nudge)))
        await settle()
      })
      await expectSucceeded(app)
      return { webhook, deployment }
    },
    deployTogether: async (apps, version) => {
      for (const app of apps) await deliver(app, version)
      await settle()
      for (const app of apps) await expectSucceeded(app)
    },
    tick: () =>
      counter.during(async () => {
        const facts = { 'detail-type': 'Scheduled Event', source: 'aws.events' }
        await invoke('reconcile', toEvent(account, { ...facts, resources: [], detail: {} }))
        await settle()
      }),
    age: async () => {
      const query = { TableName: journal.name, ConsistentRead: true }
      for await (const page of paginateScan({ client: table }, query))
        for (const item of (page.Items ?? []).map((one) => Item.parse(one)))
          if (item['sk'] === 'head') await ageHead(heads, AppName.parse(item['app']))
          else if (item['sk'] === 'roll-call')
            await table.send(new PutCommand({ TableName: journal.name, Item: ageFleetScan(item) }))
    },
    readHeadBytes: async (app) => {
      const item = await counter.aside(() => readItem(journal, itemKey.head(AppName.parse(app))))
      return item === null ? 0 : toBytes(item)
    },
    stop: async () => {
      table.destroy()
      await aws.stop()
    },
  }
}
