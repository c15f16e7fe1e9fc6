import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { docker } from '../../local/docker/docker.ts'
import type { Server } from './server.ts'

/** USER_HZ, in which /proc counts on every Linux of these machines. */
const ticksPerSecond = 100

/** A container has a network namespace of its own, by which its processes are found. */
const networkOf = (pid: number | string): string => readlinkSync(`/proc/${pid}/ns/net`)

const networkOfContainer = async (name: string): Promise<string> =>
  networkOf((await docker(['inspect', '--format', '{{.State.Pid}}', name])).trim())

/** User and system time, of all threads. The name of a program may hold anything, and ends with the last bracket. */
const ticksOf = (pid: string): number => {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return Number(fields[11]) + Number(fields[12])
}

const listPids = (networks: ReadonlySet<string>): readonly string[] =>
  readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) return false
    try {
      return networks.has(networkOf(pid))
    } catch {
      // It has ended meanwhile.
      return false
    }
  })

/**
 * Reads the processor seconds of a server until now: its proxy, its app, and the engine with what it starts, which writes
 * the log. The kernel's part for packets is in it as far as it runs for these.
 */
export const createProcessorReader = async ({ proxy, app }: Server): Promise<() => number> => {
  const containers = proxy === null ? [app()] : [proxy, app()]
  const networks = new Set([
    networkOf(process.pid),
    ...(await Promise.all(containers.map(networkOfContainer))),
  ])
  const pids = listPids(networks)
  return () => pids.reduce((ticks, pid) => ticks + ticksOf(pid), 0) / ticksPerSecond
}

/** Bytes of memory that the container's processes have, each shared page divided among those that share it. */
export const readMemory = async (container: string): Promise<number> => {
  const networks = new Set([await networkOfContainer(container)])
  return listPids(networks).reduce((bytes, pid) => {
    const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')
    return bytes + Number(/^Pss:\s+(\d+) kB/m.exec(rollup)?.[1]) * 1024
  }, 0)
}
