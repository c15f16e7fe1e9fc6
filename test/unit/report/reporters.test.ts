import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { channels } from '../../../src/deployment/notice.ts'
import { systemClock } from '../../../src/kernel/clock.ts'
import { http } from '../../../src/kernel/http.ts'
import { createLazyReporter, createReporters } from '../../../src/report/reporters.ts'
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
    owner: '123456789012/eu-west-3/prod',
    githubApi: hook.url,
    loadRepository: async () => null,
    loadEvent: async () => async () => ({ kind: 'sent' }),
  })

test('has a reporter for every channel, loaded for the first notice', async () => {
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

describe('a reporter that could not be loaded', () => {
  const sent = { kind: 'sent' } as const
  /** The first load fails. */
  const createFlaky = () => {
    let loads = 0
    const report = createLazyReporter(async () => {
      loads += 1
      if (loads === 1) throw new Error('too many open files')
      return async () => sent
    })
    return { send: () => report(noticeOf('succeeded'), reportingApp()), countLoads: () => loads }
  }

  test('loads a reporter again after a failed load, then keeps it', async () => {
    const { send, countLoads } = createFlaky()
    await expect(send()).rejects.toThrow('too many open files')
    expect(await send()).toEqual(sent)
    expect(await send()).toEqual(sent)
    expect(countLoads()).toBe(2)
  })

  test('fails all notices that wait for one load, and loads once for all that follow', async () => {
    const { send, countLoads } = createFlaky()
    const sendTwice = async () =>
      (await Promise.allSettled([send(), send()])).map(({ status }) => status)
    expect(await sendTwice()).toEqual(['rejected', 'rejected'])
    expect(await sendTwice()).toEqual(['fulfilled', 'fulfilled'])
    expect(countLoads()).toBe(2)
  })
})
