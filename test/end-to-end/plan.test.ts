import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { CloudWatchClient, PutMetricAlarmCommand } from '@aws-sdk/client-cloudwatch'
import { CreateSecretCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import {
  ListCommandInvocationsCommand,
  ListCommandsCommand,
  SSMClient,
  type Command,
} from '@aws-sdk/client-ssm'
import { afterAll, beforeAll, expect, test } from 'vitest'
import * as z from 'zod'
import { docker } from '../../local/docker/docker.ts'
import {
  expectDeployed,
  openStage,
  scanJournal,
  textLike,
  toCommit,
  waitUntilQuiet,
  type Stage,
} from '../support/end-to-end.ts'
import { traceHost } from '../support/trace.ts'

const app = 'e2e-plan'
const secret = 'landfall/local/e2e-plan'
const byHand = 'e2e-plan-by-hand'
const value = 'the-planted-value-of-e2e-plan'
let stage: Stage

const Plan = z.object({
  app: z.literal(app),
  ok: z.boolean(),
  would: z.string(),
  findings: z.array(
    z.object({
      level: z.string(),
      what: z.string(),
      message: z.string(),
      reason: z.string().optional(),
      instance: z.string().optional(),
    }),
  ),
  revision: z.object({
    from: z.string(),
    id: z.string().nullable(),
    digest: z.string().nullable(),
  }),
  live: z.object({ generation: z.number() }).nullable(),
  instances: z.array(z.looseObject({ id: z.string(), would: z.array(z.string()) })),
})

beforeAll(async () => {
  stage = await openStage({
    apps: {
      [app]: {
        settings: { secrets: secret, rollback: { alarms: ['e2e-plan-5xx'] } },
        ec2: { predeploy: ['node', '--version'] },
      },
    },
  })
})
afterAll(async () => {
  await docker(['rm', '--force', byHand])
  await stage?.close()
})

const stateRoot = (): string => join(stage.team.stack.stateDirectory, 'instances', 'i-00000001')

/** Everything that a plan could leave: the host, the engine, the journal. */
const traceAll = async () => ({
  host: await traceHost(stateRoot()),
  journal: await scanJournal(stage),
})

const plan = async (input: Readonly<Record<string, unknown>> = {}) => {
  // What a deployment before it woke may still be writing.
  await waitUntilQuiet(stage)
  const before = await traceAll()
  const planned = Plan.parse(await stage.operate('plan', { app, ...input }))
  expect(await traceAll()).toEqual(before)
  const lines = planned.findings.map(({ level, what, message }) => `${level} ${what}: ${message}`)
  return { ...planned, lines }
}

const listCommands = async (): Promise<readonly Command[]> => {
  const ssm = new SSMClient(stage.team.stack.client)
  return (await ssm.send(new ListCommandsCommand({}))).Commands ?? []
}
const countPlanCommands = async (): Promise<number> =>
  (await listCommands()).filter(({ DocumentName }) => DocumentName?.includes('-plan-')).length

const startsWith = (text: string): unknown => textLike(new RegExp(`^${text}`))

test('plan names all that is missing before the first deployment, and changes nothing', async () => {
  const version = await stage.push(app, 'one')
  const image = `${stage.team.registry}/${stage.repositoryOf(app)}@${version}`
  await docker(['run', '-d', '--name', byHand, '-p', `${stage.port(app)}:8000`, image])
  const { ok, would, lines, revision, live, instances } = await plan()
  expect({ ok, would, revision, live }).toEqual({
    ok: false,
    would: 'fail: secret_missing',
    revision: { from: 'nothing', id: null, digest: null },
    live: null,
  })
  expect(lines).toEqual([
    startsWith(
      `problem secret: the secret ${secret} does not exist: aws secretsmanager create-secret`,
    ),
    startsWith('problem alarm: there is no alarm e2e-plan-5xx here'),
    `problem port: port ${stage.port(app)} is taken by the container ${byHand}; if your app runs in it, add the line  replaces: ${byHand}`,
    'warning revision: no revision is known yet: push a commit',
    startsWith('warning hook: GitHub: Pushes: none was seen yet'),
    startsWith('warning hook: GitHub: Workflow runs: none was seen yet'),
    startsWith('fine image: no revision is known yet; the registry can be asked for'),
    'fine concurrency: the account runs 1000 functions at a time',
  ])
  expect(instances).toMatchObject([
    {
      id: 'i-00000001',
      name: 'demo',
      wave: 0,
      online: true,
      agent: '3.3.3598.0',
      docker: textLike(/^\d+\./),
      serving: null,
      owner: null,
    },
  ])
})

test('plan shows what the first deployment would do, and what is still missing', async () => {
  await docker(['rm', '--force', byHand])
  const { client } = stage.team.stack
  const SecretString = JSON.stringify({ API_KEY: value, SENTRY_DSN: value })
  await new SecretsManagerClient(client).send(
    new CreateSecretCommand({ Name: secret, SecretString }),
  )
  await new CloudWatchClient(client).send(
    new PutMetricAlarmCommand({
      AlarmName: 'e2e-plan-5xx',
      Namespace: 'e2e',
      MetricName: '5xx',
      Statistic: 'Sum',
      Period: 60,
      EvaluationPeriods: 1,
      Threshold: 1,
      ComparisonOperator: 'GreaterThanThreshold',
    }),
  )
  const missing = await plan({ revision: toCommit('no image') })
  expect(missing).toMatchObject({ ok: false, would: 'fail: image_missing' })
  expect(missing.lines[0]).toContain(`:${toCommit('no image')}: The image is not in the registry`)
  const { ok, would, lines, instances } = await plan({ revision: toCommit('one') })
  expect(ok).toBe(true)
  expect(would).toMatch(/^wait: nothing is known of /)
  expect(lines).toContain(`fine secret: ${secret} has the keys API_KEY, SENTRY_DSN`)
  expect(lines).toContain('fine alarm: e2e-plan-5xx is INSUFFICIENT_DATA')
  expect(instances[0]?.would).toEqual([
    startsWith('pull'),
    'predeploy: node --version',
    'start the new container',
    textLike(/^check: GET \/healthz on port 8000 must answer 200-299/),
    `switch the proxy on ${stage.port(app)} to it`,
  ])
})

test('plan shows what serves and what the next deployment would do', async () => {
  const deployed = await stage.release(app, 'two')
  expectDeployed(deployed)
  // A new app that does not name `metadata` is kept from the metadata service by the host.
  expect(readFileSync(join(stateRoot(), app, 'blocked.blue'), 'utf8')).toMatch(/^[\d.]+ -\n$/)
  const { ok, would, revision, live, instances, lines } = await plan()
  expect({ ok, would, revision, live }).toEqual({
    ok: true,
    would: 'deploy what is live again to 1 instance in 1 wave',
    revision: { from: 'live', id: toCommit('two'), digest: deployed.digest },
    live: { generation: 1 },
  })
  expect(instances).toMatchObject([
    {
      serving: { generation: 1, digest: deployed.digest },
      owner: '000000000000/eu-west-3/local',
      would: [
        'pull: the image is already there',
        'predeploy: node --version',
        'start the new container beside the one that serves',
        startsWith('check: '),
        `switch the proxy on ${stage.port(app)} to it`,
        'stop the previous release within 30 s and keep it',
      ],
    },
  ])
  expect(lines).toContainEqual(
    startsWith(
      `fine instance: agent 3.3.3598.0, Docker .*, port ${stage.port(app)} with landfall-proxy-${stage.port(app)}`,
    ),
  )
  // The image that is not there yet: its size is known from the registry.
  await stage.push(app, 'three')
  const next = await plan({ revision: toCommit('three') })
  expect(next.instances[0]?.would[0]).toMatch(/^pull the image, \d+ MB packed$/)
})

test('plan reports an instance whose containers could get its role, which no deployment fails for', async () => {
  const member = stage.team.stack.fleet.get('i-00000001')
  if (member === undefined) throw new Error('no instance')
  const { metadataOptions } = member.status
  const open = {
    httpEndpoint: 'enabled',
    httpTokens: 'optional',
    httpPutResponseHopLimit: 2,
  } as const
  member.status.metadataOptions = open
  const { ok, would, lines } = await plan()
  member.status.metadataOptions = metadataOptions
  expect({ ok, would }).toEqual({
    ok: false,
    would: 'deploy what is live again to 1 instance in 1 wave',
  })
  expect(lines[0]).toMatch(
    /^problem metadata: HttpTokens=optional, HttpPutResponseHopLimit=2: .*; run: aws ec2 modify-instance-metadata-options --instance-id i-00000001 --http-tokens required --http-put-response-hop-limit 1$/,
  )
})

test('plan names an instance that does not answer, and does not wait for it', async () => {
  const member = stage.team.stack.fleet.get('i-00000001')
  if (member === undefined) throw new Error('no instance')
  const sent = await countPlanCommands()
  member.status.online = false
  const { ok, would, lines } = await plan()
  member.status.online = true
  expect({ ok, would }).toEqual({ ok: false, would: 'fail: instance_offline' })
  expect(lines[0]).toMatch(/^problem instance: its SSM agent has stopped answering: check/)
  // Nothing was sent to it.
  expect(await countPlanCommands()).toBe(sent)
})

test.each<[Readonly<Record<string, unknown>>, string]>([
  [{ app: 'nobody' }, 'app_unknown'],
  [{}, 'input_invalid'],
  [{ app, revision: 'main' }, 'input_invalid'],
  [{ app, force: true }, 'input_invalid'],
])('plan refuses %j with its reason', async (input, reason) => {
  const refused = await stage.team.operators.invoke('plan', input)
  expect(refused).toMatchObject({ outcome: 'refused', reason })
})

test('plan puts no secret value into its answer, its command or the output of hosts', async () => {
  expect(await countPlanCommands()).toBeGreaterThanOrEqual(4)
  const { CommandInvocations } = await new SSMClient(stage.team.stack.client).send(
    new ListCommandInvocationsCommand({ Details: true }),
  )
  const answered = await stage.team.operators.invoke('plan', { app })
  const told = JSON.stringify([await listCommands(), CommandInvocations, answered, stage.said])
  expect(told).toContain('API_KEY')
  expect(told).not.toContain(value)
})
