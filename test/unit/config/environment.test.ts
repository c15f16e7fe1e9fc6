import { afterEach, expect, test, vi } from 'vitest'
import { environments, readEnvironment } from '../../../src/config/environment.ts'

afterEach(() => {
  vi.unstubAllEnvs()
})

test('reads the variables of a function', () => {
  vi.stubEnv('STAGE', 'prod')
  vi.stubEnv('TABLE_NAME', 'landfall-prod')
  vi.stubEnv('SENTRY_DSN', '')
  expect(readEnvironment(environments.status)).toEqual({
    STAGE: 'prod',
    TABLE_NAME: 'landfall-prod',
    SENTRY_DSN: '',
  })
})

test('names a missing variable', () => {
  vi.stubEnv('STAGE', 'prod')
  vi.stubEnv('TABLE_NAME', '')
  expect(() => readEnvironment(environments.status)).toThrow('TABLE_NAME')
})
