import { readdirSync, readFileSync } from 'node:fs'

/** A process of this machine; the start time tells it from a later one with the same number. */
export interface Seen {
  readonly pid: number
  readonly parent: number
  readonly startTime: string
  readonly command: string
}

/** null for one that has ended, also where its parent has not asked for its exit code yet. */
const look = (pid: number): Seen | null => {
  try {
    // The name in parentheses may hold spaces and parentheses itself.
    const [, facts = ''] =
      /^\d+ \(.*\) (.*)$/s.exec(readFileSync(`/proc/${pid}/stat`, 'utf8')) ?? []
    const [state, parent, ...rest] = facts.split(' ')
    if (state === 'Z' || state === 'X') return null
    const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim()
    return { pid, parent: Number(parent), startTime: rest[17] ?? '', command }
  } catch {
    return null
  }
}

/** A process and all that it started, and these started, at this moment. */
export const listTree = (root: number): readonly Seen[] => {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  const all = pids.flatMap((pid) => look(Number(pid)) ?? [])
  const withChildren = (one: Seen): readonly Seen[] => [
    one,
    ...all.filter(({ parent }) => parent === one.pid).flatMap(withChildren),
  ]
  return all.filter(({ pid }) => pid === root).flatMap(withChildren)
}

/** The command lines of those that still run: what is shown where a test waits for them in vain. */
export const stillRunning = (seen: readonly Seen[]): readonly string[] =>
  seen
    .filter(({ pid, startTime }) => look(pid)?.startTime === startTime)
    .map(({ pid, command }) => `${pid} ${command}`)
