import { spawn } from 'node:child_process'
import { globSync } from 'node:fs'
import { createRequire } from 'node:module'
import { availableParallelism } from 'node:os'
import { dirname, join } from 'node:path'
import { ensurePrograms, programs } from '../../local/docker/packages.ts'
import { ensurePackage } from '../../local/package/build.ts'
import { chromiumProgram } from '../support/chromium.ts'
import { djangoPrograms } from '../support/django-packages.ts'
import { ensurePypiPython } from '../support/django-pypi.ts'
import { fastRules } from './files.ts'
import { canHaveLanes, openLane, openMachineLane, removeLeftLanes, type Lane } from './lane.ts'
import { fetchNewerUsr } from './newer.ts'
import { none, readReport, type Outcome } from './report.ts'

/** More than there are processors: half of what these tests do is waiting for a container. */
const laneCount = availableParallelism() + 2

/**
 * The longest, which begin first, so that none of them is waited for alone at the end; the order is that
 * of their seconds in the usual size.
 */
const longest: readonly string[] = [
  'test/end-to-end/alarm.test.ts',
  'test/host/engine-restarts.test.ts',
  'test/host/kills.test.ts',
  'test/end-to-end/fleet.test.ts',
  'test/host/broken.test.ts',
  'test/end-to-end/targets.test.ts',
  'test/host/fence.test.ts',
  'test/host/recreate.test.ts',
  'test/end-to-end/pipelines.test.ts',
  'test/host/health.test.ts',
  'test/host/reasons.test.ts',
  'test/end-to-end/operators.test.ts',
  'test/end-to-end/cli.test.ts',
  'test/host/time.test.ts',
  'test/host/images.test.ts',
  'test/end-to-end/faults.test.ts',
  'test/end-to-end/render.test.ts',
  'test/host/blue-green.test.ts',
  'test/host/take-over.test.ts',
  'test/end-to-end/reports.test.ts',
  'test/end-to-end/recreate.test.ts',
  'test/end-to-end/cli.test.ts',
  'test/end-to-end/page.test.ts',
  'test/end-to-end/secrets.test.ts',
  'test/end-to-end/requires.test.ts',
  'test/end-to-end/forward.test.ts',
  'test/end-to-end/sources.test.ts',
  'test/end-to-end/restart.test.ts',
  'test/end-to-end/broken.test.ts',
  'test/host/metadata.test.ts',
  'test/host/plan.test.ts',
  'test/host/renew.test.ts',
  'test/repository/configure.test.ts',
]

/** Local instances have names and addresses that the whole machine shares (`npm start -- --instances`). */
const machineWide = ['fleet', 'local-stack'].map((name) => `test/end-to-end/${name}.test.ts`)

const toRank = (file: string): number => {
  const at = longest.indexOf(file)
  return at < 0 ? longest.length : at
}

/** The test files that need an engine or a package, those first that take longest. */
const listSlowFiles = (): string[] =>
  globSync('test/{host,end-to-end,repository}/**/*.test.ts')
    .filter((file) => !fastRules.includes(file))
    .toSorted((one, other) => toRank(one) - toRank(other) || one.localeCompare(other))

const vitest = join(
  dirname(createRequire(import.meta.url).resolve('vitest/package.json')),
  'vitest.mjs',
)

interface Run {
  readonly status: number
  readonly output: string
}

const runFile = (
  lane: Lane,
  file: string,
  report: string,
  more: Round['environment'],
): Promise<Run> =>
  new Promise((resolve) => {
    const reports = ['--reporter=json', `--outputFile=${report}`]
    const order = [...lane.enter(), process.execPath, vitest, 'run', ...reports, file]
    const [program = '', ...args] = order
    const env = { ...process.env, ...lane.environment, ...more, NO_COLOR: '1' }
    const child = spawn(program, args, { env, stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => (output += chunk.toString()))
    child.on('error', (error) => resolve({ status: 1, output: error.message }))
    child.on('close', (code) => resolve({ status: code ?? 1, output }))
  })

const indent = (text: string): string =>
  text
    .trim()
    .split('\n')
    .filter((line) => line.trim() !== '' && !line.startsWith('JSON report written'))
    .map((line) => `        ${line}\n`)
    .join('')

const show = (file: string, seconds: number, { output }: Run, outcome: Outcome): void => {
  const mark = outcome.failed === 0 ? 'ok    ' : 'FAILED'
  const time = seconds.toFixed(1).padStart(5)
  process.stdout.write(`${mark} ${time} s  ${file} (${outcome.passed} passed)\n${indent(output)}`)
  if (outcome.failed > 0) process.stdout.write(`${outcome.failures}\n`)
}

/** Hands each lane one file after another; of those that share the machine's names, one at a time. */
const createQueue = (files: string[]) => {
  let isMachineTaken = false
  return {
    take: (): string | undefined => {
      const at = files.findIndex((file) => !(isMachineTaken && machineWide.includes(file)))
      const [file] = at < 0 ? [] : files.splice(at, 1)
      if (file !== undefined && machineWide.includes(file)) isMachineTaken = true
      return file
    },
    end: (file: string): void => {
      if (machineWide.includes(file)) isMachineTaken = false
    },
  }
}

const openLanes = async (count: number, usr: string | null): Promise<readonly Lane[]> => {
  if (!canHaveLanes()) return [await openMachineLane()]
  await removeLeftLanes()
  const numbers = Array.from({ length: count }, (_, index) => index + 1)
  const settled = await Promise.allSettled(numbers.map((number) => openLane(number, usr)))
  const lanes = settled.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
  const failed = settled.find((one) => one.status === 'rejected')
  if (failed === undefined) return lanes
  await Promise.all(lanes.map((lane) => lane.stop()))
  throw failed.reason
}

/** A lane without an engine is of no use to whoever interrupts the run. */
const stopOnSignal = (stop: () => Promise<void>): (() => void) => {
  const end = (): void => void stop().finally(() => process.exit(130))
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, end)
  return () => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.removeListener(signal, end)
  }
}

interface Round {
  /** Takes the reports. */
  readonly directory: string
  readonly files: readonly string[]
  /** Where the programs lie, if not in this machine's `/usr`. */
  readonly usr: string | null
  /** A variable that is undefined is taken away. */
  readonly environment: Readonly<Record<string, string | undefined>>
  /** What a file waits for before it runs. */
  readonly needs?: ReadonlyMap<string, Promise<void>>
}

const runRound = async (round: Round): Promise<Outcome> => {
  const { directory, files, usr, environment, needs } = round
  const account = { id: '000000000000', region: process.env['AWS_REGION'] ?? 'eu-west-3' }
  const packaging = ensurePackage(account, () => undefined)
  const lanes = await openLanes(Math.min(laneCount, files.length), usr)
  const stop = async (): Promise<void> => {
    await Promise.all(lanes.map((lane) => lane.stop()))
  }
  const forget = stopOnSignal(stop)
  const queue = createQueue([...files])
  const outcomes: Outcome[] = []
  const work = async (lane: Lane): Promise<void> => {
    for (let file = queue.take(); file !== undefined; file = queue.take()) {
      await needs?.get(file)
      const begun = performance.now()
      const report = join(directory, `${file.replaceAll('/', '-')}.json`)
      const run = await runFile(lane, file, report, environment)
      await lane.tidy()
      const seconds = (performance.now() - begun) / 1000
      const outcome = readReport(report, run.status !== 0)
      const title = `${file}${lane.title}`
      show(title, seconds, run, outcome)
      outcomes.push({ ...outcome, files: [{ file: title, seconds }] })
      queue.end(file)
    }
  }
  try {
    await packaging
    await Promise.all(lanes.map(work))
  } finally {
    forget()
    await stop()
  }
  return {
    passed: outcomes.reduce((sum, { passed }) => sum + passed, 0),
    failed: outcomes.reduce((sum, { failed }) => sum + failed, 0),
    failures: '',
    files: outcomes.flatMap(({ files: times }) => times),
  }
}

/** What the slow tests run: not in a lane, which has no network. */
export const fetchPrograms = async (): Promise<void> => {
  if (canHaveLanes()) await ensurePrograms([...Object.values(programs), ...djangoPrograms])
  if (process.env['LANDFALL_TEST_SIZE'] === 'full') await ensurePypiPython()
}

/** The browser is large, and one file alone needs it: the others run while it is fetched. */
const fetchBrowser = async (): Promise<void> => {
  if (!canHaveLanes()) return
  // Without it that file fails, and says what is missing.
  await ensurePrograms([chromiumProgram]).catch(() => undefined)
}

/** Runs the slow test files side by side, once their programs are there; `directory` takes their reports. */
export const runSlowTests = (
  directory: string,
  files: readonly string[] = listSlowFiles(),
): Promise<Outcome> => {
  const page = 'test/end-to-end/page.test.ts'
  const needs = new Map(files.includes(page) ? [[page, fetchBrowser()]] : [])
  return runRound({ directory, files, usr: null, environment: {}, needs })
}

/** Runs test files again, in their usual size, on the engine and the HAProxy of a newer Debian. */
export const runNewerTests = async (
  directory: string,
  files: readonly string[] = listSlowFiles().filter((file) => file.startsWith('test/host/')),
): Promise<Outcome> => {
  const usr = canHaveLanes() ? await fetchNewerUsr() : null
  if (usr === null) return none
  // Without the faults of the full size, which take as long as all others.
  const environment = { LANDFALL_TEST_SIZE: 'usual', LANDFALL_FAULTS: undefined }
  return runRound({ directory, files, usr, environment })
}
