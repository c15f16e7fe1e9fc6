import { afterEach, beforeEach, expect, test } from 'vitest'
import { channels } from '../../../src/deployment/notice.ts'
import { systemClock } from '../../../src/kernel/clock.ts'
import { http } from '../../../src/kernel/http.ts'
import { createReporters } from '../../../src/report/reporters.ts'
import { noticeOf, reportingApp, secretsOf } from '../../support/reports.ts'
import { startVendor, type Vendor } from '../../../local/base/vendor.ts'

let hook: Vendor
beforeEach(async () => {
  hook = await startVendor(() => ({ status: 200, body: 'ok' }))
})
afterEach(() => hook.stop())

const reportersOf = (secrets: Readonly<Record<string, string>>) =>
  createReporters({
    http,
    readSecret: secretsOf(secrets),
    clock: systemClock,
    apiUrl: 'https://api.example',
    githubApi: hook.url,
    loadRepository: async () => null,
    event: async () => ({ kind: 'sent' }),
  })

test('has a reporter for every channel', async () => {
  const reporters = reportersOf({ 'landfall/test/notice': hook.url.href })
  expect(Object.keys(reporters).sort()).toEqual([...channels].sort())
  expect(await reporters.notice(noticeOf('succeeded'), reportingApp())).toEqual({ kind: 'sent' })
  expect(hook.calls).toHaveLength(1)
})

test('sends to the GitHub API that the stack names', async () => {
  const reporters = reportersOf({ 'landfall/test/github': 'github_pat_of-somebody' })
  await reporters.github(noticeOf('started'), reportingApp())
  expect(hook.calls.map(({ path }) => path)).toEqual(['/repos/acme/oc-lettings/deployments'])
})

test.each(['github', 'notice', 'sentry'] as const)(
  'retries %s later where its secret is missing, and refuses where none is configured',
  async (channel) => {
    const send = reportersOf({})[channel]
    const app = reportingApp()
    const why = `the secret ${app.reports[channel]} says secret_missing`
    expect(await send(noticeOf('succeeded'), app)).toEqual({
      kind: 'later',
      why,
      afterSeconds: null,
    })
    const without = { ...app, reports: { ...app.reports, [channel]: null } }
    expect(await send(noticeOf('succeeded'), without)).toMatchObject({ kind: 'refused' })
  },
)
