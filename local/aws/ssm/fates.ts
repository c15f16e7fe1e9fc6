import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { CommandFate, Faults } from '../faults.ts'
import { searchPath, type Agent, type Job, type JobEnd } from './agent.ts'
import type { Command, Invocation } from './command.ts'
import type { Timers } from '../timers.ts'

interface FateParts {
  readonly faults: Faults
  readonly directory: string
  readonly timers: Timers
  readonly end: (
    commandId: string,
    instanceId: string,
    status: Invocation['status'],
    statusDetails: string,
    agentWords?: string,
  ) => void
}

export interface Fates {
  /** Hands the job to its agent, or does what becomes of it instead. */
  accept(command: Command, instanceId: string, job: Job, toAgent: () => Agent): void
  /** Tells the end of a script as SSM hears of it: perhaps late, cut, or never. */
  tell(commandId: string, instanceId: string, end: JobEnd, hear: (end: JobEnd) => void): void
}

const killDelayMilliseconds = 50

const noSpace =
  'document process failed unexpectedly: write /var/lib/amazon/ssm/document/_script.sh: no space left on device , check [ssm-document-worker]/[ssm-session-worker] log for crash reason'

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
export const createFates = ({ faults, directory, timers, end }: FateParts): Fates => {
  const fates = new Map<string, CommandFate>()
  const run = (command: Command, instanceId: string, fate: CommandFate, job: Job, agent: Agent) => {
    agent.accept(job)
    const kill = (): void => agent.kill(command.id)
    if (fate === 'kill') return timers.after(killDelayMilliseconds, kill)
    if (typeof fate === 'string') return
    if (fate.kind === 'kill') void fate.when().then(kill)
    if (fate.kind === 'forget')
      timers.after(fate.milliseconds, () =>
        end(command.id, instanceId, 'TimedOut', 'DeliveryTimedOut'),
      )
  }
  return {
    accept: (command, instanceId, job, toAgent) => {
      const fate = faults.onCommand(instanceId, command.id, command.documentName)
      fates.set(`${command.id}/${instanceId}`, fate)
      if (fate === 'lose') return
      const kind = typeof fate === 'string' ? fate : fate.kind
      if (kind === 'undeliverable') return end(command.id, instanceId, 'Failed', 'Undeliverable')
      if (kind === 'disk_full') return end(command.id, instanceId, 'Failed', 'Failed', noSpace)
      if (kind === 'read_only') return end(command.id, instanceId, 'Failed', 'Failed')
      const isSkewed = typeof fate === 'object' && fate.kind === 'wrong_clock'
      const own = isSkewed ? withClock(job, writeWrongClock(directory, fate.seconds)) : job
      run(command, instanceId, fate, own, toAgent())
    },
    tell: (commandId, instanceId, scriptEnd, hear) => {
      const key = `${commandId}/${instanceId}`
      const fate = fates.get(key) ?? 'run'
      fates.delete(key)
      if (typeof fate === 'string') return hear(scriptEnd)
      if (fate.kind === 'forget') return
      if (fate.kind === 'restart_agent')
        return timers.after(fate.milliseconds, () => hear(scriptEnd))
      if (fate.kind !== 'cut_output') return hear(scriptEnd)
      hear({ ...scriptEnd, stdout: scriptEnd.stdout.slice(0, fate.characters), stderr: '' })
    },
  }
}
