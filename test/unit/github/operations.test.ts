import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createOpenGithub } from '../../../src/github/api.ts'
import { listPushes, listRuns, readRepository } from '../../../src/github/reads.ts'
import { http } from '../../../src/kernel/http.ts'
import { createGithubReporter } from '../../../src/report/github.ts'
import { createPageUrl } from '../../../src/report/page-url.ts'
import { startVendor, type Answer, type Call, type Vendor } from '../../../local/base/vendor.ts'
import { commit } from '../../support/apps.ts'
import { checkGithubCall, githubOperations } from '../../support/github-schema.ts'
import { newKey, noticeOf, reportingApp, secretsOf } from '../../support/reports.ts'

const { privateKey } = newKey()
const repository = 'acme/oc-lettings'
const secret = 'landfall/test/github'
const clock = () => new Date('2026-11-20T12:07:00.000Z')

const answers: Readonly<Record<string, unknown>> = {
  'apps/get-repo-installation': { id: 12 },
  'apps/create-installation-access-token': { token: 'ghs_x', expires_at: '2026-11-20T13:07:00Z' },
  'repos/get': { id: 7, full_name: repository },
  'actions/list-workflow-runs-for-repo': { workflow_runs: [] },
  'repos/list-activities': [],
  'repos/list-deployments': [],
  'repos/create-deployment': { id: 1001, sha: commit, payload: {} },
  'repos/list-deployment-statuses': [],
  'repos/create-deployment-status': { id: 1002 },
}

let github: Vendor
let asked: Set<string>

beforeEach(async () => {
  asked = new Set()
  github = await startVendor((call: Call): Answer => {
    const operation = checkGithubCall(call)
    asked.add(operation)
    return { status: call.method === 'POST' ? 201 : 200, body: answers[operation] }
  })
})
afterEach(() => github.stop())

describe('the requests to GitHub', () => {
  test('fit the schema of their operations, each of which is asked and none is deprecated', async () => {
    const readSecret = secretsOf({ [secret]: JSON.stringify({ appId: 4711, privateKey }) })
    const open = createOpenGithub({ http, readSecret, clock, baseUrl: github.url })
    const ask = open(secret, repository, 10_000)
    expect(await readRepository(ask)).toMatchObject({ ok: true })
    expect(await listRuns(ask, { branch: 'main', commit })).toMatchObject({ ok: true })
    const found = { repository, repositoryId: 7 }
    expect(await listPushes(ask, found, 'main')).toMatchObject({ ok: true })
    const report = createGithubReporter(
      open,
      async () => null,
      createPageUrl('https://api.example'),
    )
    const reported = await report(noticeOf('started'), reportingApp())
    expect(reported).toEqual({ kind: 'sent' })
    expect(github.violations).toEqual([])
    expect([...asked].toSorted()).toEqual(
      githubOperations.map(({ operationId }) => operationId).toSorted(),
    )
    expect(githubOperations.filter(({ deprecated }) => deprecated)).toEqual([])
  })

  test('would be refused with a field, a parameter or a value that GitHub does not know', () => {
    const deployments = { method: 'POST', path: `/repos/${repository}/deployments`, headers: {} }
    const check = (more: Partial<Call>) => () =>
      checkGithubCall({ ...deployments, query: {}, body: { ref: commit }, ...more })
    expect(check({})()).toBe('repos/create-deployment')
    expect(check({ body: { ref: commit, enviroment: 'prod' } })).toThrow('additional properties')
    expect(check({ body: {} })).toThrow("required property 'ref'")
    expect(check({ method: 'GET', body: undefined, query: { env: 'x' } })).toThrow('additional')
    expect(check({ path: `/repos/${repository}/deployment` })).toThrow('no operation')
    const path = `${deployments.path}/1/statuses`
    expect(check({ path, body: { state: 'done' } })).toThrow('allowed values')
  })
})
