import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { channels } from '../../../src/deployment/notice.ts'
import { systemClock } from '../../../src/kernel/clock.ts'
import { http } from '../../../src/kernel/http.ts'
import { createReporters, late } from '../../../src/report/reporters.ts'
import { factOf, reportingApp, secretsOf } from '../../support/reports.ts'
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
    loadEvent: async () => async () => ({ kind: 'sent' }),
  })

test('there is one who tells for every channel, made when there is something to tell', async () => {
  const reporters = reportersOf({ 'landfall/test/notice': hook.url.href })
  expect(Object.keys(reporters).sort()).toEqual([...channels].sort())
  expect(await reporters.notice(factOf('succeeded'), reportingApp())).toEqual({ kind: 'sent' })
  expect(hook.calls).toHaveLength(1)
})

test('GitHub is asked where the stack says that its API is', async () => {
  const reporters = reportersOf({ 'landfall/test/github': 'github_pat_of-somebody' })
  await reporters.github(factOf('started'), reportingApp())
  expect(hook.calls.map(({ path }) => path)).toEqual(['/repos/acme/oc-lettings/deployments'])
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

describe('a reporter that could not be loaded', () => {
  const told = { kind: 'sent' } as const
  /** The first load fails. */
  const createFlaky = () => {
    let loads = 0
    const report = late(async () => {
      loads += 1
      if (loads === 1) throw new Error('too many open files')
      return async () => told
    })
    return { tell: () => report(factOf('succeeded'), reportingApp()), countLoads: () => loads }
  }

  test('is loaded anew at the next try, and then kept', async () => {
    const { tell, countLoads } = createFlaky()
    await expect(tell()).rejects.toThrow('too many open files')
    expect(await tell()).toEqual(told)
    expect(await tell()).toEqual(told)
    expect(countLoads()).toBe(2)
  })

  test('fails everybody who waited for it, and is loaded once for all who try next', async () => {
    const { tell, countLoads } = createFlaky()
    const tellTwice = async () =>
      (await Promise.allSettled([tell(), tell()])).map(({ status }) => status)
    expect(await tellTwice()).toEqual(['rejected', 'rejected'])
    expect(await tellTwice()).toEqual(['fulfilled', 'fulfilled'])
    expect(countLoads()).toBe(2)
  })
})
