import { execFile } from 'node:child_process'
import { existsSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { buildService } from '../local/package/build.ts'
import type { LambdaFunction } from '../local/aws/index.ts'
import { readConfigurationFile } from '../src/config/file.ts'
import { print, type Figure } from './report.ts'
import { median, toMilliseconds } from './statistics.ts'

const rounds = 15

/**
 * The output is opened within the time: most of the empty bundle's figure, which is the yardstick of the others, is what
 * that and the loader's first use take.
 */
const timer = `const begun = performance.now()
require(process.argv[1])
process.stdout.write(String(performance.now() - begun))`

/** A fresh process, as a cold start is; what Node itself needs to start is not counted. */
const timeImport = async (file: string): Promise<number> => {
  const { stdout } = await promisify(execFile)(process.execPath, ['--eval', timer, file])
  return Number(stdout)
}

const toBundle = ({ directory, handler }: LambdaFunction): string => {
  const stem = join(directory, handler.slice(0, handler.lastIndexOf('.')))
  const file = ['.cjs', '.js', '.mjs'].map((end) => stem + end).find((path) => existsSync(path))
  if (file === undefined) throw new Error(`no bundle at ${stem}`)
  return file
}

const reconcileBarMilliseconds = 120
const webhookBarTimes = 20

const toBar = (name: string, empty: number, milliseconds: number) => {
  if (name === 'reconcile')
    return {
      bar: `< ${reconcileBarMilliseconds} ms`,
      isKept: milliseconds < reconcileBarMilliseconds,
    }
  if (name !== 'webhook') return {}
  const isKept = milliseconds <= webhookBarTimes * empty
  return { bar: `<= ${webhookBarTimes} x empty`, isKept }
}

interface Bundle {
  readonly name: string
  readonly file: string
  readonly milliseconds: number[]
}

const toFigure = ({ name, file, milliseconds }: Bundle, empty: number): Figure => {
  const middle = median(milliseconds)
  const size = `${(statSync(file).size / 1000).toFixed(0)} kB`
  return {
    what: `import of ${name}, ${size}`,
    measured: `${toMilliseconds(milliseconds)}, ${(middle / empty).toFixed(1)} x empty`,
    ...toBar(name, empty, middle),
  }
}

/** How long each packaged bundle takes to load, all of them in turn in each round. */
export const measureImport = async (directory: string): Promise<readonly Figure[]> => {
  const account = { id: '000000000000', region: 'eu-west-3' }
  const { configuration } = readConfigurationFile('landfall.example.yml')
  const bundlesDirectory = join(directory, 'bundles')
  const { functions } = await buildService(configuration, account, bundlesDirectory, print)
  const empty = join(directory, 'empty.cjs')
  writeFileSync(empty, 'module.exports = {}\n')
  const bundles = functions.map((one): Bundle => ({
    name: one.name.replace('landfall-local-', ''),
    file: toBundle(one),
    milliseconds: [],
  }))
  const emptyMilliseconds: number[] = []
  // The first round only brings the files into the page cache.
  for (let round = 0; round <= rounds; round += 1) {
    const loaded = await timeImport(empty)
    if (round > 0) emptyMilliseconds.push(loaded)
    for (const { file, milliseconds } of bundles) {
      const took = await timeImport(file)
      if (round > 0) milliseconds.push(took)
    }
  }
  return [
    { what: 'import of an empty bundle', measured: toMilliseconds(emptyMilliseconds) },
    ...bundles.map((one) => toFigure(one, median(emptyMilliseconds))),
  ]
}
