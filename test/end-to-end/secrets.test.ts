import { execFile } from 'node:child_process'
import { createHash, createHmac, randomBytes } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { join, relative } from 'node:path'
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import { ListCommandInvocationsCommand, ListCommandsCommand, SSMClient } from '@aws-sdk/client-ssm'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { docker } from '../../local/docker/docker.ts'
import {
  containersOf,
  openStage,
  scanJournal,
  toCommit,
  type Stage,
} from '../support/end-to-end.ts'
import {
  findFiles,
  findIn,
  startSentry,
  toTraces,
  watchProcesses,
  type Traces,
} from '../support/end-to-end-search.ts'
import { inFull } from '../support/size.ts'
import { waitFor } from '../support/wait.ts'

const app = 'e2e-secrets'
const marker = (): string => randomBytes(12).toString('hex')
const markers = {
  TOKEN: marker(),
  DATABASE_URL: marker(),
  QUOTED: marker(),
  'PRIVATE_KEY, its first line': marker(),
  'PRIVATE_KEY, its second line': marker(),
}
const values = {
  TOKEN: `tok_${markers.TOKEN}`,
  DATABASE_URL: `postgres://shop:${markers.DATABASE_URL}@db.internal/shop`,
  QUOTED: String.raw`it's "${markers.QUOTED}" \n $HOME %s`,
  PRIVATE_KEY: [
    '-----BEGIN PRIVATE KEY-----',
    markers['PRIVATE_KEY, its first line'],
    markers['PRIVATE_KEY, its second line'],
    '-----END PRIVATE KEY-----',
  ].join('\n'),
}
const registryLogin = { username: 'ci', password: marker() }

/** Prints some values as error pages and clients do. */
const printForms = `node --eval '
const { QUOTED, TOKEN, DATABASE_URL } = process.env
console.log("address", encodeURIComponent(QUOTED))
console.log("page", QUOTED.replaceAll(/"/g, "&quot;").replaceAll(/\\x27/g, "&#x27;"))
console.log("header", btoa("ci:" + TOKEN), btoa(new URL(DATABASE_URL).password))
'`

let stage: Stage
let sentry: Awaited<ReturnType<typeof startSentry>>
/** The app's settings, and what nothing but Secrets Manager may hold. */
let traces: Traces

const readSecret = async (SecretId: string): Promise<string> => {
  const client = new SecretsManagerClient(stage.team.stack.client)
  return (await client.send(new GetSecretValueCommand({ SecretId }))).SecretString ?? ''
}

beforeAll(async () => {
  sentry = await startSentry()
  stage = await openStage({
    credentials: registryLogin,
    environment: { SENTRY_DSN: sentry.dsn },
    secrets: { 'landfall/local/e2e-app': values, 'landfall/local/e2e-login': registryLogin },
    apps: {
      [app]: {
        settings: { secrets: 'landfall/local/e2e-app', registry: 'landfall/local/e2e-login' },
        ec2: {
          predeploy: ['sh', '-c', `${printForms}; env; test "$VERSION" != unmigratable`],
          run: {
            command: [
              'sh',
              '-c',
              `test "$VERSION" != printer || { ${printForms}; env; exit 1; }; exec node /app/app.mjs`,
            ],
          },
        },
      },
    },
  })
  const dockerHub = await readSecret('landfall/local/docker-hub')
  traces = toTraces({
    ...markers,
    'the registry password': registryLogin.password,
    'the GitHub secret': await readSecret('landfall/local/github'),
    'the Docker Hub secret': dockerHub,
    'the Docker Hub token': createHmac('sha256', dockerHub)
      .update(`docker-hub:${app}`)
      .digest('hex'),
  })
})
afterAll(async () => {
  sentry?.stop()
  await stage?.close()
})

/** All that SSM tells about all commands, parameters and outputs too. */
const readCommands = async (): Promise<string> => {
  const ssm = new SSMClient(stage.team.stack.client)
  const { Commands } = await ssm.send(new ListCommandsCommand({}))
  const { CommandInvocations } = await ssm.send(
    new ListCommandInvocationsCommand({ Details: true }),
  )
  expect(Commands?.length).toBeGreaterThan(0)
  return JSON.stringify([Commands, CommandInvocations])
}

/** The containers on this machine that hold any of it: their settings, files of the engine, and output. */
const findContainers = async (): Promise<readonly string[]> => {
  const root = (await docker(['info', '--format', '{{.DockerRootDir}}'])).trim()
  const files = await findFiles(traces, [join(root, 'containers')])
  const names = await docker(['ps', '--all', '--no-trunc', '--format', '{{.ID}} {{.Names}}'])
  const toName = new Map(names.split('\n').map((line) => [line.split(' ')[0], line.split(' ')[1]]))
  const ids = files.map((file) => file.slice(join(root, 'containers/').length).split('/')[0])
  return [...new Set(ids.map((id) => `container ${toName.get(id) ?? id}`))]
}

/** Images, volumes and networks that docker knows of, and the proxy as it runs. */
const describeDocker = async (): Promise<string> => {
  const images = await docker(['images', '--quiet', '--no-trunc', `landfall/${app}`])
  const proxy = `landfall-proxy-${stage.port(app)}`
  const [member] = stage.team.stack.fleet.values()
  return [
    await docker(['image', 'inspect', ...new Set(images.split('\n').filter(Boolean))]),
    await docker(['network', 'inspect', member?.instance.network ?? '']),
    await docker(['inspect', proxy]),
    await docker(['logs', proxy]),
  ].join('\n')
}

const temporaryPlaces = ['/tmp', '/var/tmp', '/run', '/root', '/var/log']
const startedAt = new Date().toISOString()

/** Files that came or changed since this test began, outside of the team's own directory. */
const listNewFiles = (): Promise<readonly string[]> =>
  new Promise((resolve) => {
    const skip = ['-path', stage.directory, '-prune', '-o']
    const kind = ['-type', 'f', '-newermt', startedAt, '-print']
    execFile(
      'find',
      [...temporaryPlaces, '-xdev', '-maxdepth', '2', ...skip, ...kind],
      (_, stdout) => resolve(stdout.split('\n').filter(Boolean)),
    )
  })

/** Every place but processes in which any of it lies now. */
const search = async (): Promise<readonly string[]> => {
  const texts = {
    'the journal': JSON.stringify(await scanJournal(stage)),
    'the history of SSM': await readCommands(),
    'the status': JSON.stringify(await stage.team.operators.invoke('status', {})),
    'what the stack said': stage.said.join('\n'),
    'the envelopes for Sentry': sentry.envelopes.join('\n'),
    docker: await describeDocker(),
  }
  const inTexts = Object.entries(texts).flatMap(([place, text]) =>
    findIn(traces, text).map((name) => `${place}: ${name}`),
  )
  // Without what the registry has of the images, and where CI keeps its own login.
  const files = await findFiles(traces, [stage.directory], ['images', 'docker'])
  const elsewhere = await listNewFiles()
  return [
    ...inTexts,
    ...files.map((file) => relative(stage.team.stack.stateDirectory, file)),
    ...(elsewhere.length === 0 ? [] : await findFiles(traces, elsewhere)),
    ...(await findContainers()),
  ]
}

const envFile = `instances/i-00000001/${app}/releases/1/env`
const rightPlaces = [envFile, `container landfall-${app}.1`]

const watch = async <Value>(act: () => Promise<Value>): Promise<Value> => {
  const stop = await watchProcesses(traces, app)
  const value = await act()
  const { looks, longestGap, inApp, foreign, commands } = await stop()
  process.stdout.write(
    `${looks} looks at ${commands.length} commands, at most ${Math.round(longestGap)} ms apart\n`,
  )
  expect(inApp.join('\n')).toContain('TOKEN')
  expect(commands.join('\n')).toMatch(/^(timeout .* )?docker (create|run)\b/m)
  // docker's own environment carries a value of several lines to the engine, for a moment.
  const carrier = /^environment of (timeout .*)?docker (run|create)\b.*PRIVATE_KEY/
  expect(foreign.filter((line) => !carrier.test(line))).toEqual([])
  return value
}

test('a deployment writes secret values to the env file and the container, and nowhere else', async () => {
  const commit = toCommit('first')
  await watch(async () => {
    await stage.push(app, 'first')
    expect(await stage.team.announceImage(app, stage.repositoryOf(app), commit)).toMatchObject({
      status: 202,
    })
    expect(await stage.endCi(app, 'first')).toMatchObject({ status: 202 })
    expect(await stage.nextDeployment(app)).toMatchObject({ status: 'succeeded' })
  })
  for (const [name, value] of Object.entries(values)) {
    const hash = createHash('sha256').update(value).digest('hex')
    expect(await stage.ask(app, `/setting?name=${name}`)).toBe(hash)
  }
  const settings = await docker([
    'inspect',
    '--format',
    '{{json .Config.Env}}',
    `landfall-${app}.1`,
  ])
  expect(findIn(traces, settings)).toEqual(Object.keys(markers))
  const file = join(stage.team.stack.stateDirectory, envFile)
  expect(statSync(file).mode & 0o777).toBe(0o600)
  expect(readFileSync(file, 'utf8')).toContain(`TOKEN=${values.TOKEN}\n`)
  expect(await search()).toEqual(rightPlaces)
})

const masked = [
  'TOKEN=[masked]',
  'DATABASE_URL=[masked]',
  'QUOTED=[masked]',
  'PRIVATE_KEY=[masked]',
]

const expectToldSafely = async (reason: string): Promise<void> => {
  const isTold = () => sentry.envelopes.some((envelope) => envelope.includes(`"${reason}"`))
  await waitFor(`Sentry is told of ${reason}`, isTold)
  const envelope = sentry.envelopes.at(-1) ?? ''
  for (const part of ['deployment failed', `"${app}"`]) expect(envelope).toContain(part)
  // What failed is gone: its container, its env file, its image.
  expect(await containersOf(app, true)).toEqual([`landfall-${app}.1`])
  expect(await search()).toEqual(rightPlaces)
}

test('the output of an app that prints its environment and crashes is masked', async () => {
  const deployment = await watch(() => stage.release(app, 'crash', { FAULT: 'prints_environment' }))
  expect(deployment).toMatchObject({ status: 'failed', reason: 'exited' })
  // Settings and traceback come in by two pipes, in either order; the output has all of both.
  const output = await readCommands()
  for (const line of [...masked, 'ImproperlyConfigured']) expect(output).toContain(line)
  await expectToldSafely('exited')
})

/** What the app itself prints is shown by the test above; the full size has every form of it. */
const printers = [
  ...inFull([['printer', 'exited'] as const], []),
  ['unmigratable', 'predeploy_failed'] as const,
]

test.each(printers)(
  'the last lines of a command that prints its environment (%s) are masked',
  async (version, reason) => {
    sentry.envelopes.splice(0)
    const deployment = await watch(() => stage.release(app, version))
    expect(deployment).toMatchObject({ status: 'failed', reason })
    const tail = deployment.steps.flatMap((step) => step.tail ?? [])
    expect(tail).toEqual(expect.arrayContaining(masked))
    expect(tail.filter((line) => line.includes('[masked]'))).toHaveLength(8)
    const isHeader = (line: string) => /^header \S*\[masked\]\S* \[masked\]$/.test(line)
    expect(tail.filter(isHeader)).toHaveLength(1)
    await expectToldSafely(reason)
  },
)

test('the local store of secrets is encrypted and readable by its owner only', () => {
  // It is searched like any other file, and nothing is found in it.
  for (const name of ['secrets.sealed', 'secrets.key'])
    expect(statSync(join(stage.team.stack.stateDirectory, 'aws', name)).mode & 0o777).toBe(0o600)
})
