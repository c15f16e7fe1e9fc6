import { existsSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { docker, findEngineHost, run } from './docker.ts'
import { canInstall, ensurePrograms, findProgram, print, programs, type Say } from './packages.ts'
import { spawnBound } from './spawn-bound.ts'

export interface Engine {
  /** As `DOCKER_HOST` takes it. */
  readonly dockerHost: string
  /** Stops the engine if it was started here. */
  readonly stop: () => Promise<void>
}

const startSeconds = 60

const answers = async (): Promise<boolean> => {
  const version = docker(['version', '--format', '{{.Server.Version}}'])
  return version.then(
    () => true,
    () => false,
  )
}

const waitForAnswer = async (hasEnded: () => boolean): Promise<boolean> => {
  const until = Date.now() + startSeconds * 1000
  while (Date.now() < until && !hasEnded()) {
    if (await answers()) return true
    await sleep(250)
  }
  return answers()
}

const startDaemon = async (): Promise<Engine['stop']> => {
  const directory = mkdtempSync(join(tmpdir(), 'landfall-engine-'))
  const log = join(directory, 'dockerd.log')
  const output = openSync(log, 'w')
  const daemon = spawnBound(findProgram('dockerd') ?? 'dockerd', [], {
    // Its own group, so that Ctrl-C reaches it only through stop(), after the containers' owner.
    detached: true,
    stdio: ['ignore', output, output],
  })
  const ended = new Promise<void>((resolve) => {
    daemon.once('exit', () => resolve())
    daemon.once('error', () => resolve())
  })
  const hasEnded = (): boolean => daemon.exitCode !== null || daemon.pid === undefined
  if (!(await waitForAnswer(hasEnded))) {
    daemon.kill()
    const lastLine = readFileSync(log, 'utf8').trim().split('\n').at(-1) ?? ''
    throw new Error(`the Docker Engine did not start (${log}): ${lastLine}`)
  }
  daemon.unref()
  return async () => {
    daemon.ref()
    daemon.kill('SIGTERM')
    await ended
    rmSync(directory, { recursive: true })
  }
}

const startService = async (): Promise<Engine['stop']> => {
  await run('systemctl', ['start', 'docker'])
  if (!(await waitForAnswer(() => false)))
    throw new Error('the docker service was started and does not answer: journalctl -u docker')
  // A service of the machine from now on, like any other package's.
  return async () => undefined
}

const agrees = async (question: string): Promise<boolean> => {
  if (!process.stdin.isTTY) return true
  const terminal = createInterface({ input: process.stdin, output: process.stdout })
  const answer = await terminal.question(`${question} [Y/n] `)
  terminal.close()
  return !/^n/i.test(answer.trim())
}

const isInstalled = (): boolean => findProgram('docker') !== null && findProgram('dockerd') !== null

/** @throws where the engine is another machine's: told before anything asks whether it answers */
export const refuseRemoteEngine = async (): Promise<void> => {
  const isNamed = (process.env['DOCKER_HOST'] ?? '') !== ''
  if (isNamed || findProgram('docker') !== null) await findEngineHost()
}

/** Uses the engine that answers; else, as root on Debian, installs and starts one, saying so. */
export const ensureEngine = async (say: Say = print): Promise<Engine> => {
  const keep = async (): Promise<void> => undefined
  await refuseRemoteEngine()
  if (await answers()) return { dockerHost: await findEngineHost(), stop: keep }
  const help = 'no Docker Engine answers: start it, or install it (https://docs.docker.com/engine)'
  if (process.env['DOCKER_HOST'] !== undefined || !canInstall()) throw new Error(help)
  if (!isInstalled() && !(await agrees('No Docker Engine here. Install docker.io?')))
    throw new Error(help)
  await ensurePrograms([programs.docker, programs.dockerd, programs.iptables], say)
  say('starting the Docker Engine')
  // Installing may have started it already.
  if (await answers()) return { dockerHost: await findEngineHost(), stop: keep }
  const stop = existsSync('/run/systemd/system') ? await startService() : await startDaemon()
  return { dockerHost: await findEngineHost(), stop }
}
