import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { CommandError } from '../../../cli/exit.ts'
import { lintRepository } from '../../../cli/lint.ts'
import { plan, settings } from '../../support/cli-answers.ts'
import { runAtFakeDesk, type DeskOptions } from '../../support/cli-desk.ts'

const github = '.github/workflows/ci.yml'
const circleci = '.circleci/config.yml'
const read = (path: string): string => readFileSync(`examples/django/${path}`, 'utf8')

/** The example's repository with one change; a change that changes nothing is a mistake of the test. */
const change = (path: string, from: string | RegExp, to: string): ReadonlyMap<string, string> => {
  const before = read(path)
  const after = before.replaceAll(new RegExp(from, 'gm'), to)
  expect(after).not.toBe(before)
  return new Map([
    [path, after],
    ['Dockerfile', read('Dockerfile')],
  ])
}

const ofGithub = settings()
const ofCircleci = settings({
  requires: [{ kind: 'ci', ci: 'circleci', workflow: 'build-and-push' }, { kind: 'image' }],
})

const noJobForMain = new Map([
  [
    circleci,
    read(circleci)
      .replace('- test\n', '- test: { filters: { branches: { ignore: main } } }\n')
      .replace('only: main', 'only: release'),
  ],
])

describe('the repository of a team', () => {
  it.each([
    ['GitHub', github, ofGithub],
    ['CircleCI', circleci, ofCircleci],
  ])('of the example with %s has nothing in the way', (_, path, app) => {
    const files = new Map([[path, read(path)]])
    expect(lintRepository(files, [app])).toMatchObject([{ level: 'fine' }])
  })

  it.each<[string, ReadonlyMap<string, string>, typeof ofGithub, string]>([
    [
      'a workflow of another name',
      change(github, '^name: CI', 'name: Tests'),
      ofGithub,
      'requires the workflow "CI" of GitHub; the repository has "Tests"',
    ],
    [
      'no push that starts it',
      change(github, String.raw`  push: \{ branches: \[main\] \}\n`, ''),
      ofGithub,
      'no push starts it',
    ],
    [
      'a push to another branch',
      change(github, String.raw`branches: \[main\]`, 'branches: [master]'),
      ofGithub,
      'a push to main does not start it',
    ],
    [
      'its branch left out',
      change(github, String.raw`branches: \[main\]`, 'branches-ignore: [main]'),
      ofGithub,
      'a push to main does not start it',
    ],
    [
      'a push of tags alone',
      change(github, String.raw`branches: \[main\]`, "tags: ['v*']"),
      ofGithub,
      'a push to main does not start it',
    ],
    [
      'YAML that nobody reads',
      change(github, '^jobs:', 'jobs: ['),
      ofGithub,
      'is not read by GitHub',
    ],
    [
      'a short commit as tag',
      change(github, String.raw`\$\{\{ github.sha \}\}`, '${GITHUB_SHA::7}'),
      ofGithub,
      'shortened commit',
    ],
    [
      'latest alone as tag',
      change(github, String.raw`\$\{\{ github.sha \}\}`, 'latest'),
      ofGithub,
      'under no full commit',
    ],
    [
      'metadata of a short commit',
      change(
        github,
        String.raw`\$\{\{ env.IMAGE \}\}:\$\{\{ github.sha \}\}|REVISION=\$\{\{ github.sha \}\}`,
        'type=sha',
      ),
      ofGithub,
      'shortened commit',
    ],
    [
      'metadata with a prefix',
      change(
        github,
        String.raw`\$\{\{ env.IMAGE \}\}:\$\{\{ github.sha \}\}|REVISION=\$\{\{ github.sha \}\}`,
        'type=sha,format=long',
      ),
      ofGithub,
      'as sha-<commit>',
    ],
    [
      'arm64 alone for a service',
      change(github, 'runs-on: ubuntu-latest', 'runs-on: ubuntu-24.04-arm'),
      settings({ targets: ['render:srv-abc'] }),
      'render:srv-abc runs amd64',
    ],
    [
      'no workflow of that name at CircleCI',
      change(circleci, 'build-and-push:', 'build:'),
      ofCircleci,
      'requires the workflow "build-and-push" of CircleCI',
    ],
    ['no job for the branch at CircleCI', noJobForMain, ofCircleci, 'runs for main'],
    [
      'no configuration of CircleCI',
      new Map([['Dockerfile', '']]),
      ofCircleci,
      'no .circleci/config.yml',
    ],
    [
      'a short commit at CircleCI',
      change(
        circleci,
        String.raw`\$IMAGE:\$CIRCLE_SHA1|REVISION="\$CIRCLE_SHA1"`,
        '$IMAGE:${CIRCLE_SHA1:0:7}',
      ),
      ofCircleci,
      'shortened commit',
    ],
  ])('is a problem with %s', (_, files, app, message) => {
    const found = lintRepository(files, [app])
    expect(found.filter(({ level }) => level === 'problem').map((one) => one.message)).toEqual([
      expect.stringContaining(message),
    ])
  })

  it.each<[string, ReadonlyMap<string, string>, string]>([
    [
      'a deployment by ssh',
      new Map([[github, `${read(github)}\n      - uses: appleboy/ssh-action@v1\n`]]),
      'still deploys by ssh',
    ],
    [
      "a call of Render's API",
      new Map([
        [github, `${read(github)}\n      - run: curl https://api.render.com/deploy/srv-abc\n`],
      ]),
      "still deploys by Render's API",
    ],
    [
      'a release at Heroku',
      new Map([[github, `${read(github)}\n      - run: heroku container:release web\n`]]),
      'still deploys by heroku',
    ],
    [
      'paths that start no run',
      change(github, String.raw`branches: \[main\]`, "branches: [main], paths: ['src/**']"),
      'changes none of its `paths`',
    ],
    [
      'an image for arm64 alone',
      change(github, 'runs-on: ubuntu-latest', 'runs-on: ubuntu-24.04-arm'),
      'builds for arm64 alone',
    ],
    [
      'no push of an image',
      change(github, 'docker/build-push-action', 'acme/build-action'),
      'no file of the pipeline pushes acme/oc-lettings',
    ],
  ])('is warned of %s', (_, files, message) => {
    const found = lintRepository(files, [ofGithub])
    expect(found.map(({ level }) => level)).toEqual(['warning'])
    expect(found[0]?.message).toContain(message)
  })

  it.each([
    ['the path', '.github/workflows/ci.yml'],
    ['the file', 'ci.yml'],
  ])('may name its workflow by %s', (_, workflow) => {
    const app = settings({ requires: [{ kind: 'ci', ci: 'github', workflow }, { kind: 'image' }] })
    expect(lintRepository(new Map([[github, read(github)]]), [app])).toMatchObject([
      { level: 'fine' },
    ])
  })

  it.each([
    ['type=sha,format=long,prefix=', 'the metadata action'],
    ['$(git rev-parse HEAD)', 'git'],
  ])('may tag its image by %s (%s)', (tag) => {
    const files = change(github, String.raw`\$\{\{ env.IMAGE \}\}:\$\{\{ github.sha \}\}`, tag)
    expect(lintRepository(files, [ofGithub])).toMatchObject([{ level: 'fine' }])
  })

  it('is read by every spelling of a push', () => {
    for (const on of [
      'on: push',
      'on: [push, pull_request]',
      "on: { push: { branches: ['ma*'] } }",
    ]) {
      const text = read(github).replace(/^on:\n(?: .*\n)+/m, `${on}\n`)
      expect(lintRepository(new Map([[github, text]]), [ofGithub])).toMatchObject([
        { level: 'fine' },
      ])
    }
  })
})

describe('doctor', () => {
  const at = (path: string) => `/work/team/${path}`
  const good = { [at(github)]: read(github), [at('Dockerfile')]: read('Dockerfile') }
  const answer: DeskOptions['answer'] = (name) => (name === 'plan' ? plan : { apps: [settings()] })
  const run = (options: DeskOptions, ...more: readonly string[]) =>
    runAtFakeDesk(['doctor', ...more], { answer, files: good, ...options })

  it('goes from the credentials to the stage, each app and the repository', async () => {
    const { code, out, calls } = await run({})
    expect(out.split('\n').map((line) => line.replace(/^✔ ok +/, '').split(':')[0])).toEqual([
      'credentials',
      'stage',
      'oc-lettings',
      'repository',
      '',
    ])
    expect(calls.map(({ name }) => name)).toEqual(['status', 'plan'])
    expect(code).toBe(0)
  })

  it('ends with 1 on a problem of the repository, which --repository names', async () => {
    const files = {
      '/elsewhere/.github/workflows/ci.yml': read(github).replace('name: CI', 'name: Tests'),
    }
    const { code, out } = await run({ files }, '--repository', '/elsewhere')
    expect(code).toBe(1)
    expect(out).toContain('✖ problem oc-lettings: requires the workflow "CI"')
  })

  it.each([
    'git@github.com:Acme/oc-lettings.git',
    'https://github.com/acme/oc-lettings',
    'https://x-access-token:t@github.com/acme/oc-lettings.git',
  ])('looks for mistakes of the apps of this repository alone: %s', async (url) => {
    const other = settings({
      app: 'blog',
      repository: 'acme/blog',
      requires: [{ kind: 'ci', ci: 'github', workflow: 'Blog' }],
    })
    const several: DeskOptions['answer'] = (name) =>
      name === 'plan' ? plan : { apps: [settings(), other] }
    const files = { ...good, [at('.git/config')]: `[remote "origin"]\n\turl = ${url}\n` }
    const { code, out } = await run({ answer: several, files })
    expect(code).toBe(0)
    expect(out).not.toContain('Blog')
    const foreign = { ...good, [at('.git/config')]: 'url = git@github.com:acme/none.git\n' }
    expect((await run({ answer: several, files: foreign })).out).toContain(
      'no app of this stage is deployed from acme/none',
    )
  })

  it('ends with 1 on a problem that plan finds', async () => {
    const findings = [
      { level: 'problem', what: 'secret', message: 'it is gone', reason: 'secret_missing' },
    ]
    const bad: DeskOptions['answer'] = (name) =>
      name === 'plan' ? { ...plan, ok: false, findings } : { apps: [settings()] }
    const { code, out } = await run({ answer: bad })
    expect(code).toBe(1)
    expect(out).toContain(
      '✖ problem oc-lettings secret: it is gone (docs/reasons.md#secret_missing)',
    )
  })

  it('ends with 1 on a warning under --strict alone', async () => {
    const files = { [at(github)]: `${read(github)}\n      - uses: appleboy/ssh-action@v1\n` }
    expect((await run({ files })).code).toBe(0)
    expect((await run({ files }, '--strict')).code).toBe(1)
  })

  it('finds no pipeline here, which is fine, and none where one is named, which is not', async () => {
    expect((await run({ files: {} })).code).toBe(0)
    expect((await run({ files: {} }, '--repository', '/nowhere')).code).toBe(1)
  })

  it('prints what it found as JSON', async () => {
    const { out } = await run({}, '--json')
    expect(JSON.parse(out)).toMatchObject({ findings: [{ what: 'credentials' }, {}, {}, {}] })
  })

  it('ends where AWS refuses it', async () => {
    const failure = new CommandError(5, ['AWS does not know these credentials'])
    const { code, err } = await run({ failure })
    expect([code, err]).toEqual([5, 'landfall: AWS does not know these credentials\n'])
  })
})
