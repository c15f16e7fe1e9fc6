import { describe, expect, it } from 'vitest'
import { fail, succeed } from '../../../src/kernel/result.ts'
import { parseCircleciEvent, toRepository } from '../../../src/sources/circleci-event.ts'
import { commit } from '../../support/apps.ts'
import { githubAppBody, jobBody, oauthBody } from '../../support/circleci-events.ts'

const createdAt = '2026-11-20T09:58:00.000Z'
const pipelineId = '55555555-5555-4555-8555-555555555555'

const green = {
  kind: 'ci_run',
  ci: 'circleci',
  repository: 'acme/oc-lettings',
  repositoryId: null,
  branch: 'main',
  commit,
  isPush: true,
  workflow: 'ci',
  workflowPath: null,
  projectId: '33333333-3333-4333-8333-333333333333',
  runId: pipelineId,
  runNumber: 12,
  attempt: Date.parse(createdAt),
  createdAt,
  conclusion: 'success',
} as const

const runUrl =
  'https://app.circleci.com/pipelines/github/acme/oc-lettings/12/workflows/66666666-6666-4666-8666-666666666666'
const runOnly = { title: null, author: null, login: null, runUrl, compareUrl: null }

const shapes = [
  { shape: 'the OAuth app', bodyOf: oauthBody, origin: { ...runOnly, title: 's', author: 'a' } },
  { shape: 'the GitHub App', bodyOf: githubAppBody, origin: runOnly },
]

describe.each(shapes)('parseCircleciEvent, $shape', ({ bodyOf, origin }) => {
  it('parses the end of a CircleCI workflow', () => {
    expect(parseCircleciEvent(bodyOf())).toEqual(succeed({ ...green, origin }))
  })

  it.each(['failed', 'error', 'canceled', 'unauthorized', 'not_run', 'SUCCESS', ''])(
    'parses the status "%s" as not green',
    (status) => {
      const parsed = parseCircleciEvent(bodyOf({ workflow: { status } }))
      expect(parsed).toMatchObject({ ok: true, value: { isPush: true, conclusion: 'failure' } })
    },
  )

  it('parses a re-run as a newer attempt of the same run', () => {
    const later = { id: 'another', created_at: '2026-11-20T11:00:00.001Z' }
    const again = parseCircleciEvent(bodyOf({ workflow: later }))
    expect(again).toEqual(succeed({ ...green, origin, attempt: green.attempt + 3_720_001 }))
  })

  it('accepts times with any offset and fraction', () => {
    const created_at = '2026-11-20T10:58:00.123456+01:00'
    expect(parseCircleciEvent(bodyOf({ pipeline: { created_at } }))).toMatchObject({
      value: { createdAt: '2026-11-20T09:58:00.123Z' },
    })
  })

  it.each([
    ['no workflow', { body: { workflow: undefined } }],
    ['no pipeline', { body: { pipeline: undefined } }],
    ['no status', { workflow: { status: undefined } }],
    ['no name', { workflow: { name: undefined } }],
    ['a creation that is no time', { workflow: { created_at: 'now' } }],
    ['a creation before 1970', { workflow: { created_at: '1969-12-31T23:59:59Z' } }],
    [
      'a pipeline created in the year 10000',
      { pipeline: { created_at: '9999-12-31T23:00:00-02:00' } },
    ],
    ['a pipeline without a number', { pipeline: { number: undefined } }],
    ['a negative number', { pipeline: { number: -1 } }],
    ['a number too great to count', { pipeline: { number: 1e300 } }],
    ['a type that is no text', { body: { type: 1 } }],
    ['no type', { body: { type: undefined } }],
  ])('refuses a CircleCI workflow with %s', (_what, changes) => {
    expect(parseCircleciEvent(bodyOf(changes))).toEqual(fail('malformed'))
  })

  it('ignores a CircleCI workflow without a commit', () => {
    const pipeline = { vcs: undefined, trigger_parameters: undefined }
    expect(parseCircleciEvent(bodyOf({ pipeline }))).toEqual(
      succeed({ kind: 'other', event: 'workflow-completed' }),
    )
  })
})

describe('parseCircleciEvent, only the OAuth app', () => {
  it.each([
    ['a schedule', { pipeline: { trigger: { type: 'schedule' } } }],
    ['a scheduled pipeline', { pipeline: { trigger: { type: 'scheduled_pipeline' } } }],
    ['the API', { pipeline: { trigger: { type: 'api' } } }],
    ['a person', { pipeline: { trigger: { type: 'explicit' } } }],
    ['a trigger without a type', { pipeline: { trigger: {} } }],
    ['no trigger', { pipeline: { trigger: undefined } }],
    ['a fork', { vcs: { origin_repository_url: 'https://github.com/evil/oc-lettings' } }],
    [
      'a fork on another host',
      { vcs: { origin_repository_url: 'https://x.org/acme/oc-lettings' } },
    ],
    ['an unknown origin', { vcs: { origin_repository_url: undefined } }],
    ['a tag', { vcs: { branch: undefined, tag: 'v1' } }],
    ['a tag beside the branch of its name', { vcs: { tag: 'main' } }],
  ])('does not take a pipeline started by %s for a push', (_who, changes) => {
    expect(parseCircleciEvent(oauthBody(changes))).toMatchObject({
      ok: true,
      value: { kind: 'ci_run', isPush: false },
    })
  })

  it('parses no branch for a tag, even one with the name of the branch', () => {
    const parsed = parseCircleciEvent(oauthBody({ vcs: { branch: null, tag: 'main' } }))
    expect(parsed).toMatchObject({ value: { branch: '', isPush: false } })
  })

  it('ignores how the address of the repository is written', () => {
    const vcs = {
      origin_repository_url: 'git@github.com:Acme/OC-Lettings.git',
      target_repository_url: 'https://github.com/acme/oc-lettings',
    }
    expect(parseCircleciEvent(oauthBody({ vcs }))).toEqual(
      succeed({ ...green, origin: { ...runOnly, title: 's', author: 'a' } }),
    )
  })

  it('takes the account from an address that hides one', () => {
    const author = { name: 'Ada Lovelace', email: 'ada-l@users.noreply.github.com' }
    const vcs = { commit: { subject: 'Add a search field', author } }
    const origin = { title: 'Add a search field', author: 'Ada Lovelace', login: 'ada-l', runUrl }
    expect(parseCircleciEvent(oauthBody({ vcs }))).toMatchObject({ value: { origin } })
  })

  it.each<[string, Record<string, unknown>, unknown]>([
    ['nothing', { commit: undefined }, undefined],
    ['null', { commit: null }, null],
    ['other types', { commit: 'x' }, {}],
    ['hostile texts', { commit: { subject: '\u202E', author: 'a' } }, 'javascript:alert(1)'],
    ['another host', { commit: {} }, 'https://github.com/acme/oc-lettings/actions/runs/1'],
  ])('counts a workflow that tells %s of its commit', (_what, vcs, url) => {
    expect(parseCircleciEvent(oauthBody({ vcs, workflow: { url } }))).toEqual(
      succeed({ ...green, origin: null }),
    )
  })

  it.each(['HEAD', commit.slice(0, 7), commit.toUpperCase(), ''])(
    'refuses a CircleCI workflow with the commit "%s"',
    (revision) => {
      expect(parseCircleciEvent(oauthBody({ vcs: { revision } }))).toEqual(fail('malformed'))
    },
  )
})

describe('parseCircleciEvent, only the GitHub App', () => {
  it.each([
    ['a pull request', { circleci: { event_type: 'pull_request' } }],
    ['the API', { circleci: { event_type: 'create pipeline run api' } }],
    ['a schedule', { circleci: { event_type: 'schedule' } }],
    ['an event without a type', { circleci: { event_type: undefined } }],
    ['no event', { more: { circleci: undefined } }],
    ['a tag', { git: { branch: '', tag: 'v1' } }],
    ['a tag beside the branch of its name', { git: { tag: 'main' } }],
    [
      'a push to another repository',
      { more: { github_app: { repo_url: 'https://github.com/acme/other' } } },
    ],
  ])('does not take a pipeline started by %s for a push', (_who, changes) => {
    expect(parseCircleciEvent(githubAppBody(changes))).toMatchObject({
      ok: true,
      value: { kind: 'ci_run', isPush: false },
    })
  })

  it.each([
    ['no tag at all', { git: { tag: undefined } }],
    ['an address for ssh', { git: { checkout_url: 'git@github.com:acme/oc-lettings.git' } }],
    [
      'the pushed repository',
      { more: { github_app: { repo_url: 'https://github.com/Acme/oc-lettings' } } },
    ],
    ['the pushed repository left empty', { more: { github_app: { repo_url: '' } } }],
    ['fields that are new', { more: { webhook: { body: '{}' } }, body: { news: [] } }],
  ])('recognises a push with %s', (_what, changes) => {
    expect(parseCircleciEvent(githubAppBody(changes))).toEqual(
      succeed({ ...green, origin: runOnly }),
    )
  })

  it('takes title and author from the push, where CircleCI sends them', () => {
    const github_app = { commit_title: 'Add a search field', commit_author_name: 'Ada Lovelace' }
    expect(parseCircleciEvent(githubAppBody({ more: { github_app } }))).toMatchObject({
      value: { isPush: true, origin: { title: 'Add a search field', author: 'Ada Lovelace' } },
    })
  })

  it('ignores a pipeline that checked nothing out', () => {
    const parsed = parseCircleciEvent(githubAppBody({ more: { git: undefined } }))
    expect(parsed).toEqual(succeed({ kind: 'other', event: 'workflow-completed' }))
  })

  it('keeps the host of a repository on GitLab', () => {
    const git = { checkout_url: 'git@gitlab.com:acme/oc-lettings.git' }
    expect(parseCircleciEvent(githubAppBody({ git }))).toMatchObject({
      value: { repository: '//gitlab.com/acme/oc-lettings' },
    })
  })
})

describe('toRepository', () => {
  it.each([
    'https://github.com/acme/shop',
    'https://github.com/acme/shop.git',
    'https://github.com/acme/shop/',
    'http://GitHub.com/acme/shop',
    'https://somebody:token@github.com/acme/shop.git',
    'git@github.com:acme/shop.git',
    'ssh://git@github.com/acme/shop.git',
    'github.com/acme/shop',
  ])('reads acme/shop from %s', (url) => {
    expect(toRepository(url)).toBe('acme/shop')
  })

  it.each([
    'https://gitlab.com/acme/shop',
    'https://github.com.evil.example/acme/shop',
    'https://evil.example/github.com/acme/shop',
    'https://evil.example/?github.com/acme/shop',
    'https://github.com@evil.example/acme/shop',
    'https://github.com/acme/shop/tree/main',
    'ssh://git@github.com:22/acme/shop',
    'acme/shop',
    'evil.example/shop',
    'https://github.com',
    'https://github.com/',
    '',
    ' https://github.com/acme/shop',
    'https://github.com/acme/shop\nhttps://github.com/evil/shop',
    'https://evil.example#@github.com/acme/shop',
    'https://evil.example?@github.com/acme/shop',
    'https://evil.example\\@github.com/acme/shop',
    'ssh://git@evil.example#@github.com/acme/shop.git',
    'git@evil.example#@github.com:acme/shop.git',
    'evil.example/git@github.com:acme/shop.git',
    'https://github.com/acme/shop#/other',
    'https://github.com/acme/shop?/other',
  ])('reads no name of two parts from %j', (url) => {
    expect(toRepository(url)).not.toMatch(/^[^/]+\/[^/]+$/)
  })

  it('removes the password of an address', () => {
    expect(toRepository('https://me:s3cret@gitlab.com/acme/shop')).toBe('//gitlab.com/acme/shop')
  })
})

describe('parseCircleciEvent, other events', () => {
  it('ignores the end of a job, also where its type is workflow-completed', () => {
    const other = succeed({ kind: 'other', event: 'job-completed' })
    expect(parseCircleciEvent(jobBody)).toEqual(other)
    expect(parseCircleciEvent({ ...jobBody, type: 'workflow-completed' })).toEqual(other)
    const both = oauthBody({ body: { job: { name: 'test', status: 'success' } } })
    expect(parseCircleciEvent(both)).toEqual(other)
  })

  it('ignores an unknown event under its name', () => {
    const body = oauthBody({ body: { type: `pipeline-${'x'.repeat(200)}` } })
    expect(parseCircleciEvent(body)).toEqual(
      succeed({ kind: 'other', event: `pipeline-${'x'.repeat(91)}` }),
    )
  })

  const webhook = { id: '22222222-2222-4222-8222-222222222222', name: 'landfall' }
  it.each([
    ['of its own type', { type: 'ping', id: '1', happened_at: createdAt, webhook }],
    ['of no type', { id: '1', webhook }],
    ['of the selected type', { type: 'workflow-completed', id: '1', webhook }],
    ['of the type of a job', { type: 'job-completed', webhook, project: { name: 'shop' } }],
    ['with empty parts', { type: 'workflow-completed', pipeline: null, workflow: null, job: null }],
    ['with an empty body', {}],
  ])('recognises the test ping %s', (_what, body) => {
    expect(parseCircleciEvent(body)).toEqual(succeed({ kind: 'ping' }))
  })

  it.each([
    ['a workflow alone', { type: 'workflow-completed', workflow: { name: 'ci' } }],
    ['a pipeline alone', { type: 'workflow-completed', pipeline: { number: 1 } }],
    ['a pipeline of no type', { pipeline: { number: 1 } }],
  ])('does not take %s for a ping', (_what, body) => {
    expect(parseCircleciEvent(body)).toEqual(fail('malformed'))
  })
})
