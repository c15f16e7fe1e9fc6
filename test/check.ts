import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import * as z from 'zod'
import { documentKinds, renderScript } from '../host/documents.ts'
import { ensureEngine } from '../local/docker/engine.ts'
import { ensurePrograms } from '../local/docker/packages.ts'

// `npm run check`: everything that is fast, as many at a time as there are processors. It prints a
// line for each, and all that one says only where it fails. `npm test` (`--and-all-tests`) goes on
// with the tests that take longer, and ends in a line that counts all of them.

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

const reportOf = (name: string): string => join(directory, `${name}.json`)

const vitest = (report: string, ...args: readonly string[]): Check['command'] => [
  'vitest',
  'run',
  '--reporter=default',
  '--reporter=json',
  `--outputFile.json=${reportOf(report)}`,
  ...args,
]

// The longest first, so that none of them is waited for alone at the end.
const checks: readonly Check[] = [
  {
    name: 'tests (unit)',
    // Every processor: much of what the tests do is waiting for processes and timeouts.
    command: vitest('unit', '--project', 'unit', '--silent=passed-only', '--maxWorkers=100%'),
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
      'host',
      'packaging',
    ],
  },
  { name: 'format', command: ['prettier', '--check', '--log-level', 'warn', '.'] },
]

interface Outcome {
  readonly status: number
  readonly output: string
}

const run = (
  [program, ...args]: Check['command'],
  output: 'pipe' | 'inherit' = 'pipe',
): Promise<Outcome> =>
  new Promise((resolve) => {
    const chunks: Buffer[] = []
    const child = spawn(program, args, {
      env: { ...process.env, NO_COLOR: '1' },
      stdio: ['ignore', output, output],
    })
    const keep = (chunk: Buffer): void => void chunks.push(chunk)
    child.stdout?.on('data', keep)
    child.stderr?.on('data', keep)
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

const Report = z.object({ numPassedTests: z.number(), numFailedTests: z.number() })

/** A run that failed without a test of its own, such as a file that does not load, counts as one. */
const countTests = (name: string, isFailed: boolean): { passed: number; failed: number } => {
  try {
    const report = Report.parse(JSON.parse(readFileSync(reportOf(name), 'utf8')))
    const { numPassedTests: passed, numFailedTests } = report
    return { passed, failed: Math.max(numFailedTests, isFailed ? 1 : 0) }
  } catch {
    return { passed: 0, failed: 1 }
  }
}

await ensurePrograms([{ name: 'shellcheck', package: 'shellcheck' }])
const queue = [...checks]
const failed: string[] = []
await Promise.all(Array.from({ length: availableParallelism() }, () => work(queue, failed)))
process.stdout.write(
  failed.length === 0 ? 'All checks passed.\n' : `Failed: ${failed.join(', ')}.\n`,
)

/** The tests take the engine that answers; one that is started for them ends with them. */
const runWithEngine = async (command: Check['command']): Promise<Outcome> => {
  const engine = await ensureEngine()
  try {
    return await run(command, 'inherit')
  } finally {
    await engine.stop()
  }
}

if (process.argv.includes('--and-all-tests')) {
  const fast = countTests('unit', failed.includes('tests (unit)'))
  const slow = vitest('slow', '--project', 'repository', '--project', 'real')
  const { status } = failed.length === 0 ? await runWithEngine(slow) : { status: 0 }
  const all = failed.length === 0 ? countTests('slow', status !== 0) : { passed: 0, failed: 0 }
  if (status !== 0) failed.push('tests')
  // A check that failed and is no test counts as one: `0 failed` is said only where all is well.
  const other = failed.filter((name) => !name.startsWith('tests')).length
  process.stdout.write(
    `${fast.passed + all.passed} passed, ${fast.failed + all.failed + other} failed\n`,
  )
}
rmSync(directory, { recursive: true })
process.exitCode = failed.length === 0 ? 0 : 1
