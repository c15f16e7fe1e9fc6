import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { DescribeTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import { ListDocumentsCommand, SSMClient } from '@aws-sdk/client-ssm'
import { DescribeInstancesCommand, EC2Client } from '@aws-sdk/client-ec2'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startStack, type Stack } from '../../local/stack/stack.ts'
import { sendRaw } from '../support/send-raw.ts'
import { inFull } from '../support/size.ts'
import { waitFor } from '../support/wait.ts'

const project = join(import.meta.dirname, '../..')
const directory = mkdtempSync(join(tmpdir(), 'landfall-stack-'))
const config = join(directory, 'landfall.yml')

writeFileSync(
  config,
  `sources:
  github: { secret: landfall/local/github }
apps:
  first:
    repository: acme/first
    image: localhost:5000/acme/first
    requires: [{ ci: github, workflow: CI }, image]
    targets:
      - ec2: { instances: { tag: 'Name=first' }, port: 8000, publish: 8081, health: { path: / } }
  second:
    repository: acme/second
    image: localhost:5000/acme/second
    requires: [image]
    targets:
      - ec2: { instances: { tag: 'Name=second' }, port: 8000, publish: 8082, health: { path: / } }
`,
)
afterAll(() => rmSync(directory, { recursive: true, force: true }))

const start = (): Promise<Stack> =>
  startStack({
    config,
    stateDirectory: join(directory, 'state'),
    apiPort: 0,
    awsPort: 0,
    registryPort: null,
  })

describe('the local stack', () => {
  let stack: Stack
  beforeAll(async () => {
    stack = await start()
  })
  afterAll(() => stack.stop())

  it('serves the packaged API', async () => {
    const health = await fetch(`${stack.apiAddress}/healthz`)
    expect(health.status).toBe(200)
    const forged = await fetch(`${stack.apiAddress}/hooks/github`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'x-hub-signature-256': `sha256=${'0'.repeat(64)}`,
      },
      body: '{}',
    })
    expect(forged.status).toBe(401)
    expect(await forged.json()).toMatchObject({ outcome: 'rejected' })
  })

  it.each(['apiAddress', 'awsAddress'] as const)(
    'refuses a rebound name and a web page at its %s',
    async (address) => {
      const { port } = new URL(stack[address])
      const send = (headers: Readonly<Record<string, string>>) =>
        sendRaw(stack[address], headers, { method: 'POST', body: '{}' })
      expect(await send({ host: `rebound.evil.example:${port}` })).toMatchObject({ status: 403 })
      expect(await send({ origin: 'https://evil.example' })).toMatchObject({ status: 403 })
    },
  )

  it('has the table, the documents and the tags that package and configuration name', async () => {
    const table = new DescribeTableCommand({ TableName: 'landfall-local' })
    const { Table } = await new DynamoDBClient(stack.client).send(table)
    expect(Table).toMatchObject({ TableStatus: 'ACTIVE' })
    const listed = await new SSMClient(stack.client).send(new ListDocumentsCommand({}))
    const names = (listed.DocumentIdentifiers ?? []).map(({ Name }) => Name?.replace(/-\w{8}$/, ''))
    expect(new Set(names)).toEqual(
      new Set(['deploy', 'plan', 'prepare', 'renew'].map((kind) => `landfall-local-${kind}`)),
    )
    for (const name of ['first', 'second']) {
      const Filters = [{ Name: 'tag:Name', Values: [name] }]
      const found = await new EC2Client(stack.client).send(
        new DescribeInstancesCommand({ Filters }),
      )
      expect(found.Reservations?.[0]?.Instances?.[0]?.InstanceId).toBe('i-00000001')
    }
  })

  it('answers sls invoke', async () => {
    const bin = createRequire(import.meta.url).resolve('serverless/bin/serverless.js')
    const env = {
      ...process.env,
      AWS_ENDPOINT_URL: stack.awsAddress,
      AWS_ACCESS_KEY_ID: stack.client.credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: stack.client.credentials.secretAccessKey,
      LANDFALL_CONFIG: config,
    }
    const args = [bin, 'invoke', '-f', 'status', '--stage', 'local', '-d', '{"app":"first"}']
    const { stdout } = await promisify(execFile)(process.execPath, args, { env, cwd: project })
    expect(JSON.parse(stdout.slice(stdout.indexOf('{')))).toMatchObject({ app: 'first' })
  })

  it('keeps the hook secrets that it created over a restart', async () => {
    expect(stack.createdSecrets).toEqual(['landfall/local/github'])
    const read = async (): Promise<string> => {
      const order = new GetSecretValueCommand({ SecretId: 'landfall/local/github' })
      return (await new SecretsManagerClient(stack.client).send(order)).SecretString ?? ''
    }
    const before = await read()
    expect(before).toMatch(/^[0-9a-f]{64}$/)
    await stack.stop()
    stack = await start()
    expect(stack.createdSecrets).toEqual([])
    expect(await read()).toBe(before)
  })

  it('runs beside another stack', async () => {
    const other = await startStack({
      config,
      stateDirectory: join(directory, 'other'),
      apiPort: 0,
      awsPort: 0,
      registryPort: null,
    })
    expect(other.awsAddress).not.toBe(stack.awsAddress)
    expect((await fetch(`${other.apiAddress}/healthz`)).status).toBe(200)
    await other.stop()
    expect((await fetch(`${stack.apiAddress}/healthz`)).status).toBe(200)
  })
})

describe('npm start', () => {
  const launch = (...options: readonly string[]) => {
    const state = ['--state-dir', join(directory, 'start'), '--registry-port', 'none']
    const args = ['local/start.ts', '--config', config, ...state, ...options]
    const child = spawn(process.execPath, args, { cwd: project })
    const lines: string[] = []
    for (const input of [child.stdout, child.stderr])
      createInterface({ input }).on('line', (line) => lines.push(line))
    return { child, lines }
  }
  const end = async (child: ChildProcess): Promise<unknown> => {
    if (child.exitCode === null) await once(child, 'exit')
    return child.exitCode
  }
  const isServed = (address: string): Promise<boolean> =>
    fetch(address).then(
      () => true,
      () => false,
    )

  it.each(inFull(['SIGINT', 'SIGTERM'] as const, ['SIGTERM'] as const))(
    'prints ready, two addresses, a link to the page and the line to export, and stops all of it on %s',
    async (signal) => {
      const { child, lines } = launch('--api-port', '3491', '--aws-port', '4491')
      await waitFor('the stack says that it is ready', () => lines.includes('ready'))
      const at = lines.indexOf('ready')
      await waitFor('the stack says how to speak to it', () => lines.length >= at + 5)
      const [, ...said] = lines.slice(at)
      expect(said).toEqual([
        'http://localhost:3491',
        'http://localhost:4491',
        expect.stringMatching(/^http:\/\/localhost:3491\/open#[\w-]{43}$/),
        expect.stringMatching(
          /^export AWS_ENDPOINT_URL=http:\/\/localhost:4491 AWS_ACCESS_KEY_ID=AKIA\w{16} AWS_SECRET_ACCESS_KEY=[\w+/]{40} AWS_REGION=[\w-]+$/,
        ),
      ])
      const kept = join(directory, 'start', 'env')
      expect(readFileSync(kept, 'utf8')).toBe(`${said[3]}\n`)
      expect(statSync(kept).mode & 0o777).toBe(0o600)
      expect(statSync(join(directory, 'start')).mode & 0o777).toBe(0o700)
      expect(await isServed('http://localhost:3491/healthz')).toBe(true)
      child.kill(signal)
      expect(await end(child)).toBe(0)
      expect(await isServed('http://localhost:3491/healthz')).toBe(false)
      expect(await isServed('http://localhost:4491')).toBe(false)
      expect(existsSync(kept)).toBe(false)
    },
  )

  it('reports a port in use in one line', async () => {
    const server = createServer().listen(0, 'localhost')
    await once(server, 'listening')
    const address = server.address()
    const port = typeof address === 'object' && address ? String(address.port) : ''
    for (const option of ['--api-port', '--aws-port']) {
      const other = option === '--api-port' ? '--aws-port' : '--api-port'
      const { child, lines } = launch(option, port, other, '4492')
      expect(await end(child)).toBe(1)
      expect(lines).toHaveLength(1)
      expect(lines[0]).toMatch(
        new RegExp(
          `^Port ${port} is taken by process ${process.pid}: .+; stop it or choose another port\\.$`,
        ),
      )
    }
    server.close()
  })

  it('names wrong options', async () => {
    const { child, lines } = launch('--api-port', 'http')
    expect(await end(child)).toBe(1)
    expect(lines).toEqual(['--api-port takes a number from 0 to 65535, got "http".'])
  })

  it('names the mistakes of the configuration', async () => {
    const broken = join(directory, 'broken.yml')
    writeFileSync(broken, 'apps: { a: 1 }\n')
    const { child, lines } = launch('--config', broken)
    expect(await end(child)).toBe(1)
    expect(lines[0]).toContain('broken.yml has ')
    expect(lines.join('\n')).not.toContain('    at ')
  })
})
