import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { ConfigurationError, readConfigurationFile } from '../../../src/config/file.ts'

test('explains how to begin where there is no file', () => {
  expect(() => readConfigurationFile('nowhere/landfall.yml')).toThrow(
    'nowhere/landfall.yml does not exist. Start from the example: cp landfall.example.yml nowhere/landfall.yml (or name another file by LANDFALL_CONFIG)',
  )
})

test('reads the file that LANDFALL_CONFIG names', () => {
  vi.stubEnv('LANDFALL_CONFIG', 'landfall.example.yml')
  const { configuration, warnings } = readConfigurationFile()
  vi.unstubAllEnvs()
  expect(configuration.apps.map(({ name }) => name)).toEqual(['oc-lettings', 'oc-lettings-staging'])
  // The example has every key, also those that are not implemented yet.
  expect(warnings.filter((warning) => !warning.includes('is not implemented yet'))).toEqual([])
})

test('reports every mistake of a file, without a stack', () => {
  const file = join(mkdtempSync(join(tmpdir(), 'landfall-config-')), 'landfall.yml')
  writeFileSync(file, 'apps: { shop: { image: acme/shop, requires: [image] }, x: 1 }\n')
  const error = (() => {
    try {
      return readConfigurationFile(file)
    } catch (thrown) {
      return thrown
    }
  })()
  expect(error).toBeInstanceOf(ConfigurationError)
  expect(error).toMatchObject({
    message: `${file} has 2 mistakes:
  ${file}:1:9 apps.shop.targets: is missing; it must be a list of targets
  ${file}:1:59 apps.x: must be a mapping of keys to values, got 1`,
  })
  expect(error instanceof Error ? error.stack : '').not.toContain('    at ')
})
