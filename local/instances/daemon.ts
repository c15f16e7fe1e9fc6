import type { ChildProcess } from 'node:child_process'
import { mkdirSync, openSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { StartError } from '../base/listen.ts'
import { docker } from '../docker/docker.ts'
import { spawnBound } from '../docker/spawn-bound.ts'
import { toEnter } from './network.ts'

export interface Daemon {
  readonly dockerHost: string
  stop(): Promise<void>
}

export interface DaemonOptions {
  /** Put before the engine's command; it is executed in the same process. */
  readonly before?: readonly string[]
  /** What `daemon.json` holds. */
  readonly config?: object
}

const startSeconds = 60
const stopSeconds = 60

const toArguments = (namespace: string, runDirectory: string, directory: string): string[] => [
  '--config-file',
  join(runDirectory, 'daemon.json'),
  '--host',
  `unix://${join(runDirectory, 'docker.sock')}`,
  '--pidfile',
  join(runDirectory, 'docker.pid'),
  '--exec-root',
  join(runDirectory, 'exec'),
  '--data-root',
  join(directory, 'docker'),
  // A containerd of the system, if there is one, must not mix the engines' containers.
  '--containerd-namespace',
  namespace,
  '--containerd-plugins-namespace',
  `plugins.${namespace}`,
]

const waitForAnswer = async (child: ChildProcess, dockerHost: string): Promise<boolean> => {
  const until = Date.now() + startSeconds * 1000
  while (Date.now() < until && child.exitCode === null) {
    const version = docker(['version'], { dockerHost })
    if (
      await version.then(
        () => true,
        () => false,
      )
    )
      return true
    await sleep(200)
  }
  return false
}

const stopChild = async (child: ChildProcess): Promise<void> => {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => resolve())
  })
  child.kill('SIGTERM')
  // It stops its containers first, each with its own patience.
  const isLate = await Promise.race([ended, sleep(stopSeconds * 1000, 'late', { ref: false })])
  if (isLate === 'late') child.kill('SIGKILL')
  await ended
}

/** A Docker Engine of its own inside a namespace; its images and containers stay in `directory`. */
export const startDaemon = async (
  namespace: string,
  runDirectory: string,
  directory: string,
  { before = [], config = {} }: DaemonOptions = {},
): Promise<Daemon> => {
  mkdirSync(runDirectory, { recursive: true })
  mkdirSync(directory, { recursive: true })
  writeFileSync(join(runDirectory, 'daemon.json'), JSON.stringify(config))
  const log = join(directory, 'dockerd.log')
  const output = openSync(log, 'a')
  const order = [
    ...toEnter(namespace),
    ...before,
    'dockerd',
    ...toArguments(namespace, runDirectory, directory),
  ]
  const [program, ...rest] = order
  const child = spawnBound(program ?? 'nsenter', rest, {
    detached: true,
    stdio: ['ignore', output, output],
  })
  const dockerHost = `unix://${join(runDirectory, 'docker.sock')}`
  if (!(await waitForAnswer(child, dockerHost))) {
    await stopChild(child)
    throw new StartError(`The Docker Engine of ${namespace} did not start, see ${log}`)
  }
  return { dockerHost, stop: () => stopChild(child) }
}
