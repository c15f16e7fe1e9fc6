import type { Account } from '../account.ts'
import type { EventFacts } from '../event-bus.ts'
import type { Faults } from '../faults.ts'
import type { Fleet, FleetMember, Instance } from '../fleet.ts'
import { startAgent, type Agent, type Job, type StartAgent } from './agent.ts'
import { isOver, type Command, type Invocation } from './command.ts'
import type { CommandStore } from './command-store.ts'
import { createDelivery } from './delivery.ts'
import { toTimeoutSeconds, type Document } from './document.ts'
import { createFates, type Fates } from './fates.ts'
import { toInvocationEvent } from './invocation-event.ts'
import { toEnvironment, toScript } from './parameters.ts'
import { toLostReply, workerLost, type Reply } from './reply.ts'
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
  /** After how long an agent that has started again says of a script that it is lost. */
  readonly lossMilliseconds: number
  readonly runScript?: RunScript | undefined
  readonly startAgent?: StartAgent | undefined
}

export interface RunCommand {
  /** Brings each pending invocation to its agent. */
  deliver(command: Command): void
  cancel(command: Command, instanceIds: readonly string[]): void
  /** After a restart: what waited is delivered or begun, what ran was killed with the stack, as by a restart of its machine. */
  resume(): void
  stop(): Promise<void>
}

const toJob = (command: Command, document: Document): Job => {
  const [step] = document.content.mainSteps
  return {
    commandId: command.id,
    documentName: document.name,
    content: document.content,
    parameters: command.parameters,
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

/** What SSM keeps of the standard error that an agent sends. */
const maxErrorLength = 8_000

const toEnding = (reply: Reply): Partial<Invocation> => ({
  status: reply.status,
  statusDetails: reply.status === 'TimedOut' ? 'ExecutionTimedOut' : reply.status,
  responseCode: reply.code,
  output: reply.output,
  stdout: reply.standardOutput,
  stderr: reply.standardError.slice(0, maxErrorLength),
  endedAt: new Date().toISOString(),
})

/** Of an invocation that is not over yet. */
type Change = (commandId: string, instanceId: string, facts: Partial<Invocation>) => void

const createAgents = (parts: RunCommandParts, fates: Fates, change: Change) => {
  const agents = new Map<string, Agent>()
  const at = (instance: Instance): Agent => {
    const existing = agents.get(instance.id)
    if (existing) return existing
    const events = {
      onAccept: (commandId: string) => {
        const startedAt = new Date().toISOString()
        const status = 'InProgress'
        change(commandId, instance.id, { status, statusDetails: status, startedAt })
      },
      onStart: (commandId: string) => change(commandId, instance.id, { begun: true }),
      onReply: (commandId: string, reply: Reply) => fates.tell(commandId, instance.id, reply),
    }
    const start = parts.startAgent ?? startAgent(parts.runScript ?? runScript)
    const agent = start(parts.account, instance, parts.directory, events)
    agents.set(instance.id, agent)
    return agent
  }
  return { at, find: (id: string) => agents.get(id), all: () => [...agents.values()] }
}

const isOpen = ({ invocations }: Command): boolean => !invocations.every(isOver)

/** Carries commands between the store and the agents, one per instance. */
export const startRunCommand = (parts: RunCommandParts): RunCommand => {
  const { account, commands, directory, faults, fleet } = parts
  const timers = createTimers()
  const find = (commandId: string, instanceId: string): Invocation | undefined =>
    commands.find(commandId)?.invocations.find((one) => one.instanceId === instanceId)
  const change: Change = (commandId, instanceId, facts) => {
    const before = find(commandId, instanceId)
    if (before === undefined || isOver(before)) return
    const command = commands.changeInvocation(commandId, instanceId, facts)
    if (facts.status !== undefined)
      parts.emit(toInvocationEvent(account, command, { ...before, ...facts }))
  }
  const end = (
    id: string,
    instanceId: string,
    status: Invocation['status'],
    statusDetails: string,
  ): void => change(id, instanceId, { status, statusDetails, endedAt: new Date().toISOString() })
  const hear = (id: string, instanceId: string, reply: Reply): void =>
    change(id, instanceId, toEnding(reply))
  const fates = createFates({ faults, directory, timers, end, hear })
  const agents = createAgents(parts, fates, change)
  const handOver = (command: Command, { instance }: FleetMember): boolean => {
    const job = toJob(command, parts.findDocument(command.documentName))
    return fates.accept(command, instance.id, job, agents.at(instance))
  }
  const attempt = createDelivery({ fleet, timers, find, handOver, end })
  const deliver = (command: Command): void => {
    for (const { instanceId } of command.invocations)
      timers.after(parts.deliverMilliseconds, () => attempt(command, instanceId))
  }
  const resume = (command: Command): void => {
    for (const { status, instanceId, begun } of command.invocations) {
      const member = fleet.get(instanceId)
      if (status !== 'InProgress') continue
      if (begun === true)
        timers.after(parts.lossMilliseconds, () =>
          hear(command.id, instanceId, toLostReply(workerLost)),
        )
      else if (member !== undefined) handOver(command, member)
    }
    deliver(command)
  }
  return {
    deliver,
    resume: () => commands.list().filter(isOpen).forEach(resume),
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
