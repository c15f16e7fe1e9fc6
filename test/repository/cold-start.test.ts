import { execFile } from 'node:child_process'
import { readFileSync, readdirSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { beforeAll, expect, test } from 'vitest'
import { listen } from '../../local/base/listen.ts'
import { environments } from '../../src/config/environment.ts'
import { openPackage } from '../support/packaged.ts'

const names = Object.keys(environments)
const sealing = ['plan', 'reconcile']

let bundles: string
beforeAll(async () => {
  bundles = join((await openPackage()).directory, 'bundles')
})

const fileOf = (name: string, late = ''): string =>
  join(bundles, name, 'handlers', `${name}${late}.cjs`)

/** What a fresh process prints that loads this file, as Lambda does. */
const run = async (
  file: string,
  code: string,
  env: Readonly<Record<string, string>> = {},
): Promise<string> => {
  const script = `const loaded = require(process.argv[1]);(async () => { ${code} })()`
  const { stdout } = await promisify(execFile)(process.execPath, ['--eval', script, file], { env })
  return stdout
}

test.each(names)('the package of %s has its bundle and what only it loads late', (name) => {
  const late = sealing.includes(name) ? ['encrypt-cms', 'sentry'] : ['sentry']
  expect(readdirSync(join(bundles, name, 'handlers')).sort()).toEqual(
    [`${name}.cjs`, ...late.map((one) => `${name}.${one}.cjs`)].sort(),
  )
})

test.each(names)('a cold start of %s reads one file, its bundle', async (name) => {
  const read = await run(fileOf(name), 'process.stdout.write(Object.keys(require.cache).join())')
  expect(read).toBe(fileOf(name))
})

/** A text that only the library has. */
const heavy = {
  'Sentry’s client': 'sentry_client',
  'the library that seals orders': 'EncryptedContentInfo',
  'what EC2 knows besides instances': 'DescribeVpcEndpointConnections',
  'credentials of single sign-on': 'SSOOIDC',
}

test.each(Object.entries(heavy))('no bundle holds %s', (_, text) => {
  expect(names.filter((name) => readFileSync(fileOf(name), 'utf8').includes(text))).toEqual([])
})

test('the texts that stand for Sentry and the sealing library are in the files that are loaded late', () => {
  expect(readFileSync(fileOf('reconcile', '.sentry'), 'utf8')).toContain('sentry_client')
  expect(readFileSync(fileOf('reconcile', '.encrypt-cms'), 'utf8')).toContain(
    'EncryptedContentInfo',
  )
})

test('a packaged function loads what tells Sentry when it crashes, and tells it', async () => {
  const paths: (string | undefined)[] = []
  const sentry = createServer(({ url }, response) => {
    paths.push(url)
    response.end('{}')
  })
  const port = await listen(sentry, 0)
  const dsn = `http://abcdef0123456789abcdef0123456789@127.0.0.1:${port}/42`
  const told = await run(
    fileOf('webhook'),
    'await loaded.handler({}).catch((error) => process.stdout.write(error.name))',
    { SENTRY_DSN: dsn, STAGE: 'test' },
  )
  sentry.close().closeAllConnections()
  expect(told).toBe('ZodError')
  expect(paths).toEqual([expect.stringMatching(/^\/api\/42\/envelope\/\?/)])
})
