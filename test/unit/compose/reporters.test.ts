import { afterEach, beforeEach, expect, test } from 'vitest'
import { createReporters } from '../../../src/compose/reporters.ts'
import { channels } from '../../../src/deployment/report.ts'
import { factOf, reportingApp, secretsOf } from '../../support/reports.ts'
import { startVendor, type Vendor } from '../../../local/http/vendor.ts'

let hook: Vendor
beforeEach(async () => {
  hook = await startVendor(() => ({ status: 200, body: 'ok' }))
})
afterEach(() => hook.stop())

const reportersOf = (secrets: Readonly<Record<string, string>>) =>
  createReporters({ readSecret: secretsOf(secrets), region: 'eu-west-3', stage: 'prod' })

test('there is one who tells for every channel, made when there is something to tell', async () => {
  const reporters = reportersOf({ 'landfall/test/notice': hook.url.href })
  expect(Object.keys(reporters).sort()).toEqual([...channels].sort())
  expect(await reporters.notice(factOf('succeeded'), reportingApp())).toEqual({ kind: 'told' })
  expect(hook.calls).toHaveLength(1)
})

test.each(['github', 'notice', 'sentry'] as const)(
  '%s is told later where its secret is missing, and not at all where none is named',
  async (channel) => {
    const tell = reportersOf({})[channel]
    const app = reportingApp()
    const why = `the secret ${app.reports[channel]} is not there`
    expect(await tell(factOf('succeeded'), app)).toEqual({ kind: 'later', why, afterSeconds: null })
    const without = { ...app, reports: { ...app.reports, [channel]: null } }
    expect(await tell(factOf('succeeded'), without)).toMatchObject({ kind: 'refused' })
  },
)
