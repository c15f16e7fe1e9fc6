import { expect, test } from 'vitest'
import type { OpenHttp } from '../../../../src/kernel/http.ts'
import { fail, succeed } from '../../../../src/kernel/result.ts'
import { checkHealth } from '../../../../src/targets/heroku/health.ts'

const health = { path: '/healthz', expect: { from: 200, to: 399 }, times: 3, timeoutSeconds: 120 }

/** Each answer takes so long; what is asked for longer than it may take is not answered. */
const answering = (milliseconds: number, statuses: readonly number[]) => {
  const asked: string[] = []
  let passed = 0
  const openHttp: OpenHttp = ({ url, timeoutMilliseconds = 0 }) => {
    asked.push(url.href)
    passed += Math.min(milliseconds, timeoutMilliseconds)
    if (milliseconds > timeoutMilliseconds)
      return Promise.resolve(fail({ kind: 'timeout', host: url.host }))
    const status = statuses[asked.length - 1] ?? 200
    const chunks = (async function* () {})()
    return Promise.resolve(succeed({ status, headers: new Headers(), chunks, close: () => {} }))
  }
  return { asked, ports: { openHttp, clock: () => new Date(passed) }, passed: () => passed }
}

test.each<[string, number, readonly number[], string | null, number]>([
  ['well where it answers so often in a row', 10, [200, 302, 399], null, 3],
  ['not well where one answer is another', 10, [200, 500], 'GET /healthz answered 500', 2],
  [
    'not well where the answers take longer than a look',
    3000,
    [],
    'GET /healthz did not answer in time',
    3,
  ],
  ['not well where nothing comes', 60_000, [], 'GET /healthz did not answer in time', 1],
])('an app is %s', async (_, milliseconds, statuses, why, count) => {
  const { asked, ports, passed } = answering(milliseconds, statuses)
  expect(await checkHealth(ports, 'https://shop.herokuapp.com/', health)).toBe(why)
  expect(asked).toEqual(Array.from({ length: count }, () => 'https://shop.herokuapp.com/healthz'))
  expect(passed()).toBeLessThanOrEqual(8000)
})
