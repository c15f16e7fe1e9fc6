import { expect, test } from 'vitest'
import { createSecretChecks } from '../../../src/secrets/check-secrets.ts'
import { Redacted } from '../../../src/kernel/redacted.ts'
import { succeed } from '../../../src/kernel/result.ts'
import { appOf } from '../../support/apps.ts'
import { failedSecret, toSecretReason } from '../../support/failed-secret.ts'

const name = 'landfall/prod/shop'
const checksOf = (held: string) =>
  createSecretChecks(async () => {
    const reason = toSecretReason(held)
    return reason === null
      ? succeed({ value: new Redacted(held), versionId: 'v1' })
      : failedSecret(reason, name)
  })

const app = appOf('shop', { env: { DEBUG: 'False' } })

test('lists the names of an app’s secret keys, and no value', async () => {
  const found = await checksOf('{"API_KEY":"hunter22","PORT":8000}').readSecretKeys(app, name)
  expect(found).toEqual({ ok: true, value: ['API_KEY', 'PORT'] })
})

test.each([
  ['secret_missing', 'secret_missing', /landfall\/prod\/shop says secret_missing/],
  ['secret_refused', 'secret_refused', /landfall\/prod\/shop says secret_refused/],
  ['secret_unavailable', 'secret_unavailable', /landfall\/prod\/shop says secret_unavailable/],
  ['hunter22 is no JSON', 'secret_invalid', /not a JSON object/],
  ['["hunter22"]', 'secret_invalid', /not a JSON object/],
  ['{"API_KEY":{"inner":"hunter22"}}', 'secret_invalid', /"API_KEY"/],
  ['{"no-name":"hunter22"}', 'secret_invalid', /"no-name"/],
])('reports the app secret %s as %s, and no value', async (held, reason, message) => {
  const found = await checksOf(held).readSecretKeys(app, name)
  expect(found).toMatchObject({ ok: false, error: { reason } })
  expect(found.ok ? '' : found.error.message).toMatch(message)
  expect(JSON.stringify(found)).not.toContain('hunter22')
})

test.each([
  ['{"username":"acme","password":"hunter22"}', true],
  ['{"username":"acme"}', false],
  ['hunter22', false],
  ['secret_missing', false],
])('accepts the registry credentials %s: %s', async (held, ok) => {
  const found = await checksOf(held).checkLogin(app, name)
  expect(found.ok).toBe(ok)
  expect(JSON.stringify(found)).not.toContain('hunter22')
})
