import type { Account } from '../account.ts'
import type { EventFacts } from '../event-bus.ts'
import type { Faults } from '../faults.ts'
import type { Fleet, FleetMember, Instance } from '../fleet.ts'
import { startAgent, type Agent, type Job, type JobEnd } from './agent.ts'
import { isOver, type Command, type Invocation } from './command.ts'
import type { CommandStore } from './command-store.ts'
import { createDelivery, type DeliveryParts } from './delivery.ts'
import { toTimeoutSeconds, type Document } from './document.ts'
import { createFates, type Fates } from './fates.ts'
import { toInvocationEvent } from './invocation-event.ts'
import { cutStandardError, cutStandardOutput } from './output.ts'
import { toEnvironment, toScript } from './parameters.ts'
import { runScript, type RunScript } from './run-script.ts'
import { createTimers } from '../timers.ts'

export interface RunCommandParts {
  readonly account: Account
  readonly fleet: Fleet
  readonly commands: CommandStore
  readonly findDocument: (name: string) => Document
  readonly emit: (facts: EventFacts) => void
  readonly faults: Faults
  /** Holds `<instance>/orchestration/<command>/<step>/…`, as `/var/lib/amazon/ssm` does. */
  readonly directory: string
  /** How long a command is on its way to its agent. */
  readonly deliverMilliseconds: number
  readonly runScript?: RunScript | undefined
}

export interface RunCommand {
  /** Brings each pending invocation to its agent. */
  deliver(command: Command): void
  cancel(command: Command, instanceIds: readonly string[]): void
  /** After a restart: what waited is delivered, what ran was killed with the stack. */
  resume(): void
  stop(): Promise<void>
}

const toJob = (command: Command, document: Document): Job => {
  const [step] = document.content.mainSteps
  return {
    commandId: command.id,
    stepName: step.name,
    script: toScript(document, command.parameters),
    timeoutSeconds: toTimeoutSeconds(document.content),
    workingDirectory: step.inputs.workingDirectory,
    environment: {
      ...step.inputs.environment,
      ...toEnvironment(document, command.parameters),
    },
  }
}

/** The agent's own words follow what a failing script has written. */
const withWords = ({ status, exitCode, stderr }: JobEnd): string => {
  if (status !== 'Failed') return stderr
  const gap = stderr === '' || stderr.endsWith('\n') ? '' : '\n'
  return `${stderr}${gap}failed to run commands: exit status ${exitCode}`
}

const toEnding = (end: JobEnd): Partial<Invocation> => ({
  status: end.status,
  statusDetails: end.status === 'TimedOut' ? 'ExecutionTimedOut' : end.status,
  responseCode: end.exitCode,
  stdout: cutStandardOutput(end.stdout),
  stderr: cutStandardError(withWords(end)),
  endedAt: new Date().toISOString(),
})

type Change = (commandId: string, instanceId: string, facts: Partial<Invocation>) => void
type Find = (commandId: string, instanceId: string) => Invocation | undefined

const createAgents = (parts: RunCommandParts, fates: Fates, find: Find, change: Change) => {
  const agents = new Map<string, Agent>()
  const onStart = (instance: Instance, commandId: string): boolean => {
    if (find(commandId, instance.id)?.status !== 'Pending') return false
    const startedAt = new Date().toISOString()
    const status = 'InProgress'
    change(commandId, instance.id, { status, statusDetails: status, startedAt })
    return true
  }
  const at = (instance: Instance): Agent => {
    const existing = agents.get(instance.id)
    if (existing) return existing
    const events = {
      onStart: (commandId: string) => onStart(instance, commandId),
      onEnd: (commandId: string, end: JobEnd) =>
        fates.tell(commandId, instance.id, end, (heard) =>
          change(commandId, instance.id, toEnding(heard)),
        ),
    }
    const run = parts.runScript ?? runScript
    const agent = startAgent(parts.account, instance, parts.directory, events, run)
    agents.set(instance.id, agent)
    return agent
  }
  return { at, find: (id: string) => agents.get(id), all: () => [...agents.values()] }
}

const isOpen = ({ invocations }: Command): boolean => !invocations.every(isOver)

/** SIGKILL without a cancel: the agent takes it for a timeout. */
const interrupted: JobEnd = { exitCode: 137, status: 'TimedOut', stdout: '', stderr: '' }

/** Carries commands between the store and the agents, one per instance. */
export const startRunCommand = (parts: RunCommandParts): RunCommand => {
  const timers = createTimers()
  const find: Find = (commandId, instanceId) =>
    parts.commands.find(commandId)?.invocations.find((one) => one.instanceId === instanceId)
  const change: Change = (commandId, instanceId, facts) => {
    const command = parts.commands.changeInvocation(commandId, instanceId, facts)
    const invocation = find(commandId, instanceId)
    if (invocation) parts.emit(toInvocationEvent(parts.account, command, invocation))
  }
  const end = (
    id: string,
    instanceId: string,
    status: Invocation['status'],
    statusDetails: string,
    agentWords?: string,
  ): void => {
    const ending = { status, statusDetails, endedAt: new Date().toISOString() }
    change(id, instanceId, agentWords === undefined ? ending : { ...ending, agentWords })
  }
  const fates = createFates({ faults: parts.faults, directory: parts.directory, timers, end })
  const agents = createAgents(parts, fates, find, change)
  const handOver = (command: Command, { instance }: FleetMember): void => {
    const job = toJob(command, parts.findDocument(command.documentName))
    fates.accept(command, instance.id, job, () => agents.at(instance))
  }
  const isPending = ({ id }: Command, instanceId: string): boolean =>
    find(id, instanceId)?.status === 'Pending'
  const giveUp: DeliveryParts['end'] = ({ id }, ...how) => end(id, ...how)
  const attempt = createDelivery({ fleet: parts.fleet, timers, isPending, handOver, end: giveUp })
  const deliver = (command: Command): void => {
    for (const { instanceId } of command.invocations)
      timers.after(parts.deliverMilliseconds, () => attempt(command, instanceId))
  }
  const resume = (command: Command): void => {
    for (const { status, instanceId } of command.invocations)
      if (status === 'InProgress') change(command.id, instanceId, toEnding(interrupted))
    deliver(command)
  }
  return {
    deliver,
    resume: () => parts.commands.list().filter(isOpen).forEach(resume),
    cancel: (command, instanceIds) => {
      for (const invocation of command.invocations) {
        if (isOver(invocation) || !instanceIds.includes(invocation.instanceId)) continue
        if (invocation.status === 'InProgress')
          agents.find(invocation.instanceId)?.cancel(command.id)
        else end(command.id, invocation.instanceId, 'Cancelled', 'Cancelled')
      }
    },
    stop: async () => {
      timers.clear()
      await Promise.all(agents.all().map((agent) => agent.stop()))
    },
  }
}
