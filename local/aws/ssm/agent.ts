import { join } from 'node:path'
import type { Account } from '../account.ts'
import type { Instance } from '../fleet.ts'
import type { RunningScript, RunScript, ScriptEnd } from './run-script.ts'

export interface Job {
  readonly commandId: string
  readonly stepName: string
  readonly script: string
  readonly timeoutSeconds: number
  readonly workingDirectory: string | undefined
  /** ENV_VAR parameters and `inputs.environment`. */
  readonly environment: Readonly<Record<string, string>>
}

export interface JobEnd extends ScriptEnd {
  readonly status: 'Success' | 'Failed' | 'TimedOut' | 'Cancelled'
}

export interface AgentEvents {
  /** False where the command may not begin any more (cancelled, delivery timeout). */
  readonly onStart: (commandId: string) => boolean
  readonly onEnd: (commandId: string, end: JobEnd) => void
}

export interface Agent {
  accept(job: Job): void
  /** SIGKILL to the script's group, if it runs here. */
  cancel(commandId: string): void
  /** SIGKILL without being asked: what a machine that dies does. */
  kill(commandId: string): void
  stop(): Promise<void>
}

/** `Mds.CommandWorkersLimit` of the agent. */
const workers = 5

const killedCode = 137

/** Where a script finds its programs. */
export const searchPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

/** The environment that systemd and the agent give to a script: no HOME. */
const toEnvironment = (account: Account, instance: Instance, job: Job): Record<string, string> => ({
  PATH: searchPath,
  LANG: 'C.UTF-8',
  AWS_SSM_INSTANCE_ID: instance.id,
  AWS_SSM_REGION_NAME: account.region,
  AWS_SSM_PLATFORM_NAME: 'Debian GNU/Linux',
  AWS_SSM_PLATFORM_VERSION: '12',
  LANDFALL_ROOT: instance.stateRoot,
  ...(instance.network === null ? {} : { LANDFALL_NETWORK: instance.network }),
  ...(instance.dockerHost === null ? {} : { DOCKER_HOST: instance.dockerHost }),
  ...job.environment,
  SSM_COMMAND_ID: job.commandId,
})

/** The agent knows no more than the exit code: 137 counts as timed out unless a cancel was asked for. */
const toStatus = (exitCode: number, isCancelled: boolean): JobEnd['status'] => {
  if (exitCode === 0) return 'Success'
  if (exitCode !== killedCode) return 'Failed'
  return isCancelled ? 'Cancelled' : 'TimedOut'
}

/** One instance's agent: at most five scripts at once, the others wait their turn. */
export const startAgent = (
  account: Account,
  instance: Instance,
  directory: string,
  events: AgentEvents,
  runScript: RunScript,
): Agent => {
  const waiting: Job[] = []
  const running = new Map<string, RunningScript>()
  const cancelled = new Set<string>()
  let isStopped = false

  const toOrder = (job: Job) => ({
    script: job.script,
    directory: join(directory, instance.id, 'orchestration', job.commandId, job.stepName),
    environment: toEnvironment(account, instance, job),
    workingDirectory: job.workingDirectory ?? '/usr/bin',
    enter: instance.enter,
  })

  const carryOut = async (job: Job): Promise<void> => {
    const script = runScript(toOrder(job))
    running.set(job.commandId, script)
    const timer = setTimeout(() => script.kill(), job.timeoutSeconds * 1000)
    const end = await script.ended.catch((error: unknown) => ({
      exitCode: 1,
      stdout: '',
      stderr: error instanceof Error ? error.message : String(error),
    }))
    clearTimeout(timer)
    running.delete(job.commandId)
    const status = toStatus(end.exitCode, cancelled.has(job.commandId))
    if (!isStopped) events.onEnd(job.commandId, { ...end, status })
  }

  const next = (): void => {
    while (running.size < workers) {
      const job = isStopped ? undefined : waiting.shift()
      if (!job) return
      if (events.onStart(job.commandId)) void carryOut(job).finally(next)
    }
  }

  return {
    accept: (job) => {
      waiting.push(job)
      next()
    },
    cancel: (commandId) => {
      cancelled.add(commandId)
      running.get(commandId)?.kill()
    },
    kill: (commandId) => running.get(commandId)?.kill(),
    stop: async () => {
      isStopped = true
      const ends = [...running.values()].map(({ ended }) => ended.catch(() => null))
      for (const script of running.values()) script.kill()
      await Promise.all(ends)
    },
  }
}
