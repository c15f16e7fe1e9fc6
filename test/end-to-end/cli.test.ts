import { createHash } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import * as z from 'zod'
import { runLandfall, type RunOptions } from '../support/cli-stand.ts'
import {
  aList,
  anyWith,
  neverUp,
  openStage,
  patientHealth,
  toCommit,
  waitUntilStarted,
  type Stage,
} from '../support/end-to-end.ts'

const app = 'e2e-cli'
const secret = 'landfall/local/e2e-cli'
const planted = 'the planted value of a secret'
let stage: Stage
/** All that was ever printed. */
const printed: string[] = []

beforeAll(async () => {
  stage = await openStage({
    secrets: { [secret]: { API_KEY: `${planted}, the first` } },
    apps: {
      [app]: {
        settings: { secrets: secret, env: { DEBUG: 'False' } },
        ec2: { health: patientHealth },
      },
    },
  })
})
afterAll(() => stage?.close())

/** As a person calls it, in a shell of the team. */
const landfall = async (args: string, options: RunOptions = {}) => {
  const { endpoint, region, credentials } = stage.team.stack.client
  const env = {
    AWS_ENDPOINT_URL: endpoint,
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    AWS_REGION: region,
    LANDFALL_STAGE: 'local',
    LANDFALL_APP: app,
    ...options.env,
  }
  const run = await runLandfall(args.split(' '), { cwd: stage.directory, ...options, env })
  printed.push(run.out, run.err)
  return run
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')
const Changes = z.array(z.object({ what: z.string(), status: z.string() }))
const toChanges = (lines: string) =>
  Changes.parse(
    lines
      .trim()
      .split('\n')
      .map((line): unknown => JSON.parse(line)),
  )

test('landfall watch waits for a commit whose CI has not ended, and ends with its verdict', async () => {
  expect((await landfall('status')).out).toContain('nothing is live')
  await stage.push(app, 'one')
  const revision = toCommit('one')
  const { code, out, err } = await landfall(`watch --revision ${revision} --json`, {
    onStart: (child) => {
      // Nothing is known of the commit until its CI has ended.
      child.stdout?.once('data', () => void stage.endCi(app, 'one'))
    },
  })
  expect(code, err).toBe(0)
  const changes = toChanges(out)
  expect(changes[0]).toMatchObject({ what: 'waiting' })
  expect(changes.at(-1)).toMatchObject({ what: 'ended', status: 'succeeded' })
  await stage.nextDeployment(app)
})

test('landfall config set writes a secret from stdin, and the deployment that it starts has it', async () => {
  const input = `API_KEY=${planted}, the second\n`
  const { code, err } = await landfall('config set --deploy --yes', { input })
  expect(code, err).toBe(0)
  expect(err).toContain('is live')
  await stage.nextDeployment(app)
  expect(await stage.ask(app, '/setting?name=API_KEY')).toBe(sha256(`${planted}, the second`))
  expect(JSON.parse((await landfall('config --json')).out)).toEqual({
    app,
    env: ['DEBUG'],
    secret,
    keys: ['API_KEY'],
  })
})

test('landfall rollback on a terminal says both ends, asks, and draws until the verdict', async () => {
  const terminal = { typed: ['[y/N] ', 'y\r'], env: { TERM: 'xterm' } } as const
  const { code, out } = await landfall('rollback', terminal)
  const one = toCommit('one').slice(0, 7)
  expect(out).toMatch(new RegExp(`${app}: #2 ${one} .*→ #1 ${one}`))
  expect(out).toContain('Roll e2e-cli back, stage local? [y/N]')
  expect(out).toMatch(/✔ succeeded.* #3 is live/)
  expect(code).toBe(0)
  await stage.nextDeployment(app)
  expect(await stage.ask(app, '/setting?name=API_KEY')).toBe(sha256(`${planted}, the first`))
})

test('landfall deploy of a broken image ends with 1, its traceback, and who serves', async () => {
  await stage.push(app, 'broken', { FAULT: 'prints_environment' })
  const { code, err } = await landfall(`deploy ${toCommit('broken')} --force --yes`)
  expect(code, err).toBe(1)
  expect(err).toMatch(/✖ failed {2}\w+: .* #1 serves\./)
  expect(err).toContain('tail:')
  await stage.nextDeployment(app)
  expect(await stage.ask(app)).toBe('one')
})

test('landfall deploy is left by Ctrl-C and goes on, and landfall cancel ends it', async () => {
  await stage.push(app, 'stuck', neverUp)
  const left = await landfall(`deploy ${toCommit('stuck')} --force --yes`, {
    onStart: (child) => {
      child.stderr?.on('data', (chunk: Buffer) => {
        if (chunk.toString().includes('opened')) child.kill('SIGINT')
      })
    },
  })
  expect(left.code, left.err).toBe(130)
  expect(left.err).toContain(`It goes on.\nlandfall watch ${app} comes back`)
  await waitUntilStarted(app, 5)
  const { code, err } = await landfall('cancel --yes')
  expect(code, err).toBe(0)
  await stage.nextDeployment(app)
  expect(await stage.ask(app)).toBe('one')
})

test('each answer is JSON as the function gives it, and each refusal ends with 3', async () => {
  const asJson = async (args: string): Promise<unknown> =>
    JSON.parse((await landfall(`${args} --json`)).out)
  const views = ['status', 'history -n 2', 'show 4', 'hooks', 'doctor']
  expect(await Promise.all(views.map(asJson))).toEqual([
    await stage.team.operators.invoke('status', { app }),
    anyWith({ deployments: [anyWith({ generation: 5 }), anyWith({ generation: 4 })] }),
    anyWith({ generation: 4, status: 'failed' }),
    [anyWith({ app })],
    anyWith({ findings: aList }),
  ])
  expect(await asJson('freeze --reason exams --yes')).toMatchObject({ reason: 'frozen' })
  expect(await asJson('unfreeze --yes')).toMatchObject({ reason: 'unfrozen' })
  const refused = await landfall('unfreeze --yes --json')
  expect(refused.code).toBe(3)
  expect(JSON.parse(refused.out)).toMatchObject({ outcome: 'refused', reason: 'not_frozen' })
  const ends = ['status --app nobody', 'status --stage other', 'deploy'].map((args) =>
    landfall(args),
  )
  expect((await Promise.all(ends)).map(({ code }) => code)).toEqual([3, 5, 2])
  const { operations } = await stage.team.operators.status(app)
  expect(new Set(operations.map(({ by }) => by))).toEqual(new Set(['administrator']))
})

test('no command has printed the value of a secret', () => {
  expect(printed.join('').length).toBeGreaterThan(1000)
  expect(printed.join('')).not.toContain(planted)
})
