import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { CommandFate, Faults } from '../faults.ts'
import { searchPath, type Agent, type Job } from './agent.ts'
import type { Command, Invocation } from './command.ts'
import { toLostReply, workerLost, type Reply } from './reply.ts'
import type { Timers } from '../timers.ts'

interface FateParts {
  readonly faults: Faults
  readonly directory: string
  readonly timers: Timers
  /** SSM's own verdict. */
  readonly end: (
    commandId: string,
    instanceId: string,
    status: Invocation['status'],
    statusDetails: string,
  ) => void
  readonly hear: (commandId: string, instanceId: string, reply: Reply) => void
}

export interface Fates {
  /** Hands the job to its agent, or does what becomes of it instead; false where the agent has no room. */
  accept(command: Command, instanceId: string, job: Job, agent: Agent): boolean
  /** Passes a reply on as SSM hears of it: perhaps late, cut, or never. */
  tell(commandId: string, instanceId: string, reply: Reply): void
}

const killDelayMilliseconds = 50

const describeFullDisk = (commandId: string, instanceId: string): string =>
  `write /var/lib/amazon/ssm/${instanceId}/channels/${commandId}/tmp/master-000: no space left on device`

/** A directory whose `date` is that of a machine whose clock is so much ahead. */
const writeWrongClock = (directory: string, seconds: number): string => {
  const shims = join(directory, `clock-${seconds}`)
  mkdirSync(shims, { recursive: true })
  const script = `#!/bin/sh\nexec /bin/date --date="now ${seconds >= 0 ? '+' : ''}${seconds} seconds" "$@"\n`
  writeFileSync(join(shims, 'date'), script, { mode: 0o755 })
  return shims
}

const withClock = (job: Job, shims: string): Job => ({
  ...job,
  environment: { ...job.environment, PATH: `${shims}:${searchPath}` },
})

/** What goes wrong on demand between SSM and its agents. */
export const createFates = ({ faults, directory, timers, end, hear }: FateParts): Fates => {
  const fates = new Map<string, CommandFate>()
  const follow = ({ id }: Command, instanceId: string, fate: CommandFate, agent: Agent): void => {
    const kill = (): void => agent.kill(id)
    if (fate === 'kill') timers.after(killDelayMilliseconds, kill)
    if (typeof fate === 'string') return
    if (fate.kind === 'kill' || fate.kind === 'lose_worker') void fate.when().then(kill)
    if (fate.kind === 'restart_agent') agent.restart()
    if (fate.kind === 'forget')
      timers.after(fate.milliseconds, () => end(id, instanceId, 'TimedOut', 'DeliveryTimedOut'))
  }
  /** Whether the agent gets nothing to run. */
  const isKeptBack = ({ id }: Command, instanceId: string, fate: CommandFate): boolean => {
    if (fate === 'lose') return true
    if (typeof fate === 'string') return false
    const full = describeFullDisk(id, instanceId)
    if (fate.kind === 'undeliverable') end(id, instanceId, 'Failed', 'Undeliverable')
    else if (fate.kind === 'disk_full') hear(id, instanceId, toLostReply(full))
    else if (fate.kind === 'read_only') hear(id, instanceId, toLostReply(null))
    else return false
    return true
  }
  return {
    accept: (command, instanceId, job, agent) => {
      const key = `${command.id}/${instanceId}`
      const fate = fates.get(key) ?? faults.onCommand(instanceId, command.id, command.documentName)
      fates.set(key, fate)
      if (isKeptBack(command, instanceId, fate)) return true
      const isSkewed = typeof fate === 'object' && fate.kind === 'wrong_clock'
      const own = isSkewed ? withClock(job, writeWrongClock(directory, fate.seconds)) : job
      const isTaken = agent.accept(own)
      if (isTaken) follow(command, instanceId, fate, agent)
      return isTaken
    },
    tell: (commandId, instanceId, reply) => {
      const key = `${commandId}/${instanceId}`
      const fate = fates.get(key) ?? 'run'
      fates.delete(key)
      const pass = (heard = reply): void => hear(commandId, instanceId, heard)
      if (typeof fate === 'string') return pass()
      if (fate.kind === 'forget') return
      if (fate.kind === 'restart_agent') return timers.after(fate.milliseconds, pass)
      if (fate.kind === 'lose_worker')
        return timers.after(fate.milliseconds, () => pass(toLostReply(workerLost)))
      if (fate.kind !== 'cut_output') return pass()
      const standardOutput = reply.standardOutput.slice(0, fate.characters)
      pass({ ...reply, output: standardOutput, standardOutput, standardError: '' })
    },
  }
}
