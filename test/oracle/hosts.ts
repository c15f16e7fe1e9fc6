import type { Answer } from './frozen/deployment/step.ts'
import { Generation, InstanceId } from './frozen/kernel/id.ts'
import type { Reason } from './frozen/kernel/reason.ts'
import {
  answerOf,
  arrive,
  createHost,
  finish,
  faults,
  type Fault,
  type Host,
} from './frozen/support/hosts.ts'
import { hash } from './random.ts'
import { digestAt, fleetName, service } from './settings.ts'
import type { Command } from './side.ts'
import type { Setup } from './story.ts'

/** A host of the frozen world, or a service of Render, and what of it a story changes. */
export interface Machine {
  readonly host: Host
  /** Null: a service of Render, which knows no fences and is reached through no agent. */
  readonly fleet: string | null
  /** Whether it is in the fleet at all. */
  isThere: boolean
  /** How many commands of each purpose it has got, repetitions under one fence aside. */
  readonly commands: Map<string, number>
  /** How often each fence has come; a new one each time the journal is restored. */
  readonly fences: Map<string, number>
}

const createMachine = (id: InstanceId, fleet: string | null): Machine => ({
  host: createHost(id),
  fleet,
  isThere: true,
  commands: new Map(),
  fences: new Map(),
})

export const createMachines = ({ fleets, render }: Setup): readonly Machine[] => {
  const hosts = fleets.flatMap((size, fleet) =>
    Array.from({ length: size }, (_, index) =>
      createMachine(InstanceId.parse(`i-0000000${fleet}${index + 1}`), fleetName(fleet)),
    ),
  )
  return render === 'none' ? hosts : [...hosts, createMachine(service, null)]
}

/** How a command goes wrong on an instance: a story's seed decides it by purpose and by how often. */
export type Fate = Fault | 'refused'

const fates: readonly Fate[] = [...faults, ...faults, 'refused', 'fails', 'fails']

export const fateOf = (setup: Setup, machine: Machine, command: Command, epoch: number): Fate => {
  const { purpose, fence } = command
  const key = `${epoch} ${fence}`
  const copies = machine.fences.get(key) ?? 0
  machine.fences.set(key, copies + 1)
  const before = machine.commands.get(purpose) ?? 0
  const nth = copies === 0 ? before + 1 : before
  machine.commands.set(purpose, nth)
  const draw = hash(setup.seed, 'fate', machine.host.id, purpose, nth, copies)
  const isSlow = hash(setup.seed, 'slow', machine.host.id, purpose, nth) % 100 < setup.slowPercent
  if (draw % 100 >= setup.faultsPercent) return isSlow ? 'slow' : 'none'
  return fates[Math.floor(draw / 100) % fates.length] ?? 'none'
}

const failures: readonly Reason[] = [
  'unhealthy',
  'unhealthy',
  'exited',
  'start_failed',
  'pull_failed',
  'switch_failed',
  'disk_full',
]

const failureOf = (setup: Setup, { predeployOn, purpose, generation }: Command, id: string) => {
  const draw = hash(setup.seed, 'failure', id, purpose, generation)
  if (predeployOn === id && draw % 3 === 0) return 'predeploy_failed'
  return failures[draw % failures.length] ?? 'unhealthy'
}

/** What is said of a failure is as manifold as it is on hosts. */
const inWords = (setup: Setup, command: Command, answer: Answer): Answer =>
  answer.reason === 'unhealthy'
    ? { ...answer, reason: failureOf(setup, command, answer.id) }
    : answer

/** A service of Render: no fence, no certificate, slow, and one answer for all that is asked of it. */
const deployService = (machine: Machine, command: Command, fate: Fate): Answer | null => {
  const { host } = machine
  const { release } = command
  if (fate === 'killed_early' || fate === 'slow') return null
  if (fate === 'fails' || fate === 'refused')
    return answerOf(host.id, 'failed', 'unhealthy', { serving: host.serving })
  host.serving =
    release === null ? null : { generation: release.generation, digest: release.digest }
  return fate === 'answer_lost' || fate === 'killed_late' || fate === 'killed_dark'
    ? null
    : answerOf(host.id, 'succeeded', 'deployed', { serving: host.serving })
}

export interface Delivery {
  readonly machine: Machine
  readonly command: Command
  readonly fate: Fate
  /** The key that the envelope was sealed for. */
  readonly key: number | null
}

/** What a command is answered when it arrives, or when it will be done. */
export const arriveAt = (
  { machine, command, fate, key }: Delivery,
  now: number,
): Answer | { readonly doneAt: number } => {
  if (machine.fleet === null) return { doneAt: now + 20_000 }
  if (fate === 'refused') {
    const { fenceSeen, serving } = machine.host
    return answerOf(machine.host.id, 'refused', 'agent_too_old', { fenceSeen, serving })
  }
  return arrive(machine.host, { order: command, key, fault: fate }, now)
}

/** What is refused is so when it arrives. */
const toFault = (fate: Fate): Fault => (fate === 'refused' ? 'none' : fate)

/** The moment a command is done; null: no answer ever. */
export const finishAt = (
  setup: Setup,
  { machine, command, fate, key }: Delivery,
  now: number,
): Answer | null => {
  const answer =
    machine.fleet === null
      ? deployService(machine, command, fate)
      : finish(machine.host, { order: command, key, fault: toFault(fate) }, now)
  return answer === null ? null : inWords(setup, command, answer)
}

/** Somebody changed by hand what runs on a host. */
export const changeByHand = ({ host }: Machine, serves: 'nothing' | 'other' | 'image'): void => {
  if (serves === 'nothing') host.serving = null
  if (serves === 'other') host.serving = { generation: Generation.parse(77), digest: digestAt(77) }
  if (serves === 'image' && host.serving !== null)
    host.serving = { ...host.serving, digest: digestAt(78) }
  if (serves !== 'image') host.numberedAt = null
}

/** The hosts have seen fences that a journal from before does not know: far above any it will give out soon. */
export const raiseFences = (setup: Setup, machines: readonly Machine[], epoch: number): void => {
  const highest = Math.max(0, ...machines.map(({ host }) => host.fenceSeen))
  for (const { host } of machines)
    if (host.fenceSeen > 0)
      host.fenceSeen = highest + 1000 * (1 + (hash(setup.seed, 'fence', host.id, epoch) % 8))
}
