import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as z from 'zod'
import { cleanUp } from '../../local/team/clean-up.ts'
import { packScript, renderScript, type DocumentKind } from '../../host/documents.ts'
import { withTestClock } from './clock.ts'
import { joinEnvelope, sealEnvelope } from '../../src/secrets/envelope.ts'
import type { Edit } from './edit.ts'

/** What a host script answered; `none` where it was killed. */
const Answer = z.object({
  outcome: z.string(),
  reason: z.string(),
  message: z.string(),
  generation: z.number(),
  fenceSeen: z.number(),
  serving: z.object({ generation: z.number(), digest: z.string() }).nullable(),
  changed: z.boolean(),
  predeploy: z.boolean(),
  steps: z.array(
    z.object({
      name: z.string(),
      status: z.string(),
      ms: z.number(),
      reason: z.string().optional(),
    }),
  ),
  tail: z.array(z.string()).optional(),
  certificate: z.string().optional(),
  missing: z.array(z.string()).optional(),
})

export interface HostAnswer extends z.infer<typeof Answer> {
  /** The whole of stdout. */
  readonly output: string
  /** Null where the script was killed. */
  readonly code: number | null
}

export interface Order {
  readonly app: string
  readonly generation: number
  readonly fence: number
  readonly mode?: 'deploy' | 'restore'
  readonly owner?: string
  readonly notAfter?: number
  readonly image: string
  readonly digest: string
  /** More settings, or others; a list is repeated. */
  readonly settings?: Readonly<Record<string, string | number | readonly string[]>>
  /** Entries of the envelope after its first line, such as `env A=b`; null sends none. */
  readonly envelope?: readonly string[] | null
}

/** The engine that the tests use, where it is another than the machine's own. */
const { DOCKER_HOST: dockerHost } = process.env
const engine: Readonly<Record<string, string>> =
  dockerHost === undefined ? {} : { DOCKER_HOST: dockerHost }

const nowSeconds = (): number => Math.floor(Date.now() / 1000)

const silence: z.infer<typeof Answer> = {
  outcome: 'none',
  reason: 'none',
  message: '',
  generation: 0,
  fenceSeen: 0,
  serving: null,
  changed: false,
  predeploy: false,
  steps: [],
}

const toAnswer = (output: string, code: number | null): HostAnswer => {
  const line = output.split('\n')[0] ?? ''
  const mark = 'landfall/1 '
  const said = line.startsWith(mark) ? Answer.parse(JSON.parse(line.slice(mark.length))) : silence
  return { ...said, output, code }
}

/** One machine under SSM: its state below a directory of its own, its engine the real one here. */
export class Instance {
  readonly root = mkdtempSync(join(tmpdir(), 'landfall-host-test-'))
  certificate: Uint8Array = new Uint8Array()
  /** By its digest, in the stage's registry. */
  proxyImage = `registry.example/haproxy@sha256:${'0'.repeat(64)}`
  id: string
  readonly port: number
  /** More of the agent's environment. */
  environment: Readonly<Record<string, string>> = {}

  constructor(id: string, port: number) {
    this.id = id
    this.port = port
  }

  /** As the agent runs a document: a file of mode 0700, `sh -c`, HOME unset, parameters as SSM_<Name>. */
  run(
    kind: DocumentKind,
    parameters: Readonly<Record<string, string>>,
    edit: Edit = (script) => script,
  ): Promise<HostAnswer> {
    const directory = mkdtempSync(join(tmpdir(), 'landfall-ssm-test-'))
    const script = join(directory, '_script.sh')
    writeFileSync(script, packScript(withTestClock(edit(renderScript(kind)), this)), {
      mode: 0o700,
    })
    const env: Record<string, string> = {
      ...engine,
      PATH: '/usr/sbin:/usr/bin:/sbin:/bin',
      LANDFALL_ROOT: this.root,
      AWS_SSM_INSTANCE_ID: this.id,
      ...this.environment,
    }
    for (const [name, value] of Object.entries(parameters)) env[`SSM_${name}`] = value
    const child = spawn('sh', ['-c', script], {
      env,
      cwd: '/usr/bin',
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let output = ''
    child.stdout.on('data', (data: Buffer) => (output += data.toString('utf8')))
    child.stderr.on('data', (data: Buffer) => (output += data.toString('utf8')))
    return new Promise((resolve) => {
      child.on('close', (code) => {
        rmSync(directory, { recursive: true, force: true })
        resolve(toAnswer(output, code))
      })
    })
  }

  async prepare(app = 'prepare-app', edit?: Edit): Promise<HostAnswer> {
    const answer = await this.run('prepare', this.common(app, {}), edit)
    this.certificate = new Uint8Array(Buffer.from(answer.certificate ?? '', 'base64'))
    return answer
  }

  private common(app: string, order: Partial<Order>): Record<string, string> {
    return {
      App: app,
      Owner: order.owner ?? '000000000000/eu-west-3/local',
      NotAfter: String(order.notAfter ?? nowSeconds() + 600),
    }
  }

  async parameters(order: Order): Promise<Record<string, string>> {
    const settings = {
      format: 1,
      kind: 'deploy',
      image: order.image,
      digest: order.digest,
      commit: 'c0ffee'.padEnd(40, '0'),
      strategy: 'blue-green',
      port: 8000,
      publishAddress: '127.0.0.1',
      publishPort: this.port,
      healthPath: '/healthz',
      healthInterval: 0.1,
      // Never reached where all is well; who shows that it ends a check says so.
      healthTimeout: 120,
      stopTimeout: 12,
      environment: 'test',
      proxyImage: this.proxyImage,
      ...order.settings,
    }
    const entries = Object.entries(settings).flatMap(([name, value]) =>
      (Array.isArray(value) ? value : [value]).map((one) => `${name}=${String(one)}\0`),
    )
    const { envelope = [] } = order
    const head = `landfall/1 ${order.app} ${order.generation} i-0000ffff,${this.id}`
    const plaintext = joinEnvelope(head, envelope ?? [])
    const sealed =
      envelope === null
        ? '-'
        : Buffer.from(await sealEnvelope(plaintext, [this.certificate])).toString('base64')
    return {
      ...this.common(order.app, order),
      Mode: order.mode ?? 'deploy',
      Generation: String(order.generation),
      Fence: String(order.fence),
      Settings: Buffer.from(entries.join('')).toString('base64'),
      Envelope: sealed,
    }
  }

  async deploy(order: Order, edit?: Edit): Promise<HostAnswer> {
    return this.run('deploy', await this.parameters(order), edit)
  }

  /** Looks, as the function `plan` does. */
  async plan(order: Order, edit?: Edit): Promise<HostAnswer> {
    return this.run('plan', await this.planParameters(order), edit)
  }

  async planParameters(order: Order): Promise<Record<string, string>> {
    const all = await this.parameters({ ...order, envelope: null })
    const names = ['App', 'Owner', 'NotAfter', 'Settings']
    return Object.fromEntries(Object.entries(all).filter(([name]) => names.includes(name)))
  }

  /** Takes down what the apps named left on this machine. */
  async clean(apps: readonly string[]): Promise<void> {
    await cleanUp(apps, [this.port])
    rmSync(this.root, { recursive: true, force: true })
  }
}
