import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, type TestContext } from 'vitest'
import { freePort } from '../../local/docker/free-port.ts'
import { ensurePrograms } from '../../local/docker/packages.ts'
import { askSite, createCi, createRepository, linkDebianPython } from '../support/django-ci.ts'
import { djangoPrograms } from '../support/django-packages.ts'
import { ensurePypiPython } from '../support/django-pypi.ts'
import { readGithubPipeline } from '../support/pipeline-github.ts'
import { runWith, type Variables } from '../support/pipeline.ts'
import { createPostgres } from '../support/postgres.ts'
import { isFull } from '../support/size.ts'
import { waitFor } from '../support/wait.ts'

const example = join(import.meta.dirname, '../../examples/django')
const host = 'lettings.example.com'
const directory = mkdtempSync(join(tmpdir(), 'landfall-django-'))
const source = join(directory, 'oc-lettings')
const debian = join(directory, 'debian')
let commit = ''

beforeAll(async () => {
  await ensurePrograms(djangoPrograms)
  linkDebianPython(debian)
  commit = (await createRepository(source, example)).first
})
afterAll(() => rmSync(directory, { recursive: true, force: true }))

const toEnvironment = (python: string, port: number, database: string): Variables => ({
  PATH: `${python}:/usr/bin:/bin`,
  LANG: 'C.UTF-8',
  PORT: String(port),
  WEB_CONCURRENCY: '1',
  ALLOWED_HOSTS: host,
  SECRET_KEY: 'the key of this test',
  DATABASE_PATH: database,
  REVISION: commit,
})

const manage = async (environment: Variables, ...order: readonly string[]): Promise<void> => {
  const result = await runWith(['python', 'manage.py', ...order, '--noinput'], source, environment)
  expect(result, result.output).toMatchObject({ code: 0 })
}

/** Gunicorn as the image's command starts it, and what it says. */
const serve = (environment: Variables) => {
  const child = spawn('python', ['-m', 'gunicorn'], { cwd: source, env: { ...environment } })
  const ended = once(child, 'exit')
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => (output += chunk.toString()))
  return {
    said: (): string => output,
    hasEnded: (): boolean => child.exitCode !== null,
    stop: async (): Promise<void> => {
      child.kill()
      await ended
    },
  }
}

const byIp = '192.0.2.1'

const showApp = async (python: string): Promise<void> => {
  const port = await freePort()
  const data = mkdtempSync(join(directory, 'data-'))
  const environment = toEnvironment(python, port, join(data, 'oc-lettings.sqlite3'))
  await manage(environment, 'collectstatic')
  await manage(environment, 'migrate')
  const app = serve(environment)
  try {
    const health = (): Promise<string> => askSite(port, '/healthz', byIp)
    await waitFor('gunicorn answers', () =>
      health().then(
        () => true,
        () => app.hasEnded(),
      ),
    )
    expect(await health(), app.said()).toBe(`200 {"status": "ok", "revision": "${commit}"}`)
    expect(await askSite(port, '/', byIp)).toMatch(/^400 /)
    expect(await askSite(port, '/', host)).toContain('Welcome to Holiday Homes')
    expect(await askSite(port, '/profiles/', host)).toContain('No profiles are available.')
    expect(await askSite(port, '/nowhere/', host)).toMatch(/^404 [^]*This page does not exist/)
    expect(await askSite(port, '/static/style.css', host)).toMatch(/^200 body /)
    expect(await askSite(port, '/admin/login/', host)).toMatch(/^200 [^]*csrfmiddlewaretoken/)
    rmSync(data, { recursive: true })
    expect(await health()).toMatch(/^503 [^]*no database/)
  } finally {
    await app.stop()
  }
}

const showMissing = async (python: string): Promise<void> => {
  const { SECRET_KEY: _, ...rest } = toEnvironment(python, await freePort(), ':memory:')
  const app = serve(rest)
  await waitFor('gunicorn has ended', app.hasEnded)
  expect(app.said()).toContain('The environment variable SECRET_KEY is missing or empty.')
}

describe('the app with Debian’s Django', () => {
  test('answers under gunicorn, its health check by IP address too', () => showApp(debian))
  test('ends at the start where a needed setting is missing', () => showMissing(debian))
})

/** A server that is not installed is not installed for this: it would start by itself from then on. */
if (isFull)
  test('uses PostgreSQL by its address, and tells when it is gone and back', async (context) => {
    const postgres = await createPostgres()
    if (postgres === null) {
      process.stdout.write('skipped: the app with PostgreSQL, which is not installed\n')
      return context.skip()
    }
    const port = await freePort()
    const { DATABASE_PATH: _, ...rest } = toEnvironment(debian, port, '')
    const environment = { ...rest, DATABASE_URL: postgres.url }
    const isMigrated = async (): Promise<boolean> =>
      (await runWith(['python', 'manage.py', 'migrate'], source, environment)).code === 0
    const isAnswered = (start: string) => (): Promise<boolean> =>
      askSite(port, '/healthz', byIp).then(
        (answer) => answer.startsWith(start),
        () => false,
      )
    let app: ReturnType<typeof serve> | null = null
    try {
      await postgres.start()
      await waitFor('the migration succeeds', isMigrated)
      app = serve(environment)
      await waitFor('the app is healthy', isAnswered('200 {"status": "ok"'))
      expect(await askSite(port, '/lettings/', host)).toContain('No lettings are available.')
      await postgres.stop()
      await waitFor('the app tells it', isAnswered('503 {"status": "no database"'))
      await postgres.start()
      await waitFor('the app is healthy again', isAnswered('200 {"status": "ok"'))
      expect(await askSite(port, '/lettings/', host)).toContain('No lettings are available.')
    } finally {
      await app?.stop()
      await postgres.close()
    }
  })

/** Where PyPI does not answer, a line says so. */
if (isFull)
  describe('the app with the Django of PyPI', () => {
    let python: string | null = null
    beforeAll(async () => {
      python = await ensurePypiPython()
    })
    const withPypi = (show: (found: string) => Promise<void>) => (context: TestContext) =>
      python === null ? context.skip() : show(python)

    test(
      'passes the steps of its pipeline',
      withPypi(async (found) => {
        const ci = createCi({
          directory: join(directory, 'ci'),
          repository: source,
          python: found,
          docker: null,
        })
        const text = readFileSync(join(example, '.github/workflows/ci.yml'), 'utf8')
        const trigger = { event: 'pull_request', branch: 'feature', commit, secrets: {} } as const
        const result = await ci(readGithubPipeline(text, trigger))
        expect(result, result.output).toMatchObject({ conclusion: 'success', failed: null })
        expect(result.output).toMatch(/^Requirement already satisfied: Django==5\./m)
        expect(result.steps.at(-1)).toBe('test: pytest --cov --cov-fail-under=80')
      }),
    )
    test('answers under gunicorn, its health check by IP address too', withPypi(showApp))
    test('ends at the start where a needed setting is missing', withPypi(showMissing))
  })
