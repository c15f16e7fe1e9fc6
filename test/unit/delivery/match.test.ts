import { describe, expect, it } from 'vitest'
import { match } from '../../../src/delivery/match.ts'
import type { App } from '../../../src/deployment/app.ts'
import { AppName } from '../../../src/kernel/id.ts'
import { fail, succeed } from '../../../src/kernel/result.ts'
import type { CiRunFacts, ImageFacts, Parsed, PushFacts } from '../../../src/sources/source.ts'
import { appOf, commit, configurationOf } from '../../support/apps.ts'

const receivedAt = '2026-11-20T10:05:00.000Z'

const push: PushFacts = {
  kind: 'push',
  repository: 'acme/oc-lettings',
  ref: 'refs/heads/main',
  commit,
  pushedAt: '2026-11-20T10:00:00.000Z',
}

const run: CiRunFacts = {
  kind: 'ci_run',
  ci: 'github',
  repository: 'acme/oc-lettings',
  branch: 'main',
  commit,
  isPush: true,
  workflow: 'CI',
  workflowPath: '.github/workflows/ci.yml',
  runId: '30433642',
  runNumber: 7,
  attempt: 2,
  createdAt: '2026-11-20T10:00:00.000Z',
  conclusion: 'success',
}

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
  match(parsed, configurationOf(...(apps.length === 0 ? [production] : apps)), receivedAt)

describe('a push', () => {
  it('is evidence for each app of its repository and branch', () => {
    const evidence = { kind: 'push', pushedAt: push.pushedAt }
    expect(matchOf(push, production, staging, appOf('other', { repository: 'acme/x' }))).toEqual(
      succeed([
        { app: 'oc-lettings', revision: commit, commit, evidence },
        { app: 'oc-lettings-staging', revision: commit, commit, evidence },
      ]),
    )
  })

  it.each([
    ['another repository', { repository: 'evil/oc-lettings' }, 'repository_unknown'],
    ['another branch', { ref: 'refs/heads/next' }, 'branch_not_deployed'],
    ['a branch whose name ends alike', { ref: 'refs/heads/x/main' }, 'branch_not_deployed'],
    ['a branch in another case', { ref: 'refs/heads/Main' }, 'branch_not_deployed'],
    ['a tag of the same name', { ref: 'refs/tags/main' }, 'tag_pushed'],
    ['a deleted branch', { commit: null }, 'branch_deleted'],
  ])('of %s is ignored', (_what, changes, reason) => {
    expect(matchOf({ ...push, ...changes })).toEqual(fail(reason))
  })

  it('is of no interest where only the digests under a fixed tag are revisions', () => {
    expect(matchOf(push, moving)).toEqual(fail('event_ignored'))
  })

  it('is of interest where CI gates a fixed tag, and where a tag alone is made of it', () => {
    expect(matchOf(push, appOf('oc-lettings', { tag: 'latest' })).ok).toBe(true)
    expect(matchOf(push, appOf('oc-lettings', { requires: [{ kind: 'image' }] })).ok).toBe(true)
  })

  it('counts from its receipt where the sender tells no time, or one that is to come', () => {
    for (const pushedAt of [null, '2026-11-20T10:05:00.001Z']) {
      expect(matchOf({ ...push, pushedAt })).toMatchObject({
        value: [{ evidence: { pushedAt: receivedAt } }],
      })
    }
  })

  it('finds its repository in any case, as GitHub does', () => {
    expect(matchOf({ ...push, repository: 'Acme/OC-Lettings' }).ok).toBe(true)
  })

  it('is nothing to an app without a repository', () => {
    expect(matchOf(push, appOf('no-code', { repository: null }))).toEqual(
      fail('repository_unknown'),
    )
  })
})

describe('the end of a run', () => {
  it('is evidence under the name that landfall.yml gives the workflow', () => {
    for (const workflow of ['CI', 'ci.yml', '.github/workflows/ci.yml']) {
      const app = appOf('oc-lettings', { requires: [{ kind: 'ci', ci: 'github', workflow }] })
      const { runId, runNumber, attempt, createdAt, conclusion } = run
      const of = { runId, runNumber, attempt, createdAt, conclusion }
      const evidence = { kind: 'ci', ci: 'github', workflow, ...of }
      expect(matchOf(run, app)).toEqual(
        succeed([{ app: 'oc-lettings', revision: commit, commit, evidence }]),
      )
    }
  })

  it('is evidence when it is red, too', () => {
    expect(matchOf({ ...run, conclusion: 'failure' })).toMatchObject({
      value: [{ evidence: { conclusion: 'failure' } }],
    })
  })

  it.each([
    ['of another repository', { repository: 'acme/x' }, 'repository_unknown'],
    ['that no push of the repository started', { isPush: false }, 'not_a_push'],
    ['of another branch', { branch: 'next' }, 'branch_not_deployed'],
    ['of no branch', { branch: '' }, 'branch_not_deployed'],
    [
      'of another workflow',
      { workflow: 'Lint', workflowPath: 'lint.yml' },
      'workflow_not_required',
    ],
    ['of another CI', { ci: 'circleci' as const }, 'workflow_not_required'],
  ])('%s is ignored', (_what, changes, reason) => {
    expect(matchOf({ ...run, ...changes })).toEqual(fail(reason))
  })

  it('is ordered by its receipt where its creation is later', () => {
    expect(matchOf({ ...run, createdAt: '2099-01-01T00:00:00.000Z' })).toMatchObject({
      value: [{ evidence: { createdAt: receivedAt } }],
    })
  })
})

describe('the end of a workflow of CircleCI', () => {
  const circle: CiRunFacts = { ...run, ci: 'circleci', workflow: 'build', workflowPath: null }
  const requiring = (...requires: App['requires']): App => appOf('oc-lettings', { requires })
  const build = { kind: 'ci', ci: 'circleci', workflow: 'build' } as const

  it('is evidence under its name', () => {
    const { runId, runNumber, attempt, createdAt, conclusion } = circle
    const of = { runId, runNumber, attempt, createdAt, conclusion }
    const evidence = { kind: 'ci', ci: 'circleci', workflow: 'build', ...of }
    expect(matchOf(circle, requiring(build, { kind: 'image' }))).toEqual(
      succeed([{ app: 'oc-lettings', revision: commit, commit, evidence }]),
    )
  })

  it('and a run of GitHub with the same name are evidence of one each', () => {
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
    ['of a repository elsewhere', { repository: '//gitlab.com/acme/x' }, 'repository_unknown'],
    ['of a fork', { isPush: false }, 'not_a_push'],
    ['of a tag', { branch: '' }, 'branch_not_deployed'],
    ['of another name', { workflow: 'Build' }, 'workflow_not_required'],
  ])('%s is ignored', (_what, changes, reason) => {
    expect(matchOf({ ...circle, ...changes }, requiring(build))).toEqual(fail(reason))
  })
})

describe('a pushed image', () => {
  it('is a hint for the commit in its tag', () => {
    const evidence = { kind: 'image', tag: commit, seenAt: image.pushedAt }
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

  it('under a tag without a commit is a hint for a digest that nobody knows yet', () => {
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
  ])('tagged %s is ignored by an app with the tag %s', (tag, template) => {
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
  ])('of the app with image %s is called %s', (written, repository) => {
    const app = appOf('oc-lettings', { image: written })
    expect(matchOf({ ...image, repository }, app).ok).toBe(true)
  })

  it.each(['evil/oc-lettings', 'oc-lettings', 'acme/oc-lettings/x', 'docker.io/acme/oc-lettings'])(
    'of the repository %s is ignored',
    (repository) => {
      expect(matchOf({ ...image, repository })).toEqual(fail('repository_unknown'))
    },
  )

  it('of an app that is not there is ignored', () => {
    expect(matchOf(image, staging)).toEqual(fail('repository_unknown'))
  })
})

it('has no use for a ping or any other event', () => {
  expect(matchOf({ kind: 'ping' })).toEqual(fail('ping'))
  expect(matchOf({ kind: 'other', event: 'issues' })).toEqual(fail('event_ignored'))
})
