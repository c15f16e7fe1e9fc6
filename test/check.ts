import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { documentKinds, renderScript } from '../host/documents.ts'
import { ensurePrograms, programs } from '../local/docker/packages.ts'
import { none, readReport, renderSlowest } from './run/report.ts'
import { fetchPrograms, runNewerTests, runSlowTests } from './run/slow.ts'

// `npm run check`: everything that is fast, as many at a time as there are processors. It prints a
// line for each, and all that one says only where it fails. `npm test` (`--and-all-tests`) goes on
// with the tests that take longer, side by side, and ends in a line that counts all of them. With
// `--full` (`npm run test:full`) the long ones are whole (docs/testing.md).

interface Check {
  readonly name: string
  readonly command: readonly [string, ...string[]]
}

const directory = mkdtempSync(join(tmpdir(), 'landfall-check-'))

/** The scripts as they run on an instance: their parts know each other's variables. */
const writeHostScripts = (): string[] =>
  documentKinds.map((kind) => {
    const file = join(directory, `${kind}.sh`)
    writeFileSync(file, renderScript(kind))
    return file
  })

const unitReport = join(directory, 'unit.json')

// The longest first, so that none of them is waited for alone at the end.
const checks: readonly Check[] = [
  {
    name: 'tests (unit)',
    // Every processor: much of what the tests do is waiting for processes and timeouts.
    command: [
      'vitest',
      'run',
      '--reporter=default',
      '--reporter=json',
      `--outputFile.json=${unitReport}`,
      '--project=unit',
      '--silent=passed-only',
      '--maxWorkers=100%',
    ],
  },
  // The compiler's own diagnostics with the rules' ones: the program is read and checked once.
  { name: 'lint and types', command: ['oxlint', '--type-aware', '--type-check'] },
  // SC2317 takes what a trap or a step's name calls for unreachable.
  {
    name: 'shell',
    command: ['shellcheck', '--norc', '--exclude=SC2317', ...writeHostScripts()],
  },
  { name: 'unused', command: ['knip'] },
  {
    name: 'architecture',
    command: [
      'depcruise',
      '--config',
      '.dependency-cruiser.cjs',
      'src',
      'handlers',
      'cli',
      'host',
      'packaging',
      'local',
      'bench',
      'test',
    ],
  },
  { name: 'format', command: ['oxfmt', '--check'] },
]

interface Run {
  readonly status: number
  readonly output: string
}

const run = ([program, ...args]: Check['command']): Promise<Run> =>
  new Promise((resolve) => {
    const chunks: Buffer[] = []
    const child = spawn(program, args, {
      env: { ...process.env, NO_COLOR: '1' },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const keep = (chunk: Buffer): void => void chunks.push(chunk)
    child.stdout.on('data', keep)
    child.stderr.on('data', keep)
    child.on('error', (error) => resolve({ status: 1, output: error.message }))
    child.on('close', (code) =>
      resolve({ status: code ?? 1, output: Buffer.concat(chunks).toString() }),
    )
  })

const work = async (queue: Check[], failed: string[]): Promise<void> => {
  for (let check = queue.shift(); check !== undefined; check = queue.shift()) {
    const begin = performance.now()
    const { status, output } = await run(check.command)
    const seconds = ((performance.now() - begin) / 1000).toFixed(1).padStart(5)
    process.stdout.write(`${status === 0 ? 'ok    ' : 'FAILED'} ${seconds} s  ${check.name}\n`)
    if (status !== 0) {
      failed.push(check.name)
      process.stdout.write(`${output.trimEnd()}\n`)
    }
  }
}

const runChecks = async (): Promise<readonly string[]> => {
  await ensurePrograms([programs.shellcheck])
  const queue = [...checks]
  const failed: string[] = []
  await Promise.all(Array.from({ length: availableParallelism() }, () => work(queue, failed)))
  process.stdout.write(
    failed.length === 0 ? 'All checks passed.\n' : `Failed: ${failed.join(', ')}.\n`,
  )
  return failed
}

const main = async (): Promise<number> => {
  if (process.argv.includes('--full'))
    Object.assign(process.env, { LANDFALL_TEST_SIZE: 'full', LANDFALL_FAULTS: 'all' })
  const begun = performance.now()
  const failed = await runChecks()
  const fast = readReport(unitReport, failed.includes('tests (unit)'))
  const hasAll = process.argv.includes('--and-all-tests')
  const isGoingOn = hasAll && failed.length === 0
  if (isGoingOn) await fetchPrograms()
  const slow = isGoingOn ? await runSlowTests(directory) : none
  const isFull = process.env['LANDFALL_TEST_SIZE'] === 'full'
  const newer = isGoingOn && isFull ? await runNewerTests(directory) : none
  const slowest = renderSlowest([...fast.files, ...slow.files, ...newer.files])
  process.stdout.write(`The files that took the longest:\n${slowest}\n`)
  process.stdout.write(`${((performance.now() - begun) / 1000).toFixed(0)} s in all.\n`)
  // A check that failed and is no test counts as one: `0 failed` is said only where all is well.
  const others = failed.filter((name) => !name.startsWith('tests')).length
  const failures = fast.failed + slow.failed + newer.failed + others
  if (hasAll)
    process.stdout.write(`${fast.passed + slow.passed + newer.passed} passed, ${failures} failed\n`)
  return failures === 0 ? 0 : 1
}

process.exitCode = await main().finally(() => rmSync(directory, { recursive: true }))
