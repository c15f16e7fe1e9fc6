import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import { findProgram } from '../../local/docker/packages.ts'
import { runPipeline, runWith, type Pipeline, type StandIns, type Variables } from './pipeline.ts'

/** The team's image as its files name it. */
export const exampleImage = 'acme/oc-lettings'

interface CiFacts {
  /** Everything that the jobs keep goes in here. */
  readonly directory: string
  /** The team's repository, which `checkout` clones. */
  readonly repository: string
  /** A directory with `python`, `pip`, `pytest` and `flake8`. */
  readonly python: string
  readonly docker: DockerFacts | null
}

interface DockerFacts {
  /** `localhost:5000`: the registry in the place of Docker Hub. */
  readonly registry: string
  /** What `exampleImage` is called there. */
  readonly image: string
  /** In the place of `python:3.12-slim`. */
  readonly base: string
}

/** Debian's Python under the names that CI's Python has; pip finds that the packages are there. */
export const linkDebianPython = (directory: string): string => {
  mkdirSync(directory)
  for (const [name, program] of [
    ['python', 'python3'],
    ['python3', 'python3'],
    ['pytest', 'pytest'],
    ['flake8', 'flake8'],
  ] as const)
    symlinkSync(join('/usr/bin', program), join(directory, name))
  writeFileSync(join(directory, 'pip'), pip, { mode: 0o755 })
  return directory
}

/** Debian has some under another name, and all in its own version. */
const pip = `#!/usr/bin/python3
import re, sys
from importlib.metadata import distribution

def check(file):
    for line in open(file).read().split():
        name = re.match(r"\\w[\\w-]*", line)
        if line.endswith(".txt"):
            check(line)
        elif name:
            found = distribution({"psycopg2-binary": "psycopg2"}.get(name[0], name[0]))
            print(f"{name[0]}: {found.version} of Debian in the place of {line}")

assert sys.argv[1:3] == ["install", "-r"], sys.argv
check(sys.argv[3])
`

/** `docker` with the local registry as Docker Hub, and a base that can be pulled without a network. */
const writeDocker = (directory: string, { registry, image, base }: DockerFacts): void => {
  const program = findProgram('docker') ?? 'docker'
  const script = `#!/bin/sh
set -eu
order=$1
shift
case $order in
  login) set -- "$@" ${registry} ;;
  build) set -- --build-arg BASE=${base} "$@" ;;
esac
for word; do
  shift
  case $word in ${exampleImage}:*) word=${image}:\${word#*:} ;; esac
  set -- "$@" "$word"
done
exec ${program} "$order" "$@"
`
  writeFileSync(join(directory, 'docker'), script, { mode: 0o755 })
}

const linesOf = (text = ''): readonly string[] =>
  text
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean)

/** No input may be overlooked: it would be a part of the pipeline that is not run. */
const expectInputs = (inputs: Variables, known: readonly string[]): void => {
  const unknown = Object.keys(inputs).filter((name) => !known.includes(name))
  if (unknown.length > 0) throw new Error(`nothing stands in for the input ${unknown.join(', ')}`)
}

const createStandIns = (repository: string): StandIns => {
  const nothing: StandIns[string] = async () => ({ code: 0, output: '' })
  const checkout: StandIns[string] = (workspace, environment) => {
    const commit = environment['GITHUB_SHA'] ?? environment['CIRCLE_SHA1'] ?? ''
    const order =
      'git -c advice.detachedHead=false clone --quiet "$1" . && git checkout --quiet "$2"'
    return runWith(['sh', '-ec', order, 'checkout', repository, commit], workspace, environment)
  }
  return {
    // A clone of the team's repository on this machine.
    'actions/checkout': checkout,
    checkout,
    // The Python that comes first on the PATH.
    'actions/setup-python': nothing,
    // The engine and the builder of this machine.
    'docker/setup-buildx-action': nothing,
    setup_remote_docker: nothing,
    'docker/login-action': (workspace, environment, inputs) => {
      expectInputs(inputs, ['username', 'password'])
      const { username = '', password = '' } = inputs
      const order = ['docker', 'login', '--username', username, '--password-stdin']
      return runWith(order, workspace, environment, password)
    },
    'docker/build-push-action': (workspace, environment, inputs) => {
      expectInputs(inputs, ['context', 'push', 'build-args', 'tags'])
      const tags = linesOf(inputs['tags'])
      const settings = linesOf(inputs['build-args']).flatMap((one) => ['--build-arg', one])
      const build = [...settings, ...tags.flatMap((tag) => ['--tag', tag]), inputs['context'] ?? '']
      const pushes = inputs['push'] === 'true' ? tags.map((tag) => `docker push ${tag}`) : []
      const order = ['docker build "$@"', ...pushes].join('\n')
      return runWith(['sh', '-ec', order, 'build', ...build], workspace, environment)
    },
  }
}

/**
 * A machine of the CI: nothing of this one's environment but the way to its engine. Each run has a
 * directory of its own.
 */
export const createCi = ({ directory, repository, python, docker }: CiFacts) => {
  const bin = join(directory, 'bin')
  const home = join(directory, 'home')
  for (const path of [bin, home]) mkdirSync(path, { recursive: true })
  if (docker !== null) writeDocker(bin, docker)
  const engine = process.env['DOCKER_HOST']
  const environment = {
    CI: 'true',
    HOME: home,
    LANG: 'C.UTF-8',
    PATH: [bin, python, '/usr/bin', '/bin'].join(':'),
    ...(engine !== undefined && { DOCKER_HOST: engine }),
  }
  let runs = 0
  return (pipeline: Pipeline) => {
    runs += 1
    const run = join(directory, `run-${runs}`)
    mkdirSync(run)
    return runPipeline(pipeline, {
      directory: run,
      environment,
      standIns: createStandIns(repository),
    })
  }
}

/** A repository with the example as its first commit, to which others are added. */
export const createRepository = async (directory: string, example: string) => {
  const environment = {
    PATH: '/usr/bin:/bin',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_CONFIG_SYSTEM: '/dev/null',
    ...Object.fromEntries(
      ['AUTHOR', 'COMMITTER'].flatMap((role) => [
        [`GIT_${role}_NAME`, 'Ada'],
        [`GIT_${role}_EMAIL`, 'ada@example.com'],
      ]),
    ),
  }
  const inRepository = async (order: string, ...args: readonly string[]): Promise<string> => {
    const result = await runWith(['sh', '-ec', order, 'git', ...args], directory, environment)
    if (result.code !== 0) throw new Error(`${order}: ${result.output}`)
    return result.output.trim()
  }
  const commit = (message: string): Promise<string> =>
    inRepository(
      'git add --all && git commit --quiet --message "$1" && git rev-parse HEAD',
      message,
    )
  mkdirSync(directory)
  await inRepository('git init --quiet && cp -R "$1"/. .', example)
  const first = await commit('Add the app')
  return {
    first,
    /** A commit on top of the first: the file with this text at its end. */
    change: async (message: string, file: string, text: string): Promise<string> => {
      await inRepository('git checkout --quiet --detach "$1"', first)
      await inRepository('mkdir -p "$(dirname "$1")" && printf "%s" "$2" >> "$1"', file, text)
      return commit(message)
    },
  }
}

/** As a browser asks, by a name of the site or by its address; status and body. */
export const askSite = (port: number, path: string, host: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const where = { host: '127.0.0.1', port, path, headers: { host }, agent: false }
    request(where, (response) => {
      let text = `${response.statusCode} `
      response.on('data', (chunk: Buffer) => (text += chunk.toString()))
      response.on('end', () => resolve(text))
    })
      .on('error', reject)
      .end()
  })
