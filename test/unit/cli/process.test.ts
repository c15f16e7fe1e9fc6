import { execFile, spawnSync } from 'node:child_process'
import {
  cpSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  appAnswer,
  openDeployment,
  plan,
  progress,
  refusal,
  rollbackView,
  settings,
} from '../../support/cli-answers.ts'
import {
  refuseByAws,
  runLandfall,
  startStand,
  type Stand,
  type StandAnswer,
  type StandCall,
} from '../../support/cli-stand.ts'

/** Long enough for a pipe to be full. */
const long = appAnswer({
  quarantine: Array.from({ length: 3000 }, (_, index) => `${index}`.repeat(40)),
})

/** Each app has its own story, so that the tests run side by side on one stand-in. */
const stories: Readonly<Record<string, (call: StandCall) => StandAnswer>> = {
  'oc-lettings': ({ name }) => ({ json: name.endsWith('plan') ? plan : appAnswer() }),
  refused: () => ({ json: refusal('app_unknown') }),
  denied: () =>
    refuseByAws(
      'AccessDeniedException',
      'User: arn:aws:iam::123456789012:user/ada is not authorized to perform: lambda:InvokeFunction',
    ),
  missing: () =>
    refuseByAws('ResourceNotFoundException', 'Function not found: arn:aws:lambda', 404),
  'unknown-key': () => refuseByAws('UnrecognizedClientException', 'The security token is invalid.'),
  'expired-key': () => refuseByAws('ExpiredTokenException', 'The security token has expired.'),
  crashed: () => ({
    headers: { 'x-amz-function-error': 'Unhandled' },
    json: { errorType: 'Error', errorMessage: 'table \u001B[31mgone' },
  }),
  'no-json': () => ({ json: '<html>' }),
  long: () => ({ json: long }),
  asked: ({ name, input }) => ({
    json: viewOf(input) === 'rollback' ? rollbackView({ app: 'asked' }) : progress({ app: name }),
  }),
  secretive: () => ({ json: { apps: [settings({ app: 'secretive' })] } }),
  open: () => ({ json: progress({ app: 'open', deployment: openDeployment() }) }),
}

const appOf = (input: unknown): string =>
  typeof input === 'object' && input !== null && 'app' in input ? String(input.app) : ''

/** Without an app: of all of them. */
const answerAll = (input: unknown): StandAnswer => ({
  json: { apps: [viewOf(input) === 'settings' ? settings() : appAnswer()] },
})

const viewOf = (input: unknown): unknown =>
  typeof input === 'object' && input !== null && 'view' in input ? input.view : undefined

let stand: Stand
beforeAll(async () => {
  stand = await startStand((call) => stories[appOf(call.input)]?.(call) ?? answerAll(call.input))
  // Made once, before many want it at once.
  await runLandfall(['--version'])
})
afterAll(() => stand.stop())

describe.concurrent('landfall as a process', () => {
  it('status prints a table of all apps', async () => {
    const { code, out, err } = await stand.run(['status'])
    expect([code, err]).toEqual([0, ''])
    expect(out).toContain('oc-lettings  #42 9be01d4 "Add search" (ada)')
  })

  it('finds stage, region and app in .landfallrc.json', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'landfall-rc-'))
    const content = { stage: 'prod', region: 'eu-west-3', app: 'oc-lettings' }
    writeFileSync(join(directory, '.landfallrc.json'), JSON.stringify(content))
    const env = { LANDFALL_STAGE: '', AWS_REGION: '' }
    const { code, out } = await stand.run(['status', '--json'], { env, cwd: directory })
    rmSync(directory, { recursive: true })
    expect([code, JSON.parse(out)]).toEqual([0, appAnswer()])
  })

  it.each([
    ['refused', 3, 'refused: app_unknown', 'docs/reasons.md#app_unknown'],
    [
      'denied',
      5,
      'does not allow you lambda:InvokeFunction on landfall-prod-status',
      'attach LookPolicy or OperatorPolicy',
    ],
    [
      'missing',
      5,
      'landfall-prod-status does not exist in eu-west-3',
      'stage prod (from LANDFALL_STAGE)',
    ],
    ['unknown-key', 5, 'AWS does not know these credentials', 'aws sts get-caller-identity'],
    ['expired-key', 5, 'the AWS credentials have expired', 'aws sso login'],
    ['crashed', 5, 'the function status failed', 'npx sls logs -f status --stage prod'],
    ['no-json', 5, 'status answered no JSON', 'another version'],
  ] as const)(
    'says what is wrong and what to do, with valid JSON or none: %s',
    async (app, code, what, help) => {
      const run = await stand.run(['status', app, '--json'])
      expect(run.code).toBe(code)
      expect(run.err).toContain(what)
      expect(run.err).toContain(help)
      expect(run.err).not.toContain('\u001B')
      expect(run.out === '' ? null : JSON.parse(run.out)).toEqual(
        app === 'refused' ? refusal('app_unknown') : null,
      )
    },
  )

  it('doctor reads the files of a repository', async () => {
    const folder = join(process.cwd(), 'examples/django')
    const { code, out } = await stand.run(['doctor', '--repository', folder])
    expect(out).toContain(
      '.github/workflows/ci.yml, .circleci/config.yml, Dockerfile: nothing in the way',
    )
    expect(code).toBe(0)
    expect((await stand.run(['doctor', '--repository', '/nowhere'])).code).toBe(1)
  })

  it('says that there is no network', async () => {
    const env = { ...stand.env, AWS_ENDPOINT_URL: 'http://localhost:1', AWS_MAX_ATTEMPTS: '1' }
    const { code, out, err } = await runLandfall(['status', '--json'], { env })
    expect([code, out]).toEqual([5, ''])
    expect(err).toContain('AWS cannot be reached in eu-west-3')
  })

  it('says that there are no credentials', async () => {
    const env = {
      LANDFALL_STAGE: 'prod',
      AWS_REGION: 'eu-west-3',
      AWS_EC2_METADATA_DISABLED: 'true',
    }
    const { code, err } = await runLandfall(['status'], { env })
    expect(code).toBe(5)
    expect(err).toContain('no AWS credentials were found')
    const named = await runLandfall(['status', '--profile', 'team'], { env })
    expect(named.err).toContain('the profile team gives no AWS credentials')
  })

  it('names the login where the session of the profile is over', async () => {
    const config = stand.write(
      'config',
      [
        '[profile team]',
        'sso_session = company',
        'sso_account_id = 123456789012',
        'sso_role_name = Admin',
        'region = eu-west-3',
        '[sso-session company]',
        'sso_start_url = https://company.awsapps.com/start',
        'sso_region = eu-west-1',
        '',
      ].join('\n'),
    )
    const env = {
      LANDFALL_STAGE: 'prod',
      AWS_CONFIG_FILE: config,
      AWS_EC2_METADATA_DISABLED: 'true',
    }
    const { code, err } = await runLandfall(['status', '--profile', 'team'], { env })
    expect(code).toBe(5)
    expect(err).toContain('aws sso login --profile team')
  })

  it.each([
    [['stats'], 'did you mean `status`'],
    [['status', '--app'], 'app'],
    [['status', 'one', 'two'], 'two'],
    [['status', '--timeout', 'soon'], '90s, 10m or 1h'],
    [['history', '-n', '1000'], 'from 1 to 100'],
    [['freeze', 'oc-lettings'], 'reason'],
    [['show', 'oc-lettings', 'last'], 'no number'],
  ])('ends with 2 and prints nothing on stdout for %j', async (args, why) => {
    const { code, out, err } = await stand.run(args)
    expect([code, out]).toEqual([2, ''])
    expect(err).toContain(why)
  })

  it('ends with 0 where its reader has seen enough', async () => {
    const command = `"$0" bin/landfall.mjs status long --json | head -c 10; echo "\${PIPESTATUS[0]}"`
    const env = { ...stand.env, PATH: process.env['PATH'] ?? '' }
    const shell = ['--norc', '-c', command, process.execPath]
    const { stdout, stderr } = await promisify(execFile)('bash', shell, { env })
    expect([stdout, stderr]).toEqual(['{\n  "app":0\n', ''])
  })

  it('is left by Ctrl-C with what goes on, and ends with 130', async () => {
    const { code, err } = await stand.run(['watch', 'open'], {
      onStart: (child) => {
        const saw = (chunk: Buffer): void => {
          if (chunk.toString().includes('opened')) child.kill('SIGINT')
        }
        child.stderr?.on('data', saw)
      },
    })
    expect(code).toBe(130)
    expect(err).toContain(
      'It goes on.\nlandfall watch open comes back, landfall cancel open stops it',
    )
  })

  it('is left after --timeout with 4', async () => {
    const { code, err } = await stand.run(['watch', 'open', '--timeout', '1s'])
    expect(code).toBe(4)
    expect(err).toContain('the time is over\nIt goes on.')
  })

  it('draws on a terminal, and not in CI or with NO_COLOR for its colours', async () => {
    const seen = await stand.run(['status', 'oc-lettings'], {
      isTerminal: true,
      env: { TERM: 'xterm' },
    })
    expect(seen.out).toContain('\u001B[1moc-lettings')
    const plain = { isTerminal: true, env: { TERM: 'xterm', NO_COLOR: '1' } }
    expect((await stand.run(['status', 'oc-lettings'], plain)).out).not.toContain('\u001B')
    const inCi = { isTerminal: true, env: { TERM: 'xterm', CI: 'true' } }
    const watched = await stand.run(['watch', 'open', '--timeout', '1s'], inCi)
    expect(watched.out).toContain('open #42 opened')
    expect(watched.out).not.toContain('\u001B')
  })

  it.each([
    ['n\n', 2, 'nothing was done'],
    ['\u0003', 130, ''],
    ['\u0004', 2, 'nothing was done'],
  ])('does nothing where a person types %j at its question', async (keys, code, said) => {
    const typed = ['[y/N] ', keys] as const
    const run = await stand.run(['rollback', 'asked'], { typed, env: { TERM: 'xterm' } })
    expect(run.out).toContain('#42 9be01d4 "Add search" (ada) → #41 3f2a9c1')
    expect(run.out).toContain(said)
    expect(run.code).toBe(code)
    const called = stand.calls.filter((call) => appOf(call.input) === 'asked')
    expect(called.every(({ name }) => name === 'landfall-prod-status')).toBe(true)
  })

  it('shows nothing of a secret that is typed', async () => {
    const typed = ['API_KEY: ', 'a-planted-secret-value\r'] as const
    const set = ['config', 'set', 'secretive', 'API_KEY']
    const { out, err } = await stand.run(set, { typed, env: { TERM: 'xterm' } })
    expect(out).toContain('API_KEY: \r\n')
    expect(out).toContain('secretsmanager:GetSecretValue')
    expect(out + err).not.toContain('planted')
  })

  it('proposes commands and flags to a shell', async () => {
    expect((await runLandfall(['--complete', 'ro'])).out).toBe('rollback\n')
    expect((await runLandfall(['--complete', 'deploy', '--fr'])).out).toBe('--from\n')
    const { out } = await runLandfall(['completion', 'bash'])
    expect(spawnSync('bash', ['-n'], { input: out }).status).toBe(0)
  })
})

describe('the bundle of landfall', () => {
  it('is at most 900 kB', () => {
    expect(statSync('dist/landfall.mjs').size).toBeLessThanOrEqual(900_000)
  })

  it('is made anew where a source is newer, and the error is one line where that fails', async () => {
    const copy = mkdtempSync(join(tmpdir(), 'landfall-bundle-'))
    for (const part of ['bin', 'cli', 'src', 'package.json', 'package-lock.json'])
      cpSync(part, join(copy, part), { recursive: true })
    symlinkSync(join(process.cwd(), 'node_modules'), join(copy, 'node_modules'))
    const help = async () => {
      const { stdout, stderr } = await promisify(execFile)(process.execPath, [
        join(copy, 'bin/landfall.mjs'),
        '--help',
      ]).catch((error: { stdout: string; stderr: string }) => error)
      return stdout + stderr
    }
    expect(await help()).toContain('from a terminal')
    const source = join(copy, 'cli/application.ts')
    const before = readFileSync(source, 'utf8')
    writeFileSync(source, before.replace('from a terminal', 'from a test'))
    expect(await help()).toContain('from a test')
    writeFileSync(source, before.replace('export const', 'export cost'))
    expect(await help()).toMatch(/^landfall: the command line could not be built: .*npm ci/s)
    rmSync(copy, { recursive: true })
  })
})
