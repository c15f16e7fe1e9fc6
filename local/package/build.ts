import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { basename, join } from 'node:path'
import type { Configuration } from '../../src/deployment/app.ts'
import { type Account, type PackagedService, toService, toTemplate } from '../aws/index.ts'
import { StartError } from '../base/listen.ts'
import { configureBundle, configureTemplate } from './configure.ts'
import { unzip } from './unzip.ts'

const projectDirectory = join(import.meta.dirname, '../..')
const exampleConfiguration = join(projectDirectory, 'landfall.example.yml')
const inputs = ['src', 'handlers', 'host', 'packaging', 'serverless.yml', 'package-lock.json']
export const templateName = 'cloudformation-template-update-stack.json'
const keptPackages = 5

const listFiles = (path: string): readonly string[] => {
  if (!existsSync(path)) return []
  if (statSync(path).isFile()) return [path]
  const entries = readdirSync(path, { withFileTypes: true, recursive: true })
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
}

/** Names a package by all that goes into it, so that nothing is packaged twice. */
const toKey = (account: Account): string => {
  const hash = createHash('sha256').update(`${account.region}\0${process.env['SENTRY_DSN'] ?? ''}`)
  const files = inputs.flatMap((input) => listFiles(join(projectDirectory, input)))
  for (const file of [...files.toSorted(), exampleConfiguration])
    hash.update(`\0${file}\0`).update(readFileSync(file))
  return hash.digest('hex').slice(0, 16)
}

/** The packager prints its findings between lines of its own; they are what the person has to read. */
const toMessage = (output: string): string => output.trim().replaceAll(/\n{2,}/g, '\n')

const runPackager = (account: Account, target: string): Promise<void> =>
  new Promise((resolve, reject) => {
    const bin = createRequire(import.meta.url).resolve('serverless/bin/serverless.js')
    const options = ['--stage', 'local', '--region', account.region, '--package', target]
    const env = {
      ...process.env,
      LANDFALL_CONFIG: exampleConfiguration,
      AWS_EC2_METADATA_DISABLED: 'true',
    }
    const order = { cwd: projectDirectory, env, maxBuffer: 16 * 1024 * 1024 }
    execFile(process.execPath, [bin, 'package', ...options], order, (error, stdout, stderr) => {
      if (error) reject(new StartError(toMessage(stdout + stderr)))
      else resolve()
    })
  })

const unpackBundles = (directory: string): void => {
  for (const name of readdirSync(directory).filter((file) => file.endsWith('.zip'))) {
    const target = join(directory, 'bundles', basename(name, '.zip'))
    unzip(join(directory, name), target)
    // Lambda knows no package around a bundle; without this the project's own would say what it is.
    if (!existsSync(join(target, 'package.json'))) writeFileSync(join(target, 'package.json'), '{}')
  }
}

const forgetOldest = (cache: string): void => {
  const byAge = readdirSync(cache)
    .filter((name) => !name.startsWith('.'))
    .toSorted((a, b) => statSync(join(cache, b)).mtimeMs - statSync(join(cache, a)).mtimeMs)
  for (const name of byAge.slice(keptPackages)) rmSync(join(cache, name), { recursive: true })
}

/**
 * Packages the service for stage `local` as `sls deploy` would, unless that was done before; with the
 * example's landfall.yml, in the place of which each stack puts its own.
 *
 * @throws StartError with what the packager said
 */
export const ensurePackage = async (
  account: Account,
  say: (line: string) => void,
): Promise<string> => {
  const cache = join(projectDirectory, '.landfall', 'packages')
  const directory = join(cache, toKey(account))
  if (existsSync(directory)) return directory
  say('packaging the service (about ten seconds, once per change)')
  mkdirSync(cache, { recursive: true })
  const building = join(cache, `.${process.pid}`)
  rmSync(building, { recursive: true, force: true })
  await runPackager(account, building)
  unpackBundles(building)
  if (existsSync(directory)) rmSync(building, { recursive: true })
  else renameSync(building, directory)
  forgetOldest(cache)
  return directory
}

/** Writes the bundles below `directory`, each with this configuration in it. */
const writeBundles = (packaged: string, configuration: Configuration, directory: string): void => {
  const source = join(packaged, 'bundles')
  rmSync(directory, { recursive: true, force: true })
  cpSync(source, directory, { recursive: true })
  for (const file of listFiles(directory).filter((path) => path.endsWith('.cjs')))
    writeFileSync(file, configureBundle(readFileSync(file, 'utf8'), configuration))
}

/**
 * The packaged service: names, variables, documents, table and rules as the template has them, and
 * each function's bundle, unpacked below `directory`.
 *
 * @throws StartError with what the packager said
 */
export const buildService = async (
  configuration: Configuration,
  account: Account,
  directory: string,
  say: (line: string) => void,
): Promise<PackagedService> => {
  const packaged = await ensurePackage(account, say)
  writeBundles(packaged, configuration, directory)
  const text = readFileSync(join(packaged, templateName), 'utf8')
  const template = toTemplate(configureTemplate(text, configuration, 'local'), account)
  return toService(template, (archive) => join(directory, basename(archive, '.zip')))
}
