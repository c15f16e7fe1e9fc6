import { afterEach, expect, test, vi } from 'vitest'
import { environments, readEnvironment } from '../../../src/config/environment.ts'

afterEach(() => {
  vi.unstubAllEnvs()
})

test('gives a function what it needs from its environment', () => {
  vi.stubEnv('STAGE', 'prod')
  vi.stubEnv('TABLE_NAME', 'landfall-prod')
  vi.stubEnv('SENTRY_DSN', '')
  expect(readEnvironment(environments.status)).toEqual({
    STAGE: 'prod',
    TABLE_NAME: 'landfall-prod',
    SENTRY_DSN: '',
  })
})

test('names the variable that is missing', () => {
  vi.stubEnv('STAGE', 'prod')
  vi.stubEnv('TABLE_NAME', '')
  expect(() => readEnvironment(environments.status)).toThrow('TABLE_NAME')
})
