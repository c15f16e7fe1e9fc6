import { spawn } from 'node:child_process'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { documentKinds, renderScript } from '../host/documents.ts'
import { ensurePrograms } from '../local/docker/packages.ts'

// `npm run check`: everything that is fast, as many at a time as there are processors. It prints a
// line for each, and all that one says only where it fails.

interface Check {
  readonly name: string
  readonly command: readonly [string, ...string[]]
}

/** The scripts as they run on an instance: their parts know each other's variables. */
const writeHostScripts = (): string[] => {
  const directory = mkdtempSync(join(tmpdir(), 'landfall-shellcheck-'))
  return documentKinds.map((kind) => {
    const file = join(directory, `${kind}.sh`)
    writeFileSync(file, renderScript(kind))
    return file
  })
}

// The longest first, so that none of them is waited for alone at the end.
const checks: readonly Check[] = [
  { name: 'tests (unit)', command: ['vitest', 'run', '--project', 'unit', '--silent=passed-only'] },
  { name: 'lint', command: ['oxlint', '--type-aware'] },
  { name: 'types', command: ['tsc', '--noEmit'] },
  { name: 'shell', command: ['shellcheck', '--norc', ...writeHostScripts()] },
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

const run = ([program, ...args]: Check['command']): Promise<Outcome> =>
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

await ensurePrograms([{ name: 'shellcheck', package: 'shellcheck' }])
const queue = [...checks]
const failed: string[] = []
await Promise.all(Array.from({ length: availableParallelism() }, () => work(queue, failed)))
process.stdout.write(
  failed.length === 0 ? 'All checks passed.\n' : `Failed: ${failed.join(', ')}.\n`,
)
process.exitCode = failed.length === 0 ? 0 : 1
