import { join } from 'node:path'
import type { Account } from '../account.ts'
import type { Instance } from '../fleet.ts'
import type { DocumentContent } from './document.ts'
import type { ParameterValues } from './parameters.ts'
import { toReply, type Reply, type Stopped } from './reply.ts'
import type { RunningScript, RunScript, ScriptOrder } from './run-script.ts'

export interface Job {
  readonly commandId: string
  /** As SSM sends them; what follows is what an agent makes of them. */
  readonly documentName: string
  readonly content: DocumentContent
  readonly parameters: ParameterValues
  readonly stepName: string
  readonly script: string
  readonly timeoutSeconds: number
  readonly workingDirectory: string | undefined
  /** ENV_VAR parameters and `inputs.environment`. */
  readonly environment: Readonly<Record<string, string>>
}

export interface AgentEvents {
  /** The agent has taken the command, which may wait for its turn. */
  readonly onAccept: (commandId: string) => void
  readonly onStart: (commandId: string) => void
  readonly onReply: (commandId: string, reply: Reply) => void
}

export interface Agent {
  /** Whether it has room for the command. */
  accept(job: Job): boolean
  /** SIGKILL to the script's group. A command that waits is not begun, and no reply is sent, until the agent starts again. */
  cancel(commandId: string): void
  /** SIGKILL by something else. */
  kill(commandId: string): void
  /** Scripts go on. What waited, cancelled or not, has its turn. */
  restart(): void
  stop(): Promise<void>
}

/** How an instance gets an agent. Another one stands in where the emulator's is measured by it. */
export type StartAgent = (
  account: Account,
  instance: Instance,
  directory: string,
  events: AgentEvents,
) => Agent

/** `Mds.CommandWorkersLimit` of the agent: so many run, and as many wait. */
const workers = 5

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

/** The scripts that run, and how each ends. */
const createScripts = (runScript: RunScript) => {
  const running = new Map<string, RunningScript>()
  const stopped = new Map<string, Stopped>()
  const stop = (commandId: string, why: Stopped): void => {
    const script = running.get(commandId)
    if (script === undefined || stopped.has(commandId)) return
    stopped.set(commandId, why)
    script.kill()
  }
  const run = async ({ commandId, timeoutSeconds }: Job, order: ScriptOrder): Promise<Reply> => {
    const script = runScript(order)
    running.set(commandId, script)
    const timer = setTimeout(() => stop(commandId, 'timed_out'), timeoutSeconds * 1000)
    const end = await script.ended.catch((error: unknown) => ({
      exitCode: 1,
      stdout: '',
      stderr: error instanceof Error ? error.message : String(error),
    }))
    clearTimeout(timer)
    running.delete(commandId)
    const why = stopped.get(commandId) ?? null
    stopped.delete(commandId)
    return toReply(end, why)
  }
  const killAll = async (): Promise<void> => {
    const ends = [...running.values()].map(({ ended }) => ended.catch(() => null))
    for (const script of running.values()) script.kill()
    await Promise.all(ends)
  }
  return { run, stop, killAll, kill: (id: string) => running.get(id)?.kill(), running }
}

/** One instance's agent: it takes ten commands, and runs five scripts at once. */
export const startAgent =
  (runScript: RunScript): StartAgent =>
  (account, instance, directory, events) => {
    const scripts = createScripts(runScript)
    let waiting: Job[] = []
    /** Cancelled while they waited: on the agent's disk until its next start. */
    let kept: Job[] = []
    let isStopped = false

    const carryOut = async (job: Job): Promise<void> => {
      const reply = await scripts.run(job, {
        script: job.script,
        directory: join(directory, instance.id, 'orchestration', job.commandId, job.stepName),
        environment: toEnvironment(account, instance, job),
        workingDirectory: job.workingDirectory ?? '/usr/bin',
        enter: instance.enter,
      })
      if (!isStopped) events.onReply(job.commandId, reply)
    }

    const next = (): void => {
      while (scripts.running.size < workers) {
        const job = isStopped ? undefined : waiting.shift()
        if (!job) return
        events.onStart(job.commandId)
        void carryOut(job).finally(next)
      }
    }

    return {
      accept: (job) => {
        if (scripts.running.size + waiting.length >= 2 * workers) return false
        events.onAccept(job.commandId)
        waiting.push(job)
        next()
        return true
      },
      cancel: (commandId) => {
        scripts.stop(commandId, 'cancelled')
        kept.push(...waiting.filter((job) => job.commandId === commandId))
        waiting = waiting.filter((job) => job.commandId !== commandId)
      },
      kill: scripts.kill,
      restart: () => {
        waiting.push(...kept)
        kept = []
        next()
      },
      stop: async () => {
        isStopped = true
        await scripts.killAll()
      },
    }
  }
