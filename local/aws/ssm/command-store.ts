import { mkdirSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { openJsonFile } from '../../base/json-file.ts'
import { Command, type Invocation } from './command.ts'

/** SSM keeps 30 days; what is older than this many is forgotten here. */
const keptCommands = 2_000

export interface CommandStore {
  /** Newest first. */
  list(): readonly Command[]
  find(id: string): Command | null
  add(command: Command): void
  change(id: string, change: Partial<Command>): Command
  changeInvocation(id: string, instanceId: string, change: Partial<Invocation>): Command
}

const load = (directory: string): Command[] =>
  readdirSync(directory)
    .filter((name) => name.endsWith('.json'))
    .map((name) => openJsonFile(join(directory, name), Command).read())
    .filter((command) => command !== null)
    .sort((a, b) => a.requestedAt.localeCompare(b.requestedAt))

/** A file a command, so that a change writes only its own. */
export const openCommandStore = (directory: string): CommandStore => {
  mkdirSync(directory, { recursive: true })
  const commands = new Map(load(directory).map((command) => [command.id, command]))
  const toPath = (id: string): string => join(directory, `${id}.json`)
  const put = (command: Command): Command => {
    commands.set(command.id, command)
    openJsonFile(toPath(command.id), Command).write(command)
    return command
  }
  const forgetOldest = (): void => {
    for (const id of commands.keys()) {
      if (commands.size <= keptCommands) return
      commands.delete(id)
      rmSync(toPath(id), { force: true })
    }
  }
  const require = (id: string): Command => {
    const command = commands.get(id)
    if (!command) throw new Error(`No command ${id} in the store`)
    return command
  }
  return {
    list: () => [...commands.values()].reverse(),
    find: (id) => commands.get(id) ?? null,
    add: (command) => {
      put(command)
      forgetOldest()
    },
    change: (id, change) => put({ ...require(id), ...change }),
    changeInvocation: (id, instanceId, change) => {
      const command = require(id)
      const invocations = command.invocations.map((invocation) =>
        invocation.instanceId === instanceId ? { ...invocation, ...change } : invocation,
      )
      return put({ ...command, invocations })
    },
  }
}
