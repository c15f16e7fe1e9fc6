import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import * as z from 'zod'
import { docker } from '../../local/docker/docker.ts'
import { ensurePrograms } from '../../local/docker/packages.ts'
import { pushDjangoBase } from '../support/django-base.ts'
import { askSite, createCi, createRepository, linkDebianPython } from '../support/django-ci.ts'
import { djangoPrograms } from '../support/django-packages.ts'
import { expectDeployed, openStage, type Stage } from '../support/end-to-end.ts'
import { readCircleciPipeline } from '../support/pipeline-circleci.ts'
import { readGithubPipeline } from '../support/pipeline-github.ts'
import type { PipelineResult } from '../support/pipeline.ts'
import { inFull, isFull } from '../support/size.ts'

const example = join(import.meta.dirname, '../../examples/django')
const credentials = { username: 'acme', password: 'dckr_pat_of_the_test' }
const secrets = { DOCKERHUB_USERNAME: credentials.username, DOCKERHUB_TOKEN: credentials.password }
const host = 'lettings.example.com'

const Facts = z.record(z.string(), z.unknown())
const Configuration = z.object({
  apps: z.record(z.string(), z.looseObject({ targets: z.array(Facts), requires: z.unknown() })),
})
const { apps } = Configuration.parse(parse(readFileSync(join(example, 'landfall.yml'), 'utf8')))

/** The app of the example's landfall.yml that runs on EC2, on the local instance. */
const toAppFacts = (name: string, requires: unknown) => {
  const {
    env,
    repository: of,
    targets,
  } = z
    .object({ env: Facts, repository: z.string(), targets: z.tuple([z.object({ ec2: Facts })]) })
    .parse(apps['oc-lettings'])
  const { strategy, port, predeploy, health } = targets[0].ec2
  const own = { secrets: `${name}/app`, registry: `${name}/registry` }
  return {
    settings: { repository: of, requires, env, ...own },
    ec2: { strategy, port, predeploy, health, run: { volumes: [`${name}-data:/data`] } },
  }
}

const toSecrets = (
  name: string,
): readonly (readonly [string, Readonly<Record<string, string>>])[] => [
  [`${name}/app`, { SECRET_KEY: 'the key of this test' }],
  [`${name}/registry`, credentials],
]

const every = [
  {
    ci: 'GitHub Actions',
    app: 'e2e-django-github',
    requires: apps['oc-lettings']?.requires,
    read: (commit: string) =>
      readGithubPipeline(readFileSync(join(example, '.github/workflows/ci.yml'), 'utf8'), {
        event: 'push',
        branch: 'main',
        commit,
        secrets,
      }),
    steps: [
      'test: actions/checkout',
      'test: actions/setup-python',
      'test: pip install -r requirements-dev.txt',
      'test: flake8',
      'test: pytest --cov --cov-fail-under=80',
      'image: actions/checkout',
      'image: docker/login-action',
      'image: docker/setup-buildx-action',
      'image: docker/build-push-action',
    ],
    end: (workflow: string, commit: string, conclusion: PipelineResult['conclusion']) =>
      stage.team.endCi({ repository: 'acme/oc-lettings', workflow, commit, conclusion }),
  },
  {
    ci: 'CircleCI',
    app: 'e2e-django-circleci',
    requires: apps['oc-lettings-render']?.requires,
    read: (commit: string) =>
      readCircleciPipeline(readFileSync(join(example, '.circleci/config.yml'), 'utf8'), {
        event: 'push',
        branch: 'main',
        commit,
        secrets,
      }),
    steps: [
      'test: checkout',
      'test: pip install -r requirements-dev.txt',
      'test: flake8',
      'test: pytest --cov --cov-fail-under=80',
      'image: checkout',
      'image: setup_remote_docker',
      'image: Log in to Docker Hub',
      'image: Build the image',
      'image: Push the image',
    ],
    end: (workflow: string, commit: string, conclusion: PipelineResult['conclusion']) => {
      const status = conclusion === 'success' ? 'success' : 'failed'
      const run = { repository: 'acme/oc-lettings', workflow, commit, status } as const
      return stage.team.endCircleci(run)
    },
  },
] as const
type Kind = (typeof every)[number]
/** Both differ in the form of their files and webhooks only: one in the usual size. */
const kinds: readonly Kind[] = every.filter(({ ci }) => isFull || ci === 'GitHub Actions')

let stage: Stage
let repository: Awaited<ReturnType<typeof createRepository>>
const machines = new Map<string, ReturnType<typeof createCi>>()

beforeAll(async () => {
  await ensurePrograms(djangoPrograms)
  stage = await openStage({
    credentials,
    secrets: Object.fromEntries(kinds.flatMap(({ app }) => toSecrets(app))),
    apps: Object.fromEntries(kinds.map(({ app, requires }) => [app, toAppFacts(app, requires)])),
  })
  const { registry } = stage.team
  const base = await pushDjangoBase(`${registry}/python`, credentials)
  const source = join(stage.directory, 'oc-lettings')
  repository = await createRepository(source, example)
  const python = linkDebianPython(join(stage.directory, 'python'))
  for (const { app } of kinds) {
    const directory = join(stage.directory, `ci-${app}`)
    mkdirSync(directory)
    const image = `${registry}/acme/${app}`
    const facts = { registry, image, base }
    machines.set(app, createCi({ directory, repository: source, python, docker: facts }))
  }
})
afterAll(async () => {
  await stage?.close()
  const volumes = kinds.map(({ app }) => `${app}-data`)
  await docker(['volume', 'rm', '--force', ...volumes]).catch(() => undefined)
})

/** The CI runs the pipeline and sends its signed webhook. */
const push = async ({ ci, app, read, end }: Kind, commit: string): Promise<PipelineResult> => {
  const pipeline = read(commit)
  const result = await machines.get(app)?.(pipeline)
  if (result === undefined) throw new Error(`there is no CI of ${app}`)
  process.stdout.write(
    `${ci}: ${result.conclusion} after ${result.steps.length} steps, the last: ${result.steps.at(-1)}\n`,
  )
  const delivery = await end(pipeline.workflow, commit, result.conclusion)
  expect(delivery).toMatchObject({ status: 202, reason: 'recorded' })
  return result
}

const readImage = async (app: string, commit: string): Promise<number> => {
  const login = Buffer.from(`${credentials.username}:${credentials.password}`).toString('base64')
  const url = `http://${stage.team.registry}/v2/acme/${app}/manifests/${commit}`
  // A registry answers 404 for a manifest of a type that is not accepted.
  const accept = ['oci.image.index.v1', 'oci.image.manifest.v1', 'docker.distribution.manifest.v2']
    .map((type) => `application/vnd.${type}+json`)
    .join(', ')
  return (await fetch(url, { headers: { authorization: `Basic ${login}`, accept } })).status
}

/** Of `TOTAL  121  5  96%`: how many statements there are, and how many no test reaches. */
const readCoverage = (output: string): readonly [number, number] => {
  const [, statements = '', missed = ''] = /^TOTAL +(\d+) +(\d+) /m.exec(output) ?? []
  return [Number(statements), Number(missed)]
}

/** A module that no test loads, long enough that 59 % of all statements are covered. */
const toUntested = ([statements, missed]: readonly [number, number]): string => {
  const wanted = Math.ceil((statements - missed) / 0.595) - statements
  return Array.from({ length: wanted }, (_, at) => `VALUE_${at} = ${at}\n`).join('')
}

/** What is wrong with a commit: the file that it adds to, its text, the step that fails and what it says. */
type Fault = readonly [fault: string, file: string, toText: () => string, step: string, RegExp]

const failingTest: Fault = [
  'a failing test',
  'profiles/tests.py',
  () => '\n\ndef test_of_today():\n    assert Profile._meta.db_table == "profile"\n',
  'pytest --cov --cov-fail-under=80',
  /1 failed/,
]

describe.each(kinds)('the pipeline of $ci', (kind) => {
  const { app, steps } = kind
  let coverage: readonly [number, number] = [0, 0]

  test('green: the image is pushed, and the commit is live', async () => {
    const result = await push(kind, repository.first)
    expect(result, result.output).toMatchObject({ conclusion: 'success', steps, failed: null })
    coverage = readCoverage(result.output)
    expect(await readImage(app, repository.first)).toBe(200)
    const deployment = await stage.nextDeployment(app)
    expectDeployed(deployment, { commit: repository.first })
    expect(JSON.parse(await stage.ask(app, '/healthz'))).toEqual({
      status: 'ok',
      revision: repository.first,
    })
    expect(await askSite(stage.port(app), '/lettings/', host)).toContain(
      'No lettings are available.',
    )
    expect(await askSite(stage.port(app), '/static/style.css', host)).toMatch(/^200 body \{/)
    const format = '{{.Config.User}} {{index .Config.Labels "org.opencontainers.image.revision"}}'
    expect(await docker(['inspect', '--format', format, `landfall-${app}.1`])).toBe(
      `10001:10001 ${repository.first}\n`,
    )
  })

  test('its image ends at the start where a needed setting is missing', async () => {
    const image = `${stage.team.registry}/acme/${app}:${repository.first}`
    await expect(docker(['run', '--rm', image])).rejects.toThrow(
      'The environment variable SECRET_KEY is missing or empty.',
    )
  })

  /** In the usual size one that each step finds. */
  const faults: readonly Fault[] = [
    ['a lint error', 'lettings/views.py', () => 'import os\n', 'flake8', /F401 'os' imported/],
    ...inFull([failingTest], []),
    [
      'a coverage of 59 %',
      'lettings/untested.py',
      () => toUntested(coverage),
      'pytest --cov --cov-fail-under=80',
      /coverage of 80% not reached. Total coverage: 59\.\d\d%/,
    ],
  ]

  test.each(faults)(
    'red by %s: nothing is built or deployed',
    async (fault, file, toText, step, said) => {
      const commit = await repository.change(`Add ${fault}`, file, toText())
      const result = await push(kind, commit)
      expect(result).toMatchObject({ conclusion: 'failure', failed: `test: ${step}` })
      expect(result.output).toMatch(said)
      expect(await readImage(app, commit)).toBe(404)
      const { operators } = stage.team
      await expect
        .poll(() => operators.invoke('status', { app, revision: commit }), { timeout: 60_000 })
        .toMatchObject({ status: 'refused', reason: 'ci_failed' })
      const { deployments } = await operators.status(app)
      expect(deployments.map(({ commit: deployed }) => deployed)).toEqual([repository.first])
      expect(JSON.parse(await stage.ask(app, '/healthz'))).toMatchObject({
        revision: repository.first,
      })
    },
  )
})
