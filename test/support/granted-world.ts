import { createHash, createHmac, randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  CloudWatchClient,
  PutMetricAlarmCommand,
  SetAlarmStateCommand,
} from '@aws-sdk/client-cloudwatch'
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import { stringify } from 'yaml'
import * as z from 'zod'
import {
  createFaults,
  createFleet,
  type LocalAws,
  type PackagedService,
  type RunScript,
  startAws,
} from '../../local/aws/index.ts'
import { listen } from '../../local/base/listen.ts'
import { startHeroku } from '../../local/heroku/heroku.ts'
import { buildService } from '../../local/package/build.ts'
import { createSecret, createTables } from '../../local/stack/seed.ts'
import { toWorkflowRun } from '../../local/team/signed-delivery.ts'
import { readConfigurationFile } from '../../src/config/file.ts'
import { readSettings } from './ec2-ports.ts'
import { createKeyRing } from './instance-key.ts'
import { account } from './local-aws.ts'
import { waitFor } from './wait.ts'

// A whole stage by its packaged functions and roles, without Docker: an instance only says what a host
// script would, a registry and a Heroku only what a deployment asks of them.

const hookSecret = 'landfall/local/github'
const secretTexts = {
  [hookSecret]: randomUUID(),
  'landfall/local/docker-hub': randomUUID(),
  'landfall/local/shop': JSON.stringify({ SECRET_KEY: randomUUID() }),
  'landfall/local/heroku': randomUUID(),
}

const toApp = (registry: string, name: string, targets: readonly object[], more: object) => ({
  repository: `acme/${name}`,
  branch: 'main',
  image: `${registry}/acme/${name}`,
  requires: [{ ci: 'github', workflow: 'CI' }, 'image'],
  targets,
  ...more,
})

const toConfiguration = (registry: string) => ({
  sources: {
    github: { secret: hookSecret },
    'docker-hub': { secret: 'landfall/local/docker-hub' },
  },
  apps: {
    shop: toApp(
      registry,
      'shop',
      [{ ec2: { instances: { tag: 'Name=shop' }, port: 8000, publish: 8000 } }],
      { secrets: 'landfall/local/shop', rollback: { alarms: ['shop-5xx'] } },
    ),
    site: toApp(
      registry,
      'site',
      [{ heroku: { app: 'site', token: 'landfall/local/heroku', env: 'leave' } }],
      {},
    ),
  },
})

const sha256 = (text: string): string => `sha256:${createHash('sha256').update(text).digest('hex')}`

/** Each tag is there, an image of its own for one kind of machine, whose layers are missing. */
const startTagServer = async () => {
  const manifests = new Map<string, string>()
  const server = createServer(({ url = '', method }, response) => {
    const [, tag = ''] = /\/manifests\/(.+)$/.exec(url) ?? []
    const manifest =
      manifests.get(tag) ??
      JSON.stringify({
        schemaVersion: 2,
        mediaType: 'application/vnd.docker.distribution.manifest.v2+json',
        config: {
          mediaType: 'application/vnd.docker.container.image.v1+json',
          digest: sha256(`configuration of ${tag}`),
          size: 100,
        },
        layers: [
          {
            mediaType: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
            digest: sha256(`layer of ${tag}`),
            size: 100,
          },
        ],
      })
    const digest = sha256(manifest)
    manifests.set(digest, manifest)
    if (tag === '') return void response.writeHead(404).end()
    response.writeHead(200, {
      'docker-content-digest': digest,
      'content-type': 'application/vnd.docker.distribution.manifest.v2+json',
    })
    response.end(method === 'HEAD' ? undefined : manifest)
  })
  const port = await listen(server, 0)
  return { address: `localhost:${port}`, stop: () => void server.close() }
}

/** How the instance takes the next `deploy`. */
export type Mood = 'well' | 'fails' | 'key_changed' | 'waits'

const Environment = z.object({
  SSM_Mode: z.string().optional(),
  SSM_Generation: z.string().optional(),
  SSM_Settings: z.string().default(''),
})

const digestIn = (settings: string): string =>
  readSettings(settings)
    .find((line) => line.startsWith('digest='))
    ?.slice('digest='.length) ?? ''

interface StandIn {
  readonly run: RunScript
  mood: Mood
}

const createStandIn = (certificate: string): StandIn => {
  let serving: object | null = null
  const answer = (environment: z.infer<typeof Environment>, mood: Mood): object => {
    const { SSM_Mode: mode, SSM_Generation: generation, SSM_Settings: settings } = environment
    if (mode === undefined) return { outcome: 'succeeded', reason: '', serving, certificate }
    if (mood === 'key_changed') return { outcome: 'refused', reason: 'key_changed', serving }
    if (mood === 'fails') return { outcome: 'failed', reason: 'unhealthy', message: 'no', serving }
    serving = { generation: Number(generation), digest: digestIn(settings) }
    return { outcome: 'succeeded', reason: '', serving }
  }
  const standIn: StandIn = {
    mood: 'well',
    run: ({ environment }) => {
      const given = Environment.parse(environment)
      const { mood } = standIn
      if (given.SSM_Mode !== undefined) standIn.mood = 'well'
      let kill = (): void => undefined
      const killed = new Promise<{ exitCode: number; stdout: string; stderr: string }>(
        (resolve) => (kill = () => resolve({ exitCode: 137, stdout: '', stderr: '' })),
      )
      if (given.SSM_Mode !== undefined && mood === 'waits') return { ended: killed, kill }
      const result = answer(given, mood)
      const exitCode = 'outcome' in result && result.outcome === 'succeeded' ? 0 : 1
      const stdout = `landfall/1 ${JSON.stringify(result)}\n`
      return { ended: Promise.resolve({ exitCode, stdout, stderr: '' }), kill }
    },
  }
  return standIn
}

export interface GrantedWorld {
  readonly service: PackagedService
  readonly aws: LocalAws
  readonly standIn: StandIn
  /** CI is green for a commit of the app, whose image is there. */
  readonly deliver: (app: string, commit: string) => Promise<void>
  /** What an operator function answers. */
  readonly operate: (name: string, input: object) => Promise<unknown>
  /** Waits until no function runs. */
  readonly settle: () => Promise<void>
  readonly waitForStatus: (app: string, generation: number, status: string) => Promise<void>
  readonly fireAlarm: () => Promise<void>
  readonly tick: () => Promise<void>
  readonly stop: () => Promise<void>
}

const Status = z.object({
  deployments: z.array(z.looseObject({ generation: z.number(), status: z.string() })),
})

const HookAnswer = z.looseObject({ statusCode: z.number() })

const toHookEvent = (body: string) => ({
  rawPath: '/hooks/github',
  requestContext: { http: { method: 'POST' } },
  headers: {
    'content-type': 'application/json',
    'x-github-event': 'workflow_run',
    'x-github-delivery': randomUUID(),
    'x-hub-signature-256': `sha256=${createHmac('sha256', secretTexts[hookSecret] ?? '')
      .update(body)
      .digest('hex')}`,
  },
  body,
  isBase64Encoded: false,
})

const instance = {
  id: 'i-00000001',
  name: 'shop',
  address: '10.77.0.11',
  tags: [
    { key: 'landfall:stage', value: 'local' },
    { key: 'Name', value: 'shop' },
  ],
  network: null,
  dockerHost: null,
  enter: [],
}

const packageApps = (directory: string, registry: string): Promise<PackagedService> => {
  const config = join(directory, 'landfall.yml')
  writeFileSync(config, stringify(toConfiguration(registry)))
  const { configuration } = readConfigurationFile(config)
  return buildService(configuration, account, join(directory, 'bundles'), () => undefined)
}

export const startGrantedWorld = async (): Promise<GrantedWorld> => {
  const directory = mkdtempSync(join(tmpdir(), 'landfall-granted-'))
  const registry = await startTagServer()
  const heroku = await startHeroku({
    isToken: () => true,
    apps: [{ name: 'site' }],
    hasImage: () => Promise.resolve(true),
    pace: { releasePhase: 0, start: 0, switchover: 0 },
  })
  const keys = createKeyRing()
  const { certificate } = keys.make(instance.id)
  const standIn = createStandIn(Buffer.from(certificate).toString('base64'))
  const service = await packageApps(directory, registry.address)
  const aws = await startAws({
    account,
    port: 0,
    stateDirectory: join(directory, 'aws'),
    service,
    fleet: createFleet([{ ...instance, stateRoot: directory }]),
    faults: createFaults(),
    writeLog: () => undefined,
    timing: { deliverMilliseconds: 5, visibleMilliseconds: 0, lossMilliseconds: 0 },
    runScript: standIn.run,
    overrides: () => ({
      API_URL: 'http://localhost:3000',
      PROXY_IMAGE: `${registry.address}/landfall/haproxy:3`,
      HEROKU_API: heroku.url.origin,
      HEROKU_REGISTRY: `http://${registry.address}`,
    }),
  })
  await createTables(aws.client, service.tables)
  const secrets = new SecretsManagerClient(aws.client)
  for (const [name, text] of Object.entries(secretTexts)) await createSecret(secrets, name, text)
  let runNumber = 0

  const invoke = async (name: string, payload: unknown): Promise<unknown> => {
    const text = JSON.stringify(payload)
    const result = await aws.runner.invoke(`landfall-local-${name}`, text)
    if (result.functionError !== null) throw new Error(`${name}: ${result.payload.slice(0, 2000)}`)
    return JSON.parse(result.payload)
  }
  const tick = async (): Promise<void> =>
    void (await invoke('reconcile', { 'detail-type': 'Scheduled Event' }))
  const newestOf = async (app: string) =>
    Status.parse(await invoke('status', { app })).deployments[0]
  return {
    service,
    aws,
    standIn,
    deliver: async (app, commit) => {
      runNumber += 1
      const run = { repository: `acme/${app}`, branch: 'main', workflow: 'CI', commit, runNumber }
      const event = toHookEvent(toWorkflowRun(run))
      // It waits a short time for the hook's secret, and keeps a failure for ten seconds: a sender tries again.
      await waitFor('the webhook has read its secret', async () => {
        const answer = HookAnswer.parse(await invoke('webhook', event))
        if (![202, 503].includes(answer.statusCode))
          throw new Error(`webhook: ${JSON.stringify(answer)}`)
        return answer.statusCode === 202
      })
    },
    operate: invoke,
    settle: () => waitFor('every function has answered', () => aws.runner.isIdle()),
    waitForStatus: (app, generation, status) =>
      waitFor(`deployment ${generation} of ${app} is ${status}`, async () => {
        const newest = await newestOf(app)
        return newest?.generation === generation && newest.status === status
      }),
    fireAlarm: async () => {
      const cloudwatch = new CloudWatchClient(aws.client)
      const AlarmName = 'shop-5xx'
      await cloudwatch.send(
        new PutMetricAlarmCommand({
          AlarmName,
          Namespace: 'shop',
          MetricName: '5xx',
          Statistic: 'Sum',
          Period: 60,
          EvaluationPeriods: 1,
          Threshold: 1,
          ComparisonOperator: 'GreaterThanThreshold',
        }),
      )
      const state = { AlarmName, StateValue: 'ALARM', StateReason: 'test' } as const
      await cloudwatch.send(new SetAlarmStateCommand(state))
    },
    tick,
    stop: async () => {
      await aws.stop()
      await heroku.stop()
      registry.stop()
      keys.remove()
      rmSync(directory, { recursive: true, force: true })
    },
  }
}
