import { describe, expect, it } from 'vitest'
import { match } from '../../../src/delivery/match.ts'
import type { App } from '../../../src/deployment/app.ts'
import { AppName } from '../../../src/kernel/id.ts'
import { fail, succeed } from '../../../src/kernel/result.ts'
import type { CiRunFacts, ImageFacts, Parsed } from '../../../src/sources/source.ts'
import { appOf, commit } from '../../support/apps.ts'
import { originAt } from '../../support/examples.ts'
import { pushFacts, runFacts } from '../../support/facts.ts'

const receivedAt = '2026-11-20T10:05:00.000Z'

const push = pushFacts({ origin: { ...originAt(1), runUrl: null } })
const run = runFacts({ origin: originAt(1) })

const image: ImageFacts = {
  kind: 'image',
  app: AppName.parse('oc-lettings'),
  repository: 'acme/oc-lettings',
  tag: commit,
  pushedAt: '2026-11-20T10:04:00.000Z',
}

const production = appOf('oc-lettings')
const staging = appOf('oc-lettings-staging')
const moving = appOf('oc-lettings', { tag: 'latest', requires: [{ kind: 'image' }] })
const matchOf = (parsed: Parsed, ...apps: readonly App[]) =>
  match(parsed, apps.length === 0 ? [production] : apps, receivedAt)

describe('match: a push', () => {
  it('matches a push with each app of its repository and branch', () => {
    const evidence = { kind: 'push', pushedAt: push.pushedAt, origin: push.origin }
    expect(matchOf(push, production, staging, appOf('other', { branch: 'next' }))).toEqual(
      succeed([
        { app: 'oc-lettings', revision: commit, commit, evidence },
        { app: 'oc-lettings-staging', revision: commit, commit, evidence },
      ]),
    )
  })

  it.each([
    ['another branch', { ref: 'refs/heads/next' }, 'branch_not_deployed'],
    ['a branch whose name ends alike', { ref: 'refs/heads/x/main' }, 'branch_not_deployed'],
    ['a branch in another case', { ref: 'refs/heads/Main' }, 'branch_not_deployed'],
    ['a tag of the same name', { ref: 'refs/tags/main' }, 'tag_pushed'],
    ['a deleted branch', { commit: null }, 'branch_deleted'],
  ])('ignores a push of %s', (_what, changes, reason) => {
    expect(matchOf({ ...push, ...changes })).toEqual(fail(reason))
  })

  it('ignores a push where only the digests under a fixed tag are revisions', () => {
    expect(matchOf(push, moving)).toEqual(fail('event_ignored'))
  })

  it('matches a push where CI gates a fixed tag, and where a tag contains the commit', () => {
    expect(matchOf(push, appOf('oc-lettings', { tag: 'latest' })).ok).toBe(true)
    expect(matchOf(push, appOf('oc-lettings', { requires: [{ kind: 'image' }] })).ok).toBe(true)
  })

  it('dates a push by its receipt where the sender sends no time, or one in the future', () => {
    for (const pushedAt of [null, '2026-11-20T10:05:00.001Z']) {
      expect(matchOf({ ...push, pushedAt })).toMatchObject({
        value: [{ evidence: { pushedAt: receivedAt } }],
      })
    }
  })

  it.each([push, run])('ignores a $kind of a repository that no app deploys', (parsed) => {
    expect(match(parsed, [], receivedAt)).toEqual(fail('repository_unknown'))
  })
})

describe('match: the end of a GitHub run', () => {
  it('names the workflow as landfall.yml does', () => {
    for (const workflow of ['CI', 'ci.yml', '.github/workflows/ci.yml']) {
      const app = appOf('oc-lettings', { requires: [{ kind: 'ci', ci: 'github', workflow }] })
      const { runId, runNumber, attempt, createdAt, conclusion, origin } = run
      const of = { runId, runNumber, attempt, createdAt, conclusion, origin }
      const workflowId = '.github/workflows/ci.yml'
      const evidence = { kind: 'ci', ci: 'github', workflow, workflowId, ...of }
      expect(matchOf(run, app)).toEqual(
        succeed([{ app: 'oc-lettings', revision: commit, commit, evidence }]),
      )
    }
  })

  it.each([
    ['.github/workflows/ci.yml', { workflow: '.github/workflows/ci.yml' }],
    ['ci.yml', { workflow: 'ci.yml' }],
    ['ci.yml', { workflowPath: 'vendor/rules/.github/workflows/ci.yml' }],
    ['.github/workflows/ci.yml', { workflow: '.github/workflows/ci.yml', workflowPath: null }],
    ['dynamic/pages/build', { workflow: 'dynamic/pages/build' }],
  ])('does not count another file for the required %s: %j', (workflow, changes) => {
    const app = appOf('oc-lettings', { requires: [{ kind: 'ci', ci: 'github', workflow }] })
    const other = { ...run, workflowPath: '.github/workflows/other.yml', ...changes }
    expect(matchOf(other, app)).toEqual(fail('workflow_not_required'))
  })

  it.each(['build / test', 'ci.yml'])('matches a workflow by its name %s', (workflow) => {
    const app = appOf('oc-lettings', { requires: [{ kind: 'ci', ci: 'github', workflow }] })
    expect(matchOf({ ...run, workflow, workflowPath: null }, app).ok).toBe(true)
  })

  it('matches a red run', () => {
    expect(matchOf({ ...run, conclusion: 'failure' })).toMatchObject({
      value: [{ evidence: { conclusion: 'failure' } }],
    })
  })

  it.each([
    ['that no push of the repository started', { isPush: false }, 'not_a_push'],
    ['of another branch', { branch: 'next' }, 'branch_not_deployed'],
    ['of no branch', { branch: '' }, 'branch_not_deployed'],
    [
      'of another workflow',
      { workflow: 'Lint', workflowPath: 'lint.yml' },
      'workflow_not_required',
    ],
    ['of another CI', { ci: 'circleci' as const }, 'workflow_not_required'],
  ])('ignores a run %s', (_what, changes, reason) => {
    expect(matchOf({ ...run, ...changes })).toEqual(fail(reason))
  })

  it('dates a run by its receipt where its creation is later', () => {
    expect(matchOf({ ...run, createdAt: '2099-01-01T00:00:00.000Z' })).toMatchObject({
      value: [{ evidence: { createdAt: receivedAt } }],
    })
  })
})

describe('match: the end of a CircleCI workflow', () => {
  const circle: CiRunFacts = { ...run, ci: 'circleci', workflow: 'build', workflowPath: null }
  const requiring = (...requires: App['requires']): App => appOf('oc-lettings', { requires })
  const build = { kind: 'ci', ci: 'circleci', workflow: 'build' } as const

  it('matches a CircleCI workflow by its name', () => {
    const { runId, runNumber, attempt, createdAt, conclusion, origin } = circle
    const of = { runId, runNumber, attempt, createdAt, conclusion, origin }
    const evidence = { kind: 'ci', ci: 'circleci', workflow: 'build', workflowId: null, ...of }
    expect(matchOf(circle, requiring(build, { kind: 'image' }))).toEqual(
      succeed([{ app: 'oc-lettings', revision: commit, commit, evidence }]),
    )
  })

  it('tells the workflows of two CircleCI projects of one name apart', () => {
    expect(matchOf({ ...circle, projectId: 'p-1' }, requiring(build))).toMatchObject({
      value: [{ evidence: { workflow: 'build', workflowId: 'p-1' } }],
    })
  })

  it('tells a CircleCI workflow from a GitHub run of the same name', () => {
    const app = requiring(build, { ...build, ci: 'github' })
    for (const ci of ['github', 'circleci'] as const)
      expect(matchOf({ ...circle, ci }, app)).toMatchObject({
        value: [{ evidence: { ci, workflow: 'build' } }],
      })
    expect(matchOf({ ...circle, ci: 'github' }, requiring(build))).toEqual(
      fail('workflow_not_required'),
    )
  })

  it.each([
    ['of a fork', { isPush: false }, 'not_a_push'],
    ['of a tag', { branch: '' }, 'branch_not_deployed'],
    ['of another name', { workflow: 'Build' }, 'workflow_not_required'],
  ])('ignores a CircleCI workflow %s', (_what, changes, reason) => {
    expect(matchOf({ ...circle, ...changes }, requiring(build))).toEqual(fail(reason))
  })
})

describe('match: a pushed image', () => {
  it('matches an image with the commit in its tag', () => {
    const evidence = { kind: 'image', tag: commit, seenAt: image.pushedAt, origin: null }
    expect(matchOf(image, production, staging)).toEqual(
      succeed([{ app: 'oc-lettings', revision: commit, commit, evidence }]),
    )
  })

  it('finds the commit in a longer tag', () => {
    const app = appOf('oc-lettings', { tag: 'v-{commit}-slim' })
    expect(matchOf({ ...image, tag: `v-${commit}-slim` }, app)).toMatchObject({
      value: [{ revision: commit }],
    })
  })

  it('matches an image under a tag without a commit, whose digest is not known yet', () => {
    expect(matchOf({ ...image, tag: 'latest' }, moving)).toMatchObject({
      value: [{ revision: null, commit: null, evidence: { tag: 'latest' } }],
    })
  })

  it.each([
    ['latest', '{commit}'],
    [commit.slice(0, 7), '{commit}'],
    [commit.toUpperCase(), '{commit}'],
    [`v-${commit}`, '{commit}'],
    [commit, 'v-{commit}'],
    [`x-${commit}`, 'v-{commit}'],
    [`${commit}-fat`, '{commit}-abc'],
    [commit, 'latest'],
    ['ab', 'ab{commit}b'],
  ])('ignores an image tagged %s for an app with the tag %s', (tag, template) => {
    const app = appOf('oc-lettings', { tag: template })
    expect(matchOf({ ...image, tag }, app)).toEqual(fail('tag_not_deployed'))
  })

  it.each([
    ['docker.io/acme/oc-lettings', 'acme/oc-lettings'],
    ['localhost/acme/oc-lettings', 'acme/oc-lettings'],
    ['localhost:5000/acme/oc-lettings', 'acme/oc-lettings'],
    ['registry.example/acme/oc-lettings', 'acme/oc-lettings'],
    ['localhost:5000/lettings', 'lettings'],
    ['nginx', 'library/nginx'],
    ['my.app', 'library/my.app'],
  ])('matches the image %s with the repository %s', (written, repository) => {
    const app = appOf('oc-lettings', { image: written })
    expect(matchOf({ ...image, repository }, app).ok).toBe(true)
  })

  it.each(['evil/oc-lettings', 'oc-lettings', 'acme/oc-lettings/x', 'docker.io/acme/oc-lettings'])(
    'ignores an image of the repository %s',
    (repository) => {
      expect(matchOf({ ...image, repository })).toEqual(fail('repository_unknown'))
    },
  )

  it('ignores an image of an unknown app', () => {
    expect(matchOf(image, staging)).toEqual(fail('repository_unknown'))
  })
})

it('ignores a ping and every other event', () => {
  expect(matchOf({ kind: 'ping' })).toEqual(fail('ping'))
  expect(matchOf({ kind: 'other', event: 'issues' })).toEqual(fail('event_ignored'))
})
