import { expect, test } from 'vitest'
import type { OpenHttp } from '../../../../src/kernel/http.ts'
import { fail, succeed } from '../../../../src/kernel/result.ts'
import { checkHealth } from '../../../../src/targets/heroku/health.ts'

const health = {
  path: '/healthz',
  expect: { from: 200, to: 299 },
  contains: null,
  scheme: 'https',
  times: 3,
  timeoutSeconds: 120,
} as const

interface Given {
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  readonly chunks?: readonly string[]
}

/** Each answer takes so long; what is asked for longer than it may take is not answered. */
const answering = (milliseconds: number, answers: readonly Given[]) => {
  const asked: string[] = []
  const redirects = new Set<string | undefined>()
  let passed = 0
  let open = 0
  const openHttp: OpenHttp = (request) => {
    const { url, timeoutMilliseconds = 0 } = request
    asked.push(url.href)
    redirects.add(request.redirects)
    passed += Math.min(milliseconds, timeoutMilliseconds)
    if (milliseconds > timeoutMilliseconds)
      return Promise.resolve(fail({ kind: 'timeout', host: url.host }))
    const { status = 200, headers = {}, chunks: sent = [] } = answers[asked.length - 1] ?? {}
    const chunks = (async function* () {
      for (const chunk of sent) {
        if (chunk === 'ends') throw new Error('the rest does not come')
        yield Buffer.from(chunk)
      }
    })()
    open += 1
    const close = (): void => void (open -= 1)
    return Promise.resolve(succeed({ status, headers: new Headers(headers), chunks, close }))
  }
  const ports = { openHttp, clock: () => new Date(passed) }
  return { asked, redirects, ports, passed: () => passed, open: () => open }
}

test.each<[string, number, readonly Given[], string | null, number]>([
  ['well where it answers so often in a row', 10, [{}, { status: 201 }, { status: 299 }], null, 3],
  [
    'not well where one answer is another',
    10,
    [{}, { status: 500 }],
    'GET /healthz answered 500',
    2,
  ],
  [
    'not well where the answers take longer than a look',
    3000,
    [],
    'GET /healthz did not answer in time',
    3,
  ],
  ['not well where nothing comes', 60_000, [], 'GET /healthz did not answer in time', 1],
])('an app is %s', async (_, milliseconds, answers, why, count) => {
  const { asked, ports, passed } = answering(milliseconds, answers)
  expect(await checkHealth(ports, 'https://shop.herokuapp.com/', health)).toBe(why)
  expect(asked).toEqual(Array.from({ length: count }, () => 'https://shop.herokuapp.com/healthz'))
  expect(passed()).toBeLessThanOrEqual(8000)
})

const judge = (answer: Given, more: Partial<Parameters<typeof checkHealth>[2]> = {}) => {
  const { ports, redirects, open } = answering(10, [answer, answer, answer])
  return checkHealth(ports, 'https://shop.herokuapp.com/', { ...health, ...more }).then((why) => {
    expect(open()).toBe(0)
    return { why, redirects: [...redirects] }
  })
}
const to = (location: string): Given => ({ status: 302, headers: { location } })
const same = 'GET /healthz answered 302, a redirect to the same path, which never counts'
const cached = 'GET /healthz answered 200 from a cache (Age or X-Cache), which does not count'
const wide = { from: 200, to: 399 }

test.each<[string, Given, Parameters<typeof judge>[1], string | null]>([
  ['a login page', to('/login/'), {}, 'GET /healthz answered 302, and redirects are not followed'],
  ['a login page that is expected', to('/login/'), { expect: wide }, null],
  ['itself', to('/healthz?next=/'), { expect: wide }, same],
  ['itself without TLS', to('http://shop.herokuapp.com/healthz'), { expect: wide }, same],
  ['itself at another host', to('https://www.example.com/healthz#a'), {}, same],
  ['no address at all', to('http://['), { expect: wide }, null],
])('a redirect to %s is judged, and not followed', async (_, answer, more, why) => {
  expect(await judge(answer, more)).toEqual({ why, redirects: ['return'] })
})

test.each<[string, Given, string | null]>([
  ['with Age', { headers: { age: '0' } }, cached],
  ['that hit a cache', { headers: { 'x-cache': 'Hit from cloudfront' } }, cached],
  ['that one of two caches had', { headers: { 'x-cache': 'MISS, HIT' } }, cached],
  ['of a cache that says something else', { headers: { 'x-cache': 'stale' } }, cached],
  ['that a cache had to ask for', { headers: { 'x-cache': 'Miss from cloudfront' } }, null],
])('an answer %s is judged', async (_, answer, why) => {
  expect(await judge(answer)).toMatchObject({ why })
})

const lacking = 'GET /healthz answered 200 without the text of health.contains'
test.each<[string, readonly string[], string | null]>([
  ['that has the text', ['{"database": ', '"ok"}'], null],
  ['that has another', ['{"database": "down"}'], lacking],
  ['without a body', [], lacking],
  ['with the text behind its first 64 KiB', ['x'.repeat(65_536), '"database": "ok"'], lacking],
  ['that does not end', ['{', 'ends'], 'GET /healthz did not send its whole answer in time'],
])('an answer %s is judged by health.contains', async (_, chunks, why) => {
  expect(await judge({ chunks }, { contains: '"database": "ok"' })).toMatchObject({ why })
})

test('a release from before these rules is judged by its status, where redirects lead', async () => {
  const frozen = { scheme: null, expect: wide }
  const answer = { ...to('/healthz'), headers: { location: '/healthz', age: '9' } }
  expect(await judge(answer, frozen)).toEqual({ why: null, redirects: ['follow'] })
})
