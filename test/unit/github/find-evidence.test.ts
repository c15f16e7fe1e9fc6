import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import * as z from 'zod'
import { createOpenGithub } from '../../../src/github/api.ts'
import { createFindEvidence } from '../../../src/github/find-evidence.ts'
import type { KnownRepository } from '../../../src/deployment/repository.ts'
import { http } from '../../../src/kernel/http.ts'
import { Redacted } from '../../../src/kernel/redacted.ts'
import { succeed } from '../../../src/kernel/result.ts'
import { appOf, commit } from '../../support/apps.ts'
import { checkGithubCall } from '../../support/github-schema.ts'
import {
  startVendor,
  Violation,
  type Answer,
  type Call,
  type Vendor,
} from '../../../local/base/vendor.ts'

const repository = 'acme/oc-lettings'
const token = 'github_pat_0123456789'
const createdAt = '2026-11-20T10:00:03Z'
const app = appOf('oc-lettings', {
  repository,
  reports: {
    github: 'landfall/prod/github-token',
    githubDescription: 'reason',
    notice: null,
    sentry: null,
  },
})

/** As `actions/list-workflow-runs-for-repo` answers it. */
const runOf = (changes: object = {}) => ({
  id: 9001,
  name: 'CI',
  path: '.github/workflows/ci.yml',
  event: 'push',
  status: 'completed',
  conclusion: 'success',
  head_branch: 'main',
  head_sha: commit,
  head_repository: { id: 4711, full_name: repository },
  repository: { id: 4711, full_name: repository },
  run_number: 41,
  run_attempt: 2,
  created_at: createdAt,
  display_title: 'Add a page',
  html_url: 'https://github.com/acme/oc-lettings/actions/runs/9001',
  head_commit: { message: 'Add a page', author: { name: 'Ada', email: 'ada@example.com' } },
  ...changes,
})

/** As `repos/list-activities` answers it. */
const activityOf = (changes: object = {}) => ({
  id: 7,
  ref: 'refs/heads/main',
  before: '0'.repeat(40),
  after: commit,
  timestamp: '2026-11-20T10:00:01Z',
  activity_type: 'push',
  actor: { login: 'ada' },
  ...changes,
})

/** `actions/list-workflow-runs-for-repo`, with what we ask of it. */
const RunsQuery = z.strictObject({
  head_sha: z.string().regex(/^[0-9a-f]{40}$/),
  event: z.literal('push'),
  branch: z.literal('main'),
  per_page: z.coerce.number().int().min(1).max(100),
  page: z.coerce.number().int().min(1),
})
const ActivityQuery = z.strictObject({
  ref: z.literal('refs/heads/main'),
  per_page: z.coerce.number().int().min(1).max(100),
})

/** What GitHub calls it. */
let named: string
let runs: object[]
let activities: object[]
let github: Vendor

const checkCall = ({ method, headers }: Call): void => {
  if (method !== 'GET') throw new Violation('it is only read')
  if (headers.accept !== 'application/vnd.github+json') throw new Violation('accept')
  if (headers['x-github-api-version'] !== '2022-11-28') throw new Violation('api version')
  if (!headers['user-agent']) throw new Violation('user agent')
}

const handle = (call: Call): Answer => {
  checkCall(call)
  checkGithubCall(call)
  if (call.headers.authorization !== `Bearer ${token}`)
    return { status: 401, body: { message: 'Bad credentials' } }
  if (call.path === `/repos/${named}`)
    return { status: 200, body: { id: 4711, full_name: named, private: true } }
  if (call.path === `/repos/${named}/actions/runs`) {
    const { page, per_page: size } = RunsQuery.parse(call.query)
    const workflow_runs = runs.slice((page - 1) * size, page * size)
    return { status: 200, body: { total_count: runs.length, workflow_runs } }
  }
  if (call.path === `/repos/${named}/activity`) {
    ActivityQuery.parse(call.query)
    return { status: 200, body: activities }
  }
  return { status: 404, body: { message: 'Not Found' } }
}

beforeEach(async () => {
  named = repository
  runs = []
  activities = []
  github = await startVendor(handle)
})
afterEach(async () => {
  await github.stop()
  expect(github.violations).toEqual([])
})

const find = (timeoutMilliseconds = 10_000, known: KnownRepository | null = null, stated = app) => {
  const clock = () => new Date('2026-11-20T10:05:00Z')
  const open = createOpenGithub({
    http: (request) => http({ ...request, timeoutMilliseconds }),
    readSecret: async () => succeed({ value: new Redacted(token) }),
    clock,
    baseUrl: github.url,
  })
  return createFindEvidence(open, async () => known, clock)(stated, commit)
}

const told = (found: readonly object[]) => ({ found, failure: null })

const evidence = {
  kind: 'ci',
  ci: 'github',
  workflow: 'CI',
  workflowId: '.github/workflows/ci.yml',
  runId: '9001',
  runNumber: 41,
  attempt: 2,
  createdAt: '2026-11-20T10:00:03.000Z',
  conclusion: 'success',
  origin: {
    title: 'Add a page',
    author: 'Ada',
    login: null,
    runUrl: 'https://github.com/acme/oc-lettings/actions/runs/9001',
    compareUrl: null,
  },
}

describe('evidence that GitHub has', () => {
  it('finds the push and the runs of a commit, equal to those of the webhooks', async () => {
    runs = [runOf()]
    activities = [activityOf()]
    expect(await find()).toEqual(
      told([{ kind: 'push', pushedAt: '2026-11-20T10:00:01.000Z', origin: null }, evidence]),
    )
  })

  it.each([
    ['goes on', { status: 'in_progress', conclusion: null }],
    ['is of a pull request', { event: 'pull_request' }],
    ['is of a fork', { head_repository: { id: 1 } }],
    ['is of another branch', { head_branch: 'feature' }],
    ['is of a workflow that is not required', { name: 'Lint', path: '.github/workflows/lint.yml' }],
    ['is of another commit', { head_sha: 'f'.repeat(40) }],
    ['cannot be read', { id: 'x' }],
  ])('ignores a run that %s', async (_what, changes) => {
    runs = [runOf(changes), runOf({ id: 9002, run_number: 42, conclusion: 'timed_out' })]
    const red = { ...evidence, runId: '9002', runNumber: 42, conclusion: 'failure' }
    expect(await find()).toEqual(told([red]))
  })

  it.each([
    ['to another commit', { after: 'f'.repeat(40) }],
    ['that deleted the branch', { activity_type: 'branch_deletion' }],
    ['of a tag', { ref: 'refs/tags/main' }],
  ])('ignores a push %s', async (_what, changes) => {
    activities = [activityOf(changes)]
    expect(await find()).toEqual(told([]))
  })

  it('counts a merge, a force push and a new branch as pushes', async () => {
    activities = ['pr_merge', 'force_push', 'branch_creation'].map((activity_type) =>
      activityOf({ activity_type }),
    )
    expect(await find()).toMatchObject({ found: [{}, {}, {}], failure: null })
  })

  it('reads the runs page by page', async () => {
    const others = Array.from({ length: 150 }, (_, id) =>
      runOf({ id, name: 'Lint', path: 'l.yml' }),
    )
    runs = [...others, runOf()]
    expect(await find()).toEqual(told([evidence]))
    expect(github.calls).toHaveLength(4)
  })
})

describe('the repository at GitHub', () => {
  const knownAs = (id: number, changes: Partial<KnownRepository> = {}): KnownRepository => ({
    id,
    name: repository,
    keptAt: createdAt,
    renamed: null,
    refused: null,
    ...changes,
  })

  it.each([
    ['another than the first delivery came from', knownAs(1), app],
    ['another than landfall.yml states', null, { ...app, repositoryId: 1 }],
  ])('is not asked for runs where it is %s', async (_what, known, stated) => {
    runs = [runOf()]
    activities = [activityOf()]
    const { found, failure } = await find(10_000, known, stated)
    expect(found).toEqual([])
    expect(failure?.kind).toBe('refused')
    expect(failure?.why).toContain('its id is 4711')
    expect(github.calls.map(({ path }) => path)).toEqual([`/repos/${repository}`])
  })

  it('is asked under its new name once a delivery has shown it', async () => {
    named = 'acme/lettings'
    runs = [runOf({ repository: { id: 4711, full_name: named } })]
    const renamed = { name: named, at: createdAt }
    expect(await find(10_000, knownAs(4711, { renamed }))).toEqual(told([evidence]))
  })

  it('has no say in runs of another one', async () => {
    const other = { id: 1, full_name: repository }
    runs = [runOf({ repository: other, head_repository: other })]
    expect(await find(10_000, knownAs(4711))).toEqual(told([]))
  })
})

describe('evidence that GitHub does not return', () => {
  it.each<[string, Answer, { kind: string; why: RegExp; afterSeconds?: number }]>([
    ['401', { status: 401 }, { kind: 'refused', why: /the token is not valid/ }],
    ['403', { status: 403 }, { kind: 'refused', why: /the token lacks a permission/ }],
    ['404', { status: 404 }, { kind: 'refused', why: /no such repository/ }],
    [
      '429',
      { status: 429, headers: { 'retry-after': '77' } },
      { kind: 'later', afterSeconds: 77, why: /too many requests/ },
    ],
    ['502', { status: 502 }, { kind: 'later', why: /502/ }],
    ['nonsense', { status: 200, body: [] }, { kind: 'refused', why: /unexpected/ }],
  ])('returns a failure instead of throwing: %s', async (_what, answer, { why, ...expected }) => {
    github.fate = () => ({ kind: 'answer', ...answer })
    const found = await find()
    expect(found).toMatchObject({ found: [], failure: expected })
    expect(found.failure?.why).toMatch(why)
    expect(JSON.stringify(found)).not.toContain(token)
  })

  it('returns a later where GitHub does not answer in time', async () => {
    github.fate = () => ({ kind: 'hang' })
    expect(await find(200)).toMatchObject({ found: [], failure: { kind: 'later' } })
  })

  it('returns the runs and a failure where the permission for pushes is missing', async () => {
    runs = [runOf()]
    github.fate = ({ path }) =>
      path.endsWith('/activity') ? { kind: 'answer', status: 403 } : null
    const { found, failure } = await find()
    expect(found).toEqual([evidence])
    expect(failure?.why).toMatch(/lacks a permission/)
  })
})
