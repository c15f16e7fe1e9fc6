import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import * as z from 'zod'
import { ensurePrograms, programs } from '../../local/docker/packages.ts'
import { parseConfiguration } from '../../src/config/read.ts'
import { createHeads } from '../../src/journal/heads.ts'
import { createHistory } from '../../src/journal/history.ts'
import { createRenewals } from '../../src/journal/renewals.ts'
import { createProxyImages } from '../../src/journal/proxy-images.ts'
import { createRepositories } from '../../src/journal/repositories.ts'
import { createRevisions } from '../../src/journal/revisions.ts'
import { createSeen } from '../../src/journal/seen.ts'
import { systemClock } from '../../src/kernel/clock.ts'
import { createStatus } from '../../src/rollout/status.ts'
import { appOf } from '../support/apps.ts'
import { startJournal } from '../support/journal-table.ts'
import { blocksOf, guides, manuals } from '../support/pages.ts'

const read = (file: string): string => readFileSync(file, 'utf8')
const pages = [...guides, ...manuals]

describe('a call of an operator function', () => {
  const Handler = z.object({ handler: z.custom<(input: unknown) => Promise<unknown>>() })
  const form = /sls invoke -f ([\w-]+) --stage prod(?: +-d '([^']+)')?/g
  const found = pages.flatMap((file) =>
    [...read(file).matchAll(form)].map(([call, name = '', input]) => [call, name, input ?? '']),
  )

  it.each(found)('the documented call %s is accepted', async (_, name = '', input = '') => {
    const { handler } = Handler.parse(await import(`../../handlers/${name}.ts`))
    // With the input it has no quarrel, so it looks for its environment, which is not here.
    const call = handler(input === '' ? undefined : JSON.parse(input))
    await expect(call).rejects.toThrow(/TABLE_NAME|landfall.yml/)
  })

  it('the pages show every function that an operator may call', () => {
    const internal = ['webhook', 'reconcile', 'alarm', 'carry', 'page']
    const handlers = readdirSync('handlers').map((file) => file.replace(/\.ts$/, ''))
    const table = /## Functions\n(.*?)\n## /s.exec(read('docs/operations.md'))?.[1] ?? ''
    const named = [...table.matchAll(/^\| `([\w-]+)`/gm)].map(([, name = '']) => name)
    expect(named.toSorted()).toEqual(handlers.filter((name) => !internal.includes(name)).toSorted())
  })
})

describe('a copy of a container that was run by hand', () => {
  const blocks = ['docs/database.md', 'docs/take-over.md'].flatMap((file) => blocksOf(file, 'sh'))
  const copies = blocks.filter((text) => text.includes('docker stop lettings'))
  const [withoutRm = ''] = blocks.filter((text) => text.includes('docker kill lettings'))

  /** The calls of `docker`, of which one verb may fail, on a container with or without `--rm`. */
  const callsOf = (block: string, isRemoved: boolean, failing = '-'): readonly string[] => {
    const directory = mkdtempSync(join(tmpdir(), 'landfall-copy-'))
    const script = `#!/bin/sh
echo "$*" >>"$CALLS"
case $* in *AutoRemove*) echo ${isRemoved} ;; inspect*) echo image ;; ${failing}*) exit 1 ;; esac
`
    writeFileSync(join(directory, 'docker'), script, { mode: 0o755 })
    const CALLS = join(directory, 'calls')
    const env = { PATH: `${directory}:${process.env['PATH'] ?? ''}`, CALLS }
    spawnSync('sh', ['-c', block], { env })
    const calls = read(CALLS).split('\n')
    rmSync(directory, { recursive: true })
    return calls
  }

  it('the pages have both copies of a database', () => {
    expect(copies).toHaveLength(2)
  })

  it.each(copies)(
    'a documented copy stops no container that its stop would remove (%#)',
    (block) => {
      const touching = /^(stop|kill|rm lettings|cp)/
      expect(callsOf(block, true).filter((call) => touching.test(call))).toEqual([])
      expect(callsOf(block, false)).toEqual(
        expect.arrayContaining(['stop lettings', 'rm copy', expect.stringMatching(/^cp .*copy:/)]),
      )
    },
  )

  it.each(['pause', 'commit', 'create'])(
    'the documented way from --rm keeps the container where docker %s fails',
    (verb) => {
      expect(callsOf(withoutRm, true)).toContain('kill lettings')
      expect(callsOf(withoutRm, true, verb)).not.toContain('kill lettings')
    },
  )
})

describe('a command of the AWS CLI', () => {
  const commands = [
    ...new Set(
      pages.flatMap((file) =>
        blocksOf(file, 'sh')
          .flatMap((text) => text.replaceAll('\\\n', ' ').split('\n'))
          .filter((line) => /^(\w+=\$\(|for .*; do )?aws /.test(line)),
      ),
    ),
  ]
  let directory: string
  let complaints: readonly string[]

  /** The calls of `aws` that a line of a page makes, each a list of arguments. */
  const listCalls = (command: string): readonly (readonly string[])[] => {
    const calls = join(directory, 'calls')
    writeFileSync(calls, '')
    const env = {
      PATH: `${directory}:${process.env['PATH'] ?? ''}`,
      HOME: directory,
      CALLS: calls,
      INSTANCE: 'i-0123456789abcdef0',
      COMMAND: '00000000-0000-0000-0000-000000000000',
      ROLE: 'landfall-prod-InstanceRole',
      PROFILE: 'landfall-prod-InstanceProfile',
      POLICY: 'arn:aws:iam::123456789012:policy/landfall-prod-OperatorPolicy',
      BOUNDARY: 'arn:aws:iam::123456789012:policy/LandfallBoundary',
      DEPLOYER: 'arn:aws:iam::123456789012:policy/landfall-deployer',
      ACCOUNT: '123456789012',
      QUEUE: 'https://sqs.eu-west-3.amazonaws.com/123456789012/landfall-prod-failed-nudges',
      DOCUMENT: 'landfall-prod-deploy-00000000',
      POLICIES: 'arn:aws:iam::123456789012:policy/landfall-prod-OperatorPolicy',
    }
    // The secrets of the third step of getting started are files that only its reader has.
    const line = command
      .replaceAll('file://../landfall-secrets/', `file://${directory}/`)
      .replaceAll(/(?<=file:\/\/|> )(?=head\.json)/g, `${directory}/`)
    execFileSync('sh', ['-c', line], { env })
    return read(calls)
      .split('\n')
      .slice(0, -1)
      .map((call) => call.split('\0').slice(0, -1))
  }

  beforeAll(async () => {
    await ensurePrograms([programs.aws, programs.python])
    directory = mkdtempSync(join(tmpdir(), 'landfall-documents-'))
    // Notes what it is given, and answers what the next command of a line can take.
    const script = `#!/bin/sh
{ printf '%s\\0' "$@"; echo; } >>"$CALLS"
case $* in *' wait '*) ;; *) echo made-up-000000000000000000000000000000000 ;; esac
`
    writeFileSync(join(directory, 'aws'), script, { mode: 0o755 })
    for (const name of [
      'github',
      'oc-lettings.json',
      'registry.json',
      'render',
      'circleci',
      'heroku',
      'large.json',
    ])
      writeFileSync(join(directory, name), 'x')
    const calls = commands.map(listCalls)
    // What one command writes, made up here, another one reads.
    writeFileSync(join(directory, 'head.json'), '{}')
    const said = execFileSync('python3', ['test/support/aws-cli-complaints.py'], {
      input: JSON.stringify(calls.flat()),
      env: { ...process.env, HOME: directory, AWS_DEFAULT_REGION: 'eu-west-3' },
    })
    const each = z.array(z.string()).parse(JSON.parse(said.toString()))
    const ends = calls.map((_, index) => calls.slice(0, index + 1).flat().length)
    complaints = calls.map((made, index) => {
      const end = ends[index] ?? 0
      return made.length === 0 ? 'aws was not called' : each.slice(end - made.length, end).join('')
    })
  })
  afterAll(() => {
    rmSync(directory, { recursive: true })
  })

  it.each(commands.map((command, index) => [command, index] as const))(
    'the documented AWS CLI command %s exists',
    (_, index) => {
      expect(complaints[index]).toBe('')
    },
  )
})

describe('a snippet', () => {
  const snippets = manuals.flatMap((file) => blocksOf(file, 'yaml'))
  const whole = snippets.filter((text) => /^apps:/m.test(text))
  const rollbacks = snippets.filter((text) => text.startsWith('rollback:'))
  const withOneApp = whole.find((text) => text.match(/^ {2}[a-z-]+:$/gm)?.length === 1) ?? ''

  it('each documented snippet is a landfall.yml or its part `rollback`', () => {
    expect([whole.length, rollbacks.length, snippets.length]).toEqual([2, 2, 4])
  })

  it.each(whole)('a documented landfall.yml has no mistakes and no warnings (%#)', (text) => {
    const parsed = parseConfiguration(text, 'a page')
    expect(parsed).toMatchObject({ ok: true, value: { warnings: [] } })
  })

  it.each(rollbacks)('a documented part `rollback` has no mistakes (%#)', (text) => {
    const part = text.trim().replaceAll('\n', '\n    ')
    const parsed = parseConfiguration(`${withOneApp}    ${part}\n`, 'rollback.md')
    expect(parsed).toMatchObject({
      ok: true,
      value: { configuration: { apps: [{ rollback: { alarms: ['oc-lettings-5xx'] } }] } },
    })
  })
})

describe('operations.md', () => {
  const page = read('docs/operations.md')
  const rowsOf = (heading: string): readonly string[] =>
    [
      ...(new RegExp(`## ${heading}\n(.*?)\n## `, 's').exec(page)?.[1] ?? '').matchAll(
        /^\| (`.+?) \|/gm,
      ),
    ]
      .map(([, cell = '']) => cell)
      .flatMap((cell) => cell.match(/(?<=`)[\w-]+(?=`)/g) ?? [])

  it('names the fields of status', async () => {
    const database = await startJournal()
    const { table } = database
    const status = createStatus({
      stage: 'prod',
      apps: [],
      heads: createHeads(table),
      revisions: createRevisions(table),
      history: createHistory(table),
      seen: createSeen(table),
      repositories: createRepositories(table),
      proxyImages: createProxyImages(table),
      renewals: createRenewals(table),
      clock: systemClock,
    })
    const [{ app: _, ...shown } = {}] = await status([appOf('oc-lettings')])
    await database.stop()
    expect(rowsOf('Status').toSorted()).toEqual(Object.keys(shown).toSorted())
  })

  it('names every alarm on Landfall itself', () => {
    const alarms = [...read('packaging/watch.yml').matchAll(/AlarmName: (landfall-\S+)/g)]
    const names = alarms.map(([, name = '']) => name.replace('${sls:stage}', 'prod'))
    expect(rowsOf('When Landfall itself fails').toSorted()).toEqual(names.toSorted())
  })
})
