import { execFile } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { buildService } from '../local/package/build.ts'
import type { LambdaFunction } from '../local/aws/index.ts'
import { readConfigurationFile } from '../src/config/file.ts'
import { print, type Figure } from './report.ts'
import { median, toMilliseconds } from './statistics.ts'

const rounds = 15
const webhookBarMilliseconds = 120

/** CommonJS, so that the empty bundle's figure is the loader's share and nothing else. */
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

const toFigure = (name: string, empty: number, milliseconds: readonly number[]): Figure => ({
  what: `import of ${name}`,
  measured: `${toMilliseconds(milliseconds)}, ${(median(milliseconds) - empty).toFixed(0)} above empty`,
  ...(name === 'webhook' && {
    bar: `< ${webhookBarMilliseconds} ms`,
    isKept: median(milliseconds) < webhookBarMilliseconds,
  }),
})

/** How long each packaged bundle takes to load, all of them in turn in each round. */
export const measureImport = async (directory: string): Promise<readonly Figure[]> => {
  const account = { id: '000000000000', region: 'eu-west-3' }
  const { configuration } = readConfigurationFile('landfall.example.yml')
  const bundlesDirectory = join(directory, 'bundles')
  const { functions } = await buildService(configuration, account, bundlesDirectory, print)
  const empty = join(directory, 'empty.cjs')
  writeFileSync(empty, 'module.exports = {}\n')
  const bundles = functions.map((one) => ({
    name: one.name.replace('landfall-local-', ''),
    file: toBundle(one),
    milliseconds: new Array<number>(),
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
    ...bundles.map(({ name, milliseconds }) =>
      toFigure(name, median(emptyMilliseconds), milliseconds),
    ),
  ]
}
