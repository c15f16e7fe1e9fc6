import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { App } from '../../../src/deployment/app.ts'
import type { KnownRepository } from '../../../src/deployment/repository.ts'
import type { Notice } from '../../../src/deployment/notice.ts'
import { createOpenGithub } from '../../../src/github/api.ts'
import { AppName, Commit, Digest, Generation } from '../../../src/kernel/id.ts'
import { Retryable } from '../../../src/kernel/retryable.ts'
import { createGithubReporter } from '../../../src/report/github.ts'
import { createPageUrl } from '../../../src/report/page-url.ts'
import { commit } from '../../support/apps.ts'
import { startGithub, type GithubServer } from '../../support/github-server.ts'
import {
  createImpatientHttp,
  deploymentOf,
  digest,
  noticeOf,
  origin,
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
let repository: () => KnownRepository | null
let send: (notice: Notice, app?: App) => ReturnType<ReturnType<typeof createGithubReporter>>
let impatient: ReturnType<typeof createImpatientHttp>

beforeEach(async () => {
  server = await startGithub({ commits: [commit, older] })
  server.tokens.add(token)
  repository = () => null
  impatient = createImpatientHttp()
  const readSecret = secretsOf({ 'landfall/test/github': token })
  // A tenth of a second passes between two looks at it.
  let at = Date.parse('2026-11-20T12:07:00.000Z')
  const clock = () => new Date((at += 100))
  const ports = { http: impatient.http, readSecret, clock }
  const open = createOpenGithub({ ...ports, baseUrl: server.url })
  const toPageUrl = createPageUrl('https://api.example')
  const report = createGithubReporter(open, async () => repository(), toPageUrl)
  send = (notice, app = reportingApp()) => report(notice, app)
})
afterEach(async () => {
  await server.stop()
  expect(server.violations).toEqual([])
})

const sent = { kind: 'sent' }
const isPost =
  (what: RegExp) =>
  ({ method, path }: Call): boolean =>
    method === 'POST' && what.test(path)
const isDeployment = isPost(/\/deployments$/)
const isStatus = isPost(/\/statuses$/)

describe('GitHub: a renamed repository', () => {
  const at = '2026-11-20T12:00:00.000Z'
  const renamed = { name: 'acme/oc-lettings', at }

  test('gets the reports under the name that its deliveries have', async () => {
    const app = { ...reportingApp(), repository: 'acme/lettings' }
    repository = () => ({ id: 7, name: 'acme/lettings', keptAt: at, renamed, refused: null })
    expect(await send(noticeOf('started'), app)).toEqual(sent)
    expect(server.states()).toEqual({ 7: ['in_progress'] })
  })

  test('gets them later where the journal cannot be read: another one may have the name', async () => {
    repository = () => {
      throw new Retryable('throttled')
    }
    expect(await send(noticeOf('started'))).toMatchObject({ kind: 'later' })
    expect(server.states()).toEqual({})
  })
})

describe('GitHub: a deployment', () => {
  test('creates one deployment at GitHub however often its notices are sent', async () => {
    const [started, succeeded] = [noticeOf('started'), noticeOf('succeeded')]
    for (const notice of [started, started, succeeded, succeeded, started])
      expect(await send(notice)).toEqual(sent)
    expect(server.states()).toEqual({ 7: ['in_progress', 'success'] })
  })

  test('names the app that a promoted image was live on before', async () => {
    const promotedFrom = {
      app: AppName.parse('oc-lettings-staging'),
      generation: Generation.parse(41),
    }
    await send(noticeOf('started', deploymentOf(7, { promotedFrom })))
    expect(server.deployments[0]?.description).toBe(
      'Deployment 7 of oc-lettings, promoted from oc-lettings-staging #41, by github',
    )
  })

  test('creates a deployment that merges nothing, waits for no check, and names app, generation, digest and author', async () => {
    await send(noticeOf('started'))
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

  test('describes a deployment with what the commit is, in at most 140 characters', async () => {
    await send(noticeOf('started', deploymentOf(7, { origin })))
    const title = '🎉'.repeat(200)
    await send(noticeOf('started', deploymentOf(8, { origin: { ...origin, title } })))
    const [first, second] = server.deployments.map(({ description }) => description)
    expect(first).toBe('Deployment 7 of oc-lettings, by github: Add a search field (Ada Lovelace)')
    expect(second).toMatch(/^Deployment 8 of oc-lettings, by github: (🎉)+…$/u)
    expect(Array.from(second ?? '')).toHaveLength(140)
  })

  test('links a deployment to its page and to the address of the app', async () => {
    const targets = [ec2({ hosts: ['lettings.example.com', 'other.example.com'] })]
    await send(noticeOf('started'), reportingApp({ targets }))
    const [status] = server.deployments[0]?.statuses ?? []
    expect(status?.environment_url).toBe('https://lettings.example.com')
    expect(status?.auto_inactive).toBe(false)
    expect(status?.log_url).toBe('https://api.example/app/oc-lettings/7')
  })

  const message = `the container said:\n${'x'.repeat(300)}`
  const failed = noticeOf('failed', deploymentOf(7), { reason: 'unhealthy', message })

  test('tells GitHub, whose page may be public, nothing of what a failed app said', async () => {
    await send(failed)
    expect(JSON.stringify(server.deployments)).not.toContain('the container said')
    expect(server.deployments[0]?.statuses[0]?.description).toBe(
      'failed (unhealthy): The health check did not pass in time.',
    )
  })

  test('gives what a failed app said, where landfall.yml allows it, in at most 140 characters', async () => {
    const { reports } = reportingApp()
    await send(failed, reportingApp({ reports: { ...reports, githubDescription: 'message' } }))
    expect(server.states()).toEqual({ 7: ['failure'] })
    const description = server.deployments[0]?.statuses[0]?.description ?? ''
    expect(description).toMatch(/^failed \(unhealthy\): the container said: x+…$/)
    expect(description).toHaveLength(140)
    expect(server.deployments[0]?.statuses[0]).not.toHaveProperty('environment_url')
  })

  test('sets a cancelled deployment to inactive, and one rolled back while open to failure', async () => {
    await send(noticeOf('cancelled', deploymentOf(7), { reason: 'cancelled' }))
    await send(noticeOf('rolled_back', deploymentOf(8)))
    expect(server.states()).toEqual({ 7: ['inactive'], 8: ['failure'] })
  })

  test('ignores a late notice of a deployment that has failed', async () => {
    for (const kind of ['started', 'failed', 'started', 'succeeded'] as const)
      await send(noticeOf(kind))
    expect(server.states()).toEqual({ 7: ['in_progress', 'failure'] })
  })

  test('does not mark a deployment of staging as production', async () => {
    await send(noticeOf('started', deploymentOf(7, { environment: 'staging' })))
    expect(server.deployments[0]?.production_environment).toBe(false)
  })

  test('creates another deployment for a number that repeats after a lost journal', async () => {
    await send(noticeOf('started'))
    const other = Digest.parse(`sha256:${'e'.repeat(64)}`)
    await send(noticeOf('started', deploymentOf(7, { digest: other })))
    expect(server.deployments).toHaveLength(2)
  })

  test('finds its deployment among foreign ones, also where GitHub returns the payload as text', async () => {
    await send(noticeOf('started'))
    const [known] = server.deployments
    const others = ['', 'x', '{}', '[]', JSON.stringify({ app: 'oc-lettings' })]
    const rest = others.map((payload) => ({ ...known, id: 1, payload }))
    const ours = { ...known, payload: JSON.stringify(known?.payload) }
    server.fate = ({ method, path }) =>
      method === 'GET' && path.endsWith('/deployments')
        ? { kind: 'answer', status: 200, body: [...rest, ours] }
        : null
    expect(await send(noticeOf('started'))).toEqual(sent)
    expect(server.states()).toEqual({ 7: ['in_progress'] })
  })
})

describe('GitHub: the live deployment', () => {
  test('sets the earlier deployments to inactive', async () => {
    for (const generation of [7, 8, 9]) {
      await send(noticeOf('started', deploymentOf(generation)))
      await send(noticeOf('succeeded', deploymentOf(generation)))
    }
    expect(server.states()).toEqual({
      7: ['in_progress', 'success', 'inactive'],
      8: ['in_progress', 'success', 'inactive'],
      9: ['in_progress', 'success'],
    })
    expect(server.deployments[0]?.statuses[2]?.description).toBe('Deployment 8 is live')
  })

  test('keeps the newest deployment live where an earlier notice arrives later', async () => {
    await send(noticeOf('succeeded', deploymentOf(8)))
    await send(noticeOf('succeeded', deploymentOf(7)))
    expect(server.states()).toEqual({ 7: ['success', 'inactive'], 8: ['success'] })
  })

  test('keeps the live deployment where a later one fails', async () => {
    await send(noticeOf('succeeded', deploymentOf(7)))
    await send(noticeOf('failed', deploymentOf(8)))
    expect(server.states()).toEqual({ 7: ['success'], 8: ['failure'] })
  })

  test('does not touch the deployments of other environments and of other apps of the repository', async () => {
    await send(noticeOf('succeeded', deploymentOf(7, { environment: 'staging' })))
    const other = reportingApp({ name: AppName.parse('worker') })
    await send(noticeOf('succeeded', deploymentOf(3)), other)
    await send(noticeOf('succeeded', deploymentOf(8)))
    expect(server.states()).toEqual({ 3: ['success'], 7: ['success'], 8: ['success'] })
  })

  test('shows a rollback as live, and the deployment it rolled back as failure', async () => {
    await send(noticeOf('succeeded', deploymentOf(6, { commit: older })))
    await send(noticeOf('succeeded', deploymentOf(7)))
    await send(noticeOf('started', { ...rollbackOf(8, 7), commit: older }))
    await send(noticeOf('rolled_back', { ...rollbackOf(8, 7), commit: older }))
    expect(server.states()).toEqual({
      6: ['success', 'inactive'],
      7: ['success', 'failure'],
      8: ['in_progress', 'success'],
    })
    expect(server.deployments[1]?.statuses[1]?.description).toBe('Rolled back by rollback 8')
    expect(server.deployments[2]?.description).toBe('Rollback 8 of oc-lettings, by github')
  })
})

describe('GitHub: a lost answer', () => {
  test.each([
    ['of the deployment that was made', isDeployment, 'lose'],
    ['of the status that was set', isStatus, 'lose'],
    ['of a request that never came through', isDeployment, 'hang'],
  ] as const)('creates nothing twice after a lost answer %s', async (_what, isFitting, kind) => {
    await send(noticeOf('succeeded', deploymentOf(6)))
    server.fate = impatient.watch(onceFor(isFitting, { kind }))
    expect(await send(noticeOf('succeeded'))).toMatchObject({ kind: 'later' })
    expect(await send(noticeOf('succeeded'))).toEqual(sent)
    expect(server.states()).toEqual({ 6: ['success', 'inactive'], 7: ['success'] })
  })

  test('sets the earlier deployment to inactive at the next try', async () => {
    await send(noticeOf('succeeded', deploymentOf(6)))
    const first = server.deployments[0]?.id ?? 0
    const fate: Fate = { kind: 'answer', status: 502 }
    server.fate = onceFor(isPost(new RegExp(`/${first}/statuses$`)), fate)
    expect(await send(noticeOf('succeeded'))).toMatchObject({ kind: 'later' })
    expect(await send(noticeOf('succeeded'))).toEqual(sent)
    expect(server.states()).toEqual({ 6: ['success', 'inactive'], 7: ['success'] })
  })

  test('limits all requests of a notice to nine seconds', async () => {
    server.fate = impatient.watch(() => ({ kind: 'hang' }))
    expect(await send(noticeOf('succeeded'))).toEqual({
      kind: 'later',
      why: `${server.url.host} did not answer in time`,
      afterSeconds: null,
    })
    server.fate = impatient.watch(({ method }) => (method === 'POST' ? { kind: 'hang' } : null))
    await send(noticeOf('succeeded'))
    const [alone = 0, first = 0, second = 0, ...more] = impatient.patience
    expect(more).toEqual([])
    for (const milliseconds of [alone, first]) expect(milliseconds).toBeLessThanOrEqual(9000)
    // A request has what is left once those before it have taken their time.
    expect(second).toBeLessThan(first)
  })
})

describe('GitHub: a refusal', () => {
  test('refuses an image without a commit', async () => {
    expect(await send(noticeOf('started', deploymentOf(7, { commit: null })))).toEqual({
      kind: 'refused',
      why: 'the image has no commit, which a deployment at GitHub requires',
    })
    expect(server.calls).toEqual([])
  })

  test('refuses an app without a repository', async () => {
    const result = await send(noticeOf('started'), reportingApp({ repository: null }))
    expect(result).toMatchObject({ kind: 'refused' })
  })

  test('refuses a commit that GitHub does not have', async () => {
    const unknown = Commit.parse('e'.repeat(40))
    expect(await send(noticeOf('started', deploymentOf(7, { commit: unknown })))).toEqual({
      kind: 'refused',
      why: `${server.url.host} answered 422: No ref found for: ${unknown}`,
    })
  })

  test.each([
    [202, { message: 'Auto-merged main' }, 'GitHub sent an unexpected answer (202)'],
    [401, {}, 'answered 401: the token is not valid (any more)'],
    [403, { message: 'Resource not accessible' }, 'answered 403: the token lacks a permission'],
    [404, {}, 'answered 404: no such repository, or the token may not see it'],
    [409, { message: 'Conflict: Commit status checks failed' }, 'answered 409: Conflict'],
  ])('refuses after an answer of %i to a new deployment', async (status, body, why) => {
    server.fate = (call) => (isDeployment(call) ? { kind: 'answer', status, body } : null)
    const result = await send(noticeOf('started'))
    expect(result.kind).toBe('refused')
    expect(result).toHaveProperty('why', expect.stringContaining(why))
    expect(printed(result)).not.toContain(token)
  })
})

describe('GitHub: a later try', () => {
  test.each([
    [403, { 'retry-after': '61' }, 61],
    [429, { 'retry-after': '5' }, 5],
    [500, {}, null],
    [503, { 'retry-after': '120' }, 120],
  ])('retries later after an answer of %i', async (status, headers, afterSeconds) => {
    server.fate = onceFor(isStatus, { kind: 'answer', status, headers })
    expect(await send(noticeOf('started'))).toMatchObject({ kind: 'later', afterSeconds })
    expect(await send(noticeOf('started'))).toEqual(sent)
    expect(server.states()).toEqual({ 7: ['in_progress'] })
  })
})

test.each(['frozen', 'unfrozen', 'not_rolled_back', 'certificate_changed'] as const)(
  'sends nothing to GitHub for %s',
  async (kind) => {
    expect(await send(noticeOf(kind, null))).toEqual(sent)
    expect(server.calls).toEqual([])
  },
)
