import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { App } from '../../../src/deployment/app.ts'
import type { Notice } from '../../../src/deployment/notice.ts'
import { createOpenGithub } from '../../../src/github/api.ts'
import { AppName, Commit, Digest } from '../../../src/kernel/id.ts'
import { createGithubReporter } from '../../../src/report/github.ts'
import { createLogUrl } from '../../../src/report/log-url.ts'
import { commit } from '../../support/apps.ts'
import { startGithub, type GithubServer } from '../../support/github-server.ts'
import {
  createImpatientHttp,
  deploymentOf,
  digest,
  factOf,
  printed,
  reportingApp,
  rollbackOf,
  secretsOf,
} from '../../support/reports.ts'
import { ec2 } from '../../support/examples.ts'
import { onceFor, type Call, type Fate } from '../../../local/base/vendor.ts'

const token = 'github_pat_planted-secret'
const older = Commit.parse('f'.repeat(40))

let server: GithubServer
let tell: (fact: Notice, app?: App) => ReturnType<ReturnType<typeof createGithubReporter>>
let impatient: ReturnType<typeof createImpatientHttp>

beforeEach(async () => {
  server = await startGithub({ commits: [commit, older] })
  server.tokens.add(token)
  impatient = createImpatientHttp()
  const readSecret = secretsOf({ 'landfall/test/github': token })
  // A tenth of a second passes between two looks at it.
  let at = Date.parse('2026-11-20T12:07:00.000Z')
  const clock = () => new Date((at += 100))
  const ports = { http: impatient.http, readSecret, clock }
  const open = createOpenGithub({ ...ports, baseUrl: server.url })
  const toLogUrl = createLogUrl('eu-west-3', 'prod')
  const report = createGithubReporter({ open, toLogUrl })
  tell = (fact, app = reportingApp()) => report(fact, app)
})
afterEach(async () => {
  await server.stop()
  expect(server.violations).toEqual([])
})

const told = { kind: 'sent' }
const isPost =
  (what: RegExp) =>
  ({ method, path }: Call): boolean =>
    method === 'POST' && what.test(path)
const isDeployment = isPost(/\/deployments$/)
const isStatus = isPost(/\/statuses$/)

describe('a deployment', () => {
  test('is one at GitHub, in progress and then a success, however often it is told', async () => {
    const [started, succeeded] = [factOf('started'), factOf('succeeded')]
    for (const fact of [started, started, succeeded, succeeded, started])
      expect(await tell(fact)).toEqual(told)
    expect(server.states()).toEqual({ 7: ['in_progress', 'success'] })
  })

  test('merges nothing, waits for no other check, and names app, generation, digest and who', async () => {
    await tell(factOf('started'))
    expect(server.deployments).toEqual([
      expect.objectContaining({
        ref: commit,
        task: 'deploy:oc-lettings',
        auto_merge: false,
        required_contexts: [],
        environment: 'production',
        production_environment: true,
        transient_environment: false,
        description: 'Deployment 7 of oc-lettings, by github',
        payload: {
          app: 'oc-lettings',
          generation: 7,
          digest,
          by: 'github',
          at: '2026-11-20T12:07:00.000Z',
        },
      }),
    ])
  })

  test('leads to the log of its number, and to where the app is found', async () => {
    const targets = [ec2({ hosts: ['lettings.example.com', 'other.example.com'] })]
    await tell(factOf('started'), reportingApp({ targets }))
    const [status] = server.deployments[0]?.statuses ?? []
    expect(status?.environment_url).toBe('https://lettings.example.com')
    expect(status?.auto_inactive).toBe(false)
    const { origin, hash } = new URL(status?.log_url ?? '')
    expect(origin).toBe('https://console.aws.amazon.com')
    const shown = decodeURIComponent(decodeURIComponent(hash.replaceAll('$', '%')))
    expect(shown).toBe(
      '#logsV2:log-groups/log-group//aws/lambda/landfall-prod-reconcile/log-events?filterPattern={ $.app = "oc-lettings" && $.generation = 7 }',
    )
  })

  test('that failed says why, in 140 characters at most', async () => {
    const message = `the container said:\n${'x'.repeat(300)}`
    await tell(factOf('failed', deploymentOf(7), { reason: 'unhealthy', message }))
    expect(server.states()).toEqual({ 7: ['failure'] })
    const description = server.deployments[0]?.statuses[0]?.description ?? ''
    expect(description).toMatch(/^failed \(unhealthy\): the container said: x+…$/)
    expect(description).toHaveLength(140)
    expect(server.deployments[0]?.statuses[0]).not.toHaveProperty('environment_url')
  })

  test('that was cancelled is inactive; that was taken back while it was open, a failure', async () => {
    await tell(factOf('cancelled', deploymentOf(7), { reason: 'cancelled' }))
    await tell(factOf('rolled_back', deploymentOf(8)))
    expect(server.states()).toEqual({ 7: ['inactive'], 8: ['failure'] })
  })

  test('is not brought back to life by what is told late', async () => {
    for (const kind of ['started', 'failed', 'started', 'succeeded'] as const)
      await tell(factOf(kind))
    expect(server.states()).toEqual({ 7: ['in_progress', 'failure'] })
  })

  test('of a staging environment is none of production', async () => {
    await tell(factOf('started', deploymentOf(7, { environment: 'staging' })))
    expect(server.deployments[0]?.production_environment).toBe(false)
  })

  test('is another one after the journal was lost and the numbers began anew', async () => {
    await tell(factOf('started'))
    const other = Digest.parse(`sha256:${'e'.repeat(64)}`)
    await tell(factOf('started', deploymentOf(7, { digest: other })))
    expect(server.deployments).toHaveLength(2)
  })

  test('is known by its payload also where GitHub hands that out as text, among those of others', async () => {
    await tell(factOf('started'))
    const [known] = server.deployments
    const others = ['', 'x', '{}', '[]', JSON.stringify({ app: 'oc-lettings' })]
    const rest = others.map((payload) => ({ ...known, id: 1, payload }))
    const ours = { ...known, payload: JSON.stringify(known?.payload) }
    server.fate = ({ method, path }) =>
      method === 'GET' && path.endsWith('/deployments')
        ? { kind: 'answer', status: 200, body: [...rest, ours] }
        : null
    expect(await tell(factOf('started'))).toEqual(told)
    expect(server.states()).toEqual({ 7: ['in_progress'] })
  })
})

describe('what is live', () => {
  test('is one: the deployments before it are set inactive', async () => {
    for (const generation of [7, 8, 9]) {
      await tell(factOf('started', deploymentOf(generation)))
      await tell(factOf('succeeded', deploymentOf(generation)))
    }
    expect(server.states()).toEqual({
      7: ['in_progress', 'success', 'inactive'],
      8: ['in_progress', 'success', 'inactive'],
      9: ['in_progress', 'success'],
    })
    expect(server.deployments[0]?.statuses[2]?.description).toBe('Deployment 8 is live')
  })

  test('is the newest, also where the one before it is told later', async () => {
    await tell(factOf('succeeded', deploymentOf(8)))
    await tell(factOf('succeeded', deploymentOf(7)))
    expect(server.states()).toEqual({ 7: ['success', 'inactive'], 8: ['success'] })
  })

  test('stays live where a later one fails', async () => {
    await tell(factOf('succeeded', deploymentOf(7)))
    await tell(factOf('failed', deploymentOf(8)))
    expect(server.states()).toEqual({ 7: ['success'], 8: ['failure'] })
  })

  test('of another environment, or of another app of the repository, is left alone', async () => {
    await tell(factOf('succeeded', deploymentOf(7, { environment: 'staging' })))
    const other = reportingApp({ name: AppName.parse('worker') })
    await tell(factOf('succeeded', deploymentOf(3)), other)
    await tell(factOf('succeeded', deploymentOf(8)))
    expect(server.states()).toEqual({ 3: ['success'], 7: ['success'], 8: ['success'] })
  })

  test('after a rollback is the rollback, and what it took back is a failure', async () => {
    await tell(factOf('succeeded', deploymentOf(6, { commit: older })))
    await tell(factOf('succeeded', deploymentOf(7)))
    await tell(factOf('started', { ...rollbackOf(8, 7), commit: older }))
    await tell(factOf('rolled_back', { ...rollbackOf(8, 7), commit: older }))
    expect(server.states()).toEqual({
      6: ['success', 'inactive'],
      7: ['success', 'failure'],
      8: ['in_progress', 'success'],
    })
    expect(server.deployments[1]?.statuses[1]?.description).toBe('Taken back by rollback 8')
    expect(server.deployments[2]?.description).toBe('Rollback 8 of oc-lettings, by github')
  })
})

describe('an answer that is lost', () => {
  test.each([
    ['of the deployment that was made', isDeployment, 'lose'],
    ['of the status that was set', isStatus, 'lose'],
    ['of a request that never came through', isDeployment, 'hang'],
  ] as const)('%s, doubles nothing', async (_what, isFitting, kind) => {
    await tell(factOf('succeeded', deploymentOf(6)))
    server.fate = impatient.watch(onceFor(isFitting, { kind }))
    expect(await tell(factOf('succeeded'))).toMatchObject({ kind: 'later' })
    expect(await tell(factOf('succeeded'))).toEqual(told)
    expect(server.states()).toEqual({ 6: ['success', 'inactive'], 7: ['success'] })
  })

  test('while the one before is set inactive, is made good', async () => {
    await tell(factOf('succeeded', deploymentOf(6)))
    const first = server.deployments[0]?.id ?? 0
    const fate: Fate = { kind: 'answer', status: 502 }
    server.fate = onceFor(isPost(new RegExp(`/${first}/statuses$`)), fate)
    expect(await tell(factOf('succeeded'))).toMatchObject({ kind: 'later' })
    expect(await tell(factOf('succeeded'))).toEqual(told)
    expect(server.states()).toEqual({ 6: ['success', 'inactive'], 7: ['success'] })
  })

  test('is waited for nine seconds in all, whatever the number of requests', async () => {
    server.fate = impatient.watch(() => ({ kind: 'hang' }))
    expect(await tell(factOf('succeeded'))).toEqual({
      kind: 'later',
      why: `${server.url.host} did not answer in time`,
      afterSeconds: null,
    })
    server.fate = impatient.watch(({ method }) => (method === 'POST' ? { kind: 'hang' } : null))
    await tell(factOf('succeeded'))
    const [alone = 0, first = 0, second = 0, ...more] = impatient.patience
    expect(more).toEqual([])
    for (const milliseconds of [alone, first]) expect(milliseconds).toBeLessThanOrEqual(9000)
    // A request has what is left once those before it have taken their time.
    expect(second).toBeLessThan(first)
  })
})

describe('is refused, and says why', () => {
  test('an image without a commit', async () => {
    expect(await tell(factOf('started', deploymentOf(7, { commit: null })))).toEqual({
      kind: 'refused',
      why: 'the image names no commit, and a deployment at GitHub is of one',
    })
    expect(server.calls).toEqual([])
  })

  test('an app without a repository', async () => {
    const telling = await tell(factOf('started'), reportingApp({ repository: null }))
    expect(telling).toMatchObject({ kind: 'refused' })
  })

  test('a commit that GitHub does not have', async () => {
    const unknown = Commit.parse('e'.repeat(40))
    expect(await tell(factOf('started', deploymentOf(7, { commit: unknown })))).toEqual({
      kind: 'refused',
      why: `${server.url.host} answered 422: No ref found for: ${unknown}`,
    })
  })

  test.each([
    [202, { message: 'Auto-merged main' }, 'GitHub answered 202 with something unexpected'],
    [401, {}, 'answered 401: the token is not valid (any more)'],
    [403, { message: 'Resource not accessible' }, 'answered 403: the token lacks a permission'],
    [404, {}, 'answered 404: no such repository, or the token may not see it'],
    [409, { message: 'Conflict: Commit status checks failed' }, 'answered 409: Conflict'],
  ])('an answer of %i to a new deployment', async (status, body, why) => {
    server.fate = (call) => (isDeployment(call) ? { kind: 'answer', status, body } : null)
    const telling = await tell(factOf('started'))
    expect(telling.kind).toBe('refused')
    expect(telling).toHaveProperty('why', expect.stringContaining(why))
    expect(printed(telling)).not.toContain(token)
  })
})

describe('goes through later', () => {
  test.each([
    [403, { 'retry-after': '61' }, 61],
    [429, { 'retry-after': '5' }, 5],
    [500, {}, null],
    [503, { 'retry-after': '120' }, 120],
  ])('an answer of %i', async (status, headers, afterSeconds) => {
    server.fate = onceFor(isStatus, { kind: 'answer', status, headers })
    expect(await tell(factOf('started'))).toMatchObject({ kind: 'later', afterSeconds })
    expect(await tell(factOf('started'))).toEqual(told)
    expect(server.states()).toEqual({ 7: ['in_progress'] })
  })
})

test.each(['frozen', 'unfrozen', 'not_rolled_back'] as const)(
  'GitHub has no word for %s, and is not asked',
  async (kind) => {
    expect(await tell(factOf(kind, null))).toEqual(told)
    expect(server.calls).toEqual([])
  },
)
