import { readdirSync, readFileSync, readlinkSync, realpathSync } from 'node:fs'

// Who holds what this stack would need, from Linux's /proc: as far as this user may know, else nothing.

/** Of a listening socket, as /proc/net/tcp writes it. */
const listening = '0A'
/** 127.0.0.1, 0.0.0.0, ::, ::1 and ::ffff:127.0.0.1: what keeps a port of loopback from others. */
const onLoopback = /^(0100007F|0{8}|0{32}|0{24}01000000|0{16}FFFF00000100007F)$/
/** A stack's database keeps this file locked as long as the stack runs. */
const lock = 'aws/dynamodb/LOCK'
const shownCharacters = 120

const tryTo = <Value>(read: () => Value, otherwise: Value): Value => {
  try {
    return read()
  } catch {
    return otherwise
  }
}

const readText = (path: string): string => tryTo(() => readFileSync(path, 'utf8'), '')

const findSockets = (port: number): ReadonlySet<string> => {
  const lines = ['tcp', 'tcp6'].flatMap((table) => readText(`/proc/net/${table}`).split('\n'))
  const sockets = lines.flatMap((line) => {
    const [, local = '', , state, , , , , , inode = ''] = line.trim().split(/\s+/)
    const [address = '', hex = ''] = local.split(':')
    const isOnPort = Number.parseInt(hex, 16) === port && onLoopback.test(address)
    return isOnPort && state === listening ? [`socket:[${inode}]`] : []
  })
  return new Set(sockets)
}

const openFiles = (pid: number): readonly string[] =>
  tryTo(() => readdirSync(`/proc/${pid}/fd`), []).map((name) =>
    tryTo(() => readlinkSync(`/proc/${pid}/fd/${name}`), ''),
  )

const findHolder = (port: number): number | undefined => {
  const sockets = findSockets(port)
  if (sockets.size === 0) return undefined
  const pids = tryTo(() => readdirSync('/proc'), []).filter((name) => /^\d+$/.test(name))
  return pids.map(Number).find((pid) => openFiles(pid).some((file) => sockets.has(file)))
}

interface RunningStack {
  readonly pid: number
  readonly state: string
}

/** By the lock, not by the open file alone, which a stack's children inherit. */
const listStacks = (): readonly RunningStack[] => {
  const locks = readText('/proc/locks').matchAll(/ POSIX +\w+ +WRITE (\d+) /g)
  const pids = new Set([...locks].map(([, pid]) => Number(pid)))
  return [...pids].flatMap((pid) =>
    openFiles(pid)
      .filter((file) => file.endsWith(`/${lock}`))
      .map((file) => ({ pid, state: file.slice(0, -lock.length - 1) })),
  )
}

const parentOf = (pid: number): number =>
  Number(/^PPid:\s*(\d+)$/m.exec(readText(`/proc/${pid}/status`))?.[1] ?? 0)

/** The stack that `pid` is or belongs to: its API and its registry are processes of their own. */
const findStack = (pid: number, stacks = listStacks()): RunningStack | undefined =>
  pid <= 1
    ? undefined
    : (stacks.find((stack) => stack.pid === pid) ?? findStack(parentOf(pid), stacks))

/** On one line, whatever the process was given. */
const tellProcess = (pid: number): string => {
  const command = readText(`/proc/${pid}/cmdline`)
    .replaceAll(/[\p{C}\s]+/gu, ' ')
    .trim()
  const isLong = command.length > shownCharacters
  return `process ${pid}: ${isLong ? `${command.slice(0, shownCharacters)}…` : command}`
}

/** Whose a taken port is, in one line. */
export const tellTakenPort = (port: number): string => {
  const holder = findHolder(port)
  if (holder === undefined) return `Port ${port} is taken; choose another.`
  const stack = findStack(holder)
  if (stack === undefined)
    return `Port ${port} is taken by ${tellProcess(holder)}; stop it or choose another port.`
  const whose = `the local stack with its state in ${stack.state} (${tellProcess(stack.pid)})`
  return `Port ${port} is taken by ${whose}; stop it, or choose other ports and another --state-dir.`
}

/** The stack that runs on this state directory, in one line; null where none is known. */
export const tellTakenState = (state: string): string | null => {
  const real = tryTo(() => realpathSync(state), state)
  const stack = listStacks().find((one) => one.state === real)
  if (stack === undefined) return null
  return `A local stack runs with its state in ${state} (${tellProcess(stack.pid)}); stop it or choose another --state-dir.`
}
