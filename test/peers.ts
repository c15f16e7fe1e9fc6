import { spawn, spawnSync } from 'node:child_process'
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as z from 'zod'
import { listen } from '../local/base/listen.ts'
import { templateName } from '../local/package/build.ts'
import { checkMoto } from './peers-moto.ts'
import { peerProgram, peers } from './support/moto.ts'
import { openPackage, type Packaged } from './support/packaged.ts'

// `npm run test:peers`: what programs that nobody here wrote say of the package. Each is skipped with a line where it
// is missing; none is in `npm test`, and `.ci/run` runs it.

type Verdict = 'ok' | 'FAILED' | 'skipped'
const say = (verdict: Verdict, what: string): boolean => {
  process.stdout.write(`${verdict.padEnd(8)} ${what}\n`)
  return verdict !== 'FAILED'
}

const regions = [
  'eu-west-3',
  'us-east-1',
  'ap-southeast-1',
  'sa-east-1',
  'cn-north-1',
  'us-gov-west-1',
]
const boundary = 'arn:aws:iam::123456789012:policy/LandfallBoundary'

const Template = z.looseObject({
  Resources: z.record(z.string(), z.looseObject({ Type: z.string() })),
})
const Document = z.looseObject({ Properties: z.looseObject({ Content: z.string() }) })

/**
 * cfn-lint looks into a document that is an object only, and holds an empty ARN for a mistake though its condition
 * never lets it in.
 */
const toLintable = (text: string): string => {
  const template = Template.parse(JSON.parse(text))
  const Resources: Record<string, unknown> = { ...template.Resources }
  for (const [name, resource] of Object.entries(template.Resources)) {
    if (resource.Type !== 'AWS::SSM::Document') continue
    const { Properties, ...rest } = Document.parse(resource)
    const Content: unknown = JSON.parse(Properties.Content)
    Resources[name] = { ...rest, Properties: { ...Properties, Content } }
  }
  const whole = JSON.stringify({ ...template, Resources })
  return whole.replaceAll('["HasBoundary","",', `["HasBoundary","${boundary}",`)
}

/** Errors alone: a warning is an opinion, and tells of dependencies that osls writes down twice. */
const lintTemplate = ({ directory: source }: Packaged, directory: string): boolean => {
  const what = `cfn-lint, on the template in ${regions.length} regions`
  // A version manager's stand-in for it is there without it.
  const cfnLint = peerProgram('cfn-lint')
  if (spawnSync(cfnLint, ['--version']).status !== 0)
    return say('skipped', `${what} (docs/testing.md)`)
  const file = join(directory, 'template.json')
  writeFileSync(file, toLintable(readFileSync(join(source, templateName), 'utf8')))
  const options = ['--regions', ...regions, '--ignore-checks', 'W', 'I', '--', file]
  const { status, stdout } = spawnSync(cfnLint, options, { encoding: 'utf8' })
  process.stdout.write(stdout)
  return say(status === 0 ? 'ok' : 'FAILED', what)
}

/** How the runtime client ends once a function has answered: well, or with an error of its own. */
const answered = 42

/** Lambda's side of the runtime API, with an event for each who asks. */
const startRuntimeApi = async () => {
  const server = createServer((request, response) => {
    request.resume()
    response.writeHead(request.method === 'GET' ? 200 : 202, {
      'content-type': 'application/json',
      'lambda-runtime-aws-request-id': '00000000-0000-4000-8000-000000000000',
      'lambda-runtime-deadline-ms': String(Date.now() + 30_000),
      'lambda-runtime-invoked-function-arn': 'arn:aws:lambda:eu-west-3:123456789012:function:x',
    })
    response.end('{}')
  })
  return { port: await listen(server, 0), stop: () => void server.close() }
}

/** Whether the client could load the bundle of a function and call it. */
const isCalled = (
  client: string,
  bundles: string,
  name: string,
  port: number,
): Promise<boolean> => {
  const handler = `handlers/${name}.handler`
  const root = join(bundles, name)
  const env = {
    PATH: process.env['PATH'],
    AWS_LAMBDA_RUNTIME_API: `127.0.0.1:${port}`,
    AWS_LAMBDA_NODEJS_USE_ALTERNATIVE_CLIENT_1: 'true',
    AWS_LAMBDA_FUNCTION_NAME: name,
    AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '512',
    AWS_LAMBDA_LOG_GROUP_NAME: `/aws/lambda/${name}`,
    AWS_LAMBDA_LOG_STREAM_NAME: 'peers',
    AWS_REGION: 'eu-west-3',
    LAMBDA_TASK_ROOT: root,
    _HANDLER: handler,
  }
  const options = { env, cwd: root, stdio: 'ignore' as const, timeout: 60_000 }
  return new Promise((resolve) => {
    spawn(process.execPath, [client, handler], options).once('exit', (code) => {
      resolve(code === answered)
    })
  })
}

/** Lambda's own runtime client loads each bundle and calls its handler, which misses its environment and says so. */
const loadBundles = async (packaged: Packaged, directory: string): Promise<boolean> => {
  const what = "Lambda's runtime client, on each bundle"
  const source = join(peers, 'node_modules/aws-lambda-ric/index.mjs')
  if (!existsSync(source)) return say('skipped', `${what} (docs/testing.md)`)
  const client = join(directory, 'index.mjs')
  copyFileSync(source, client)
  // In the place of its native part, which would have to be built and hands over the answers.
  const native = join(directory, 'rapid-client.node')
  mkdirSync(native)
  const end = `() => process.exit(${answered})`
  writeFileSync(
    join(native, 'index.js'),
    `exports.initializeClient = () => {}; exports.done = exports.error = ${end}`,
  )
  const bundles = join(packaged.directory, 'bundles')
  const api = await startRuntimeApi()
  const failed: string[] = []
  for (const name of readdirSync(bundles))
    if (!(await isCalled(client, bundles, name, api.port))) failed.push(name)
  api.stop()
  return say(failed.length === 0 ? 'ok' : 'FAILED', [what, ...failed].join(' '))
}

const directory = mkdtempSync(join(tmpdir(), 'landfall-peers-'))
try {
  const packaged = await openPackage()
  const passed = [
    lintTemplate(packaged, directory),
    await loadBundles(packaged, directory),
    await checkMoto(say, packaged, directory),
  ]
  process.exitCode = passed.every(Boolean) ? 0 : 1
} finally {
  rmSync(directory, { recursive: true })
}
