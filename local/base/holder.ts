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

interface OpenFile {
  /** Its number among the process's files. */
  readonly number: string
  readonly path: string
}

const openFiles = (pid: number): readonly OpenFile[] =>
  tryTo(() => readdirSync(`/proc/${pid}/fd`), []).map((number) => ({
    number,
    path: tryTo(() => readlinkSync(`/proc/${pid}/fd/${number}`), ''),
  }))

const listProcesses = (): readonly number[] =>
  tryTo(() => readdirSync('/proc'), [])
    .filter((name) => /^\d+$/.test(name))
    .map(Number)

const findHolder = (port: number): number | undefined => {
  const sockets = findSockets(port)
  if (sockets.size === 0) return undefined
  return listProcesses().find((pid) => openFiles(pid).some(({ path }) => sockets.has(path)))
}

interface RunningStack {
  readonly pid: number
  readonly state: string
}

/** A stack's children inherit the open file, but not the lock. */
const isLocked = (pid: number, number: string): boolean =>
  /^lock:.* POSIX .* WRITE /m.test(readText(`/proc/${pid}/fdinfo/${number}`))

const listStacks = (): readonly RunningStack[] =>
  listProcesses().flatMap((pid) =>
    openFiles(pid)
      .filter(({ number, path }) => path.endsWith(`/${lock}`) && isLocked(pid, number))
      .map(({ path }) => ({ pid, state: path.slice(0, -lock.length - 1) })),
  )

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
